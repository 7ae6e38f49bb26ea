"""SCRAM; the examples of RFC 5802 section 5 and RFC 7677 section 3."""

import base64
from dataclasses import replace

import pytest

from gatepost.model.credentials import Principal
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.channel import ChannelBinding
from gatepost.sasl.exchange import Exchange, MalformedChallenge, UnusableCredentials, conclude
from gatepost.sasl.interview import (
    Challenge,
    Interview,
    Lookup,
    MalformedResponse,
    ServerSide,
    Verifier,
)
from gatepost.sasl.scram import (
    MOST_ITERATIONS,
    Scram,
    ScramSha1,
    ScramSha1Plus,
    ScramSha256,
    ScramSha256Plus,
    ScramSha512Plus,
    scram,
)
from gatepost.sasl.verifiers import scram_verifier
from tests.unit.sasl.play import CLIENT_NONCE, DENIED, SERVER_NONCE, SIDE, Users, drive, play

PENCIL = Secret("pencil")
EXAMPLES = [
    pytest.param(
        ScramSha1,
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        id="RFC 5802 section 5",
    ),
    pytest.param(
        ScramSha256,
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        id="RFC 7677 section 3",
    ),
]
Example = tuple[type[Scram], bytes, bytes, bytes, bytes]
SHA1: Example = EXAMPLES[0].values  # type: ignore[assignment]  # pytest types them as objects

END_POINT = ChannelBinding("tls-server-end-point", b"hash of the certificate")
EXPORTER = ChannelBinding("tls-exporter", b"keying material")
PLUS = frozenset({"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"})


def nonces(first: bytes, offer: bytes) -> tuple[str, str]:
    ours = first.decode().partition(",r=")[2]
    return ours, offer.decode().partition(",")[0][2:].removeprefix(ours)


def begin(mechanism: Scram) -> Exchange:
    exchange = mechanism.exchange()
    assert next(exchange)
    return exchange


def kept(kind: type[Scram], offer: bytes) -> Verifier:
    salt = base64.b64decode(offer.decode().split(",s=")[1].split(",")[0])
    return Verifier(Principal("user"), scram=scram_verifier(PENCIL, salt, 4_096, kind.digest))


@pytest.mark.parametrize(("kind", "first", "offer", "final", "proof"), EXAMPLES)
def test_the_client_speaks_the_example(
    kind: type[Scram], first: bytes, offer: bytes, final: bytes, proof: bytes
) -> None:
    exchange = kind("user", PENCIL, nonces(first, offer)[0]).exchange()
    assert next(exchange) == first
    assert exchange.send(offer) == final
    assert exchange.send(proof) == b"", "in SMTP the proof comes in a 334 (RFC 4954 4)"
    conclude(exchange)


@pytest.mark.parametrize(("kind", "first", "offer", "final", "proof"), EXAMPLES)
def test_the_server_speaks_the_example(
    kind: type[Scram], first: bytes, offer: bytes, final: bytes, proof: bytes
) -> None:
    side = ServerSide(nonce=nonces(first, offer)[1])
    interview = scram(kind, None, side)
    questions, verdict = drive(interview, first, kept(kind, offer), final, b"")
    assert questions == [
        Challenge(b""), Lookup("user", kind.name), Challenge(offer), Challenge(proof)
    ]  # fmt: skip
    assert verdict == Principal("user", mechanism=kind.name)


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("kind", [ScramSha1, ScramSha256])
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("user", "pencil"),
        ("a,b=c=2C", "p,a=s"),
        ("rené", "pässwörd"),
        ("user", "I\u00adX"),  # RFC 4013, section 3: a soft hyphen is mapped to nothing
        ("user", "\u00aa"),  # and the feminine ordinal to "a"
    ],
)
def test_client_and_server_agree(
    kind: type[Scram], name: str, password: str, initial: bool
) -> None:
    mechanism = kind(name, Secret(password), CLIENT_NONCE)
    played = play(mechanism, Users({name: password}), initial=initial)
    assert played.verdict == Principal(name, mechanism=kind.name)


@pytest.mark.parametrize(
    ("name", "password", "slug"),
    [("user", "pen", "bad_credentials"), ("resu", "pencil", "unknown_user")],
)
def test_a_wrong_password_and_an_unknown_name_look_alike(
    name: str, password: str, slug: str
) -> None:
    played = play(ScramSha256(name, Secret(password), CLIENT_NONCE), Users({"user": "pencil"}))
    right = play(ScramSha256("user", PENCIL, CLIENT_NONCE), Users({"user": "pencil"}))
    assert played.verdict == DENIED
    assert isinstance(played.verdict, Reply)
    assert played.verdict.reason.startswith(slug)
    assert played.shape[:3] == right.shape[:3]
    assert played.said[3:] == [("S", b"e=invalid-proof"), ("C", b"")]


def test_an_unknown_name_has_the_same_salt_at_every_try() -> None:
    twice = [play(ScramSha1("nobody", PENCIL, CLIENT_NONCE), Users()).said[1] for _ in range(2)]
    assert twice[0] == twice[1]
    assert play(ScramSha1("no", PENCIL, CLIENT_NONCE), Users()).said[1] != twice[0]


def test_a_decoy_is_refused_even_if_the_proof_fits() -> None:
    kind, first, offer, final, _ = SHA1
    side = ServerSide(nonce=nonces(first, offer)[1], refusal=DENIED)
    decoy = replace(kept(kind, offer), refusal=Reply(535, reason="locked: by the operator"))
    questions, verdict = drive(scram(kind, first, side), decoy, final, b"")
    assert questions[-1] == Challenge(b"e=invalid-proof")
    assert verdict == DENIED
    assert isinstance(verdict, Reply)
    assert verdict.reason.startswith("locked")


def test_a_decoy_without_a_reason_is_refused() -> None:
    kind, first, offer, final, _ = SHA1
    side = ServerSide(nonce=nonces(first, offer)[1], refusal=DENIED)
    decoy = replace(kept(kind, offer), principal=None)
    assert drive(scram(kind, first, side), decoy, final, b"")[1] == DENIED


def test_a_name_without_verifier_is_refused() -> None:
    _, verdict = drive(scram(ScramSha1, b"n,,n=user,r=abc", SIDE), Verifier(Principal("user")))
    assert verdict == DENIED


def test_a_foreign_authzid_is_denied() -> None:
    users = Users({"user": "pencil"})
    played = play(ScramSha1("user", PENCIL, CLIENT_NONCE, authzid="root"), users)
    assert played.said[0][1].startswith(b"n,a=root,n=user,")
    assert played.verdict == DENIED
    own = play(ScramSha1("user", PENCIL, CLIENT_NONCE, authzid="user"), users)
    assert isinstance(own.verdict, Principal)


# What the client does not put up with


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param("", id="empty"),
        pytest.param("s=QSXCR+Q6sek8bf92,i=4096", id="no nonce"),
        pytest.param("r={},s=QSXCR+Q6sek8bf92,i=4096", id="nonce not continued"),
        pytest.param("r=x{}y,s=QSXCR+Q6sek8bf92,i=4096", id="nonce not ours"),
        pytest.param("m=x,r={}y,s=QSXCR+Q6sek8bf92,i=4096", id="mandatory extension"),
        pytest.param("r={}y,s=QSXCR+Q6sek8bf9,i=4096", id="salt not base64"),
        pytest.param("r={}y,s=QSX!CR+Q6sek8bf92,i=4096", id="salt not only base64"),
        pytest.param("r={}y,s=,i=4096", id="no salt"),
        pytest.param("r={}y,s=QSXCR+Q6sek8bf92,i=4095", id="too few iterations"),
        pytest.param(f"r={{}}y,s=QSXCR+Q6sek8bf92,i={MOST_ITERATIONS + 1}", id="too many"),
        pytest.param("r={}y,s=QSXCR+Q6sek8bf92,i=" + "9" * 5_000, id="far too many"),
        pytest.param("r={}y,s=QSXCR+Q6sek8bf92,i=-4096", id="negative"),
        pytest.param("r={}y,s=QSXCR+Q6sek8bf92,i=٤٠٩٦", id="other digits"),
        pytest.param("r={}y,s=QSXCR+Q6sek8bf92", id="no iterations"),
        pytest.param("r={}\udcff,s=QSXCR+Q6sek8bf92,i=4096", id="not UTF-8"),
        pytest.param("r={}y,s=QSXCR+Q6sek8bf92,i=4096,x=" + "x" * 9_000, id="too long"),
    ],
)
def test_a_strange_offer_is_malformed(offer: str) -> None:
    exchange = begin(ScramSha1("user", PENCIL, CLIENT_NONCE))
    with pytest.raises(MalformedChallenge):
        exchange.send(offer.format(CLIENT_NONCE).encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    "proof", [b"v=AAAA", b"v=", b"v=!", b"", b"x=1", b"v=rmF9pqV8S7suAoZWja4d"]
)
def test_a_server_without_the_right_proof_is_not_believed(proof: bytes) -> None:
    kind, first, offer, *_ = SHA1
    exchange = begin(kind("user", PENCIL, nonces(first, offer)[0]))
    exchange.send(offer)
    with pytest.raises(MalformedChallenge):
        exchange.send(proof)


@pytest.mark.parametrize("steps", [0, 1])
def test_success_without_the_servers_proof_is_none(steps: int) -> None:
    kind, first, offer, *_ = SHA1
    exchange = begin(kind("user", PENCIL, nonces(first, offer)[0]))
    for _ in range(steps):
        exchange.send(offer)
    with pytest.raises(MalformedChallenge, match="without its proof"):
        conclude(exchange)


@pytest.mark.parametrize("steps", [0, 1])
def test_the_servers_error_is_answered_so_that_the_refusal_follows(steps: int) -> None:
    kind, first, offer, *_ = SHA1
    exchange = begin(kind("user", PENCIL, nonces(first, offer)[0]))
    for _ in range(steps):
        exchange.send(offer)
    assert exchange.send(b"e=invalid-proof") == b""
    with pytest.raises(MalformedChallenge):
        conclude(exchange)


def test_after_an_error_there_is_nothing_more_to_say() -> None:
    exchange = begin(ScramSha1("user", PENCIL, CLIENT_NONCE))
    assert exchange.send(b"e=other-error") == b""
    with pytest.raises(MalformedChallenge, match="other-error"):
        exchange.send(OFFER)


def test_extensions_are_ignored() -> None:
    kind, first, offer, *_ = SHA1
    exchange = begin(kind("user", PENCIL, nonces(first, offer)[0]))
    assert exchange.send(offer + b",x=whatever")


# What the server does not put up with

FIRST, OFFER, FINAL = SHA1[1], SHA1[2], SHA1[3]
RFC_SIDE = ServerSide(nonce=nonces(FIRST, OFFER)[1])


def interview_of(first: bytes) -> Interview:
    return scram(ScramSha1, first, RFC_SIDE)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n,,",
        b"n=user,r=abc",
        b"n,n=user,r=abc",
        b"x,,n=user,r=abc",
        b"n,,r=abc,n=user",
        b"n,,m=x,n=user,r=abc",
        b"n,,n=user",
        b"n,,n=user,r=",
        b"n,,n=user,r=a\x7fb",
        b"n,,n=,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=us=2cer,r=abc",
        b"n,,n=us\0er,r=abc",
        b"n,,n=us\ner,r=abc",
        b"n,a=,n=user,r=abc",
        b"n,a=x=y,n=user,r=abc",
        b"n,,n=\xff,r=abc",
        b"n,,n=user,r=" + b"x" * 9_000,
        b"n,,n=" + b"x" * 10_000 + b",r=abc",
        b"p=tls-exporter,,n=user,r=abc",
    ],
)
def test_a_strange_first_message_is_malformed(first: bytes) -> None:
    with pytest.raises(MalformedResponse):
        drive(interview_of(first))


@pytest.mark.parametrize(
    "final",
    [
        b"",
        FINAL.partition(b",p=")[0],
        FINAL.replace(b"c=biws,", b""),
        FINAL.replace(b"c=biws", b"c=biw"),
        FINAL.replace(b"r=fyko", b"r=fykO"),
        FINAL.replace(b"p=v0X8", b"p=!0X8"),
        FINAL.replace(b"p=v0X8", b"p="),
        FINAL.replace(b"s=", b"s=AAAA"),
        b"c=biws," + FINAL,
        b"\xff" + FINAL,
        b"x" * 9_000 + FINAL,
    ],
)
def test_a_strange_final_message_is_malformed(final: bytes) -> None:
    with pytest.raises(MalformedResponse):
        drive(interview_of(FIRST), kept(ScramSha1, OFFER), final)


def test_the_servers_proof_is_answered_with_nothing() -> None:
    with pytest.raises(MalformedResponse):
        drive(interview_of(FIRST), kept(ScramSha1, OFFER), FINAL, b"and another thing")


# Channel binding (RFC 5802 6)


@pytest.mark.parametrize("kind", [ScramSha1Plus, ScramSha256Plus, ScramSha512Plus])
@pytest.mark.parametrize("binding", [END_POINT, EXPORTER])
def test_both_ends_of_one_connection_agree(kind: type[Scram], binding: ChannelBinding) -> None:
    side = replace(SIDE, bindings=(END_POINT, EXPORTER), offered=PLUS)
    mechanism = kind("user", PENCIL, CLIENT_NONCE, binding, server_binds=True)
    played = play(mechanism, Users({"user": "pencil"}), side)
    assert played.said[0][1].startswith(f"p={binding.kind},,".encode())
    assert played.verdict == Principal("user", mechanism=kind.name)


def test_a_man_in_the_middle_has_another_connection() -> None:
    side = replace(SIDE, bindings=(ChannelBinding(END_POINT.kind, b"another"),), offered=PLUS)
    mechanism = ScramSha256Plus("user", PENCIL, CLIENT_NONCE, END_POINT, server_binds=True)
    played = play(mechanism, Users({"user": "pencil"}), side)
    assert played.said[-2] == ("S", b"e=channel-bindings-dont-match")
    assert played.verdict == DENIED


def test_a_binding_that_the_server_does_not_know() -> None:
    side = replace(SIDE, bindings=(END_POINT,), offered=PLUS)
    mechanism = ScramSha256Plus("user", PENCIL, CLIENT_NONCE, EXPORTER)
    played = play(mechanism, Users({"user": "pencil"}), side)
    assert len(played.said) == 1, "refused before any proof: the client may try another mechanism"
    assert isinstance(played.verdict, Reply)
    assert "unsupported-channel-binding-type" in played.verdict.reason


FLAGS = [
    # binding    the client saw -PLUS   the header says
    (None,       False,                 b"n,,"),
    (None,       True,                  b"n,,"),
    (END_POINT,  False,                 b"y,,"),
    (END_POINT,  True,                  b"n,,"),
]  # fmt: skip


@pytest.mark.parametrize(("binding", "saw", "header"), FLAGS)
def test_the_client_says_what_it_could_have_done(
    binding: ChannelBinding | None, saw: bool, header: bytes
) -> None:
    mechanism = ScramSha256("user", PENCIL, CLIENT_NONCE, binding, saw)
    assert next(mechanism.exchange()) == header + f"n=user,r={CLIENT_NONCE}".encode()


def test_a_hidden_plus_mechanism_is_detected() -> None:
    hidden = ScramSha256("user", PENCIL, CLIENT_NONCE, END_POINT, server_binds=False)
    users = Users({"user": "pencil"})
    played = play(hidden, users, replace(SIDE, bindings=(END_POINT,), offered=PLUS))
    assert isinstance(played.verdict, Reply)
    assert "server-does-support-channel-binding" in played.verdict.reason
    assert isinstance(play(hidden, users, SIDE).verdict, Principal), "where it is not offered"


def test_a_plus_form_needs_its_flag() -> None:
    with pytest.raises(MalformedResponse):
        drive(scram(ScramSha1Plus, b"n,,n=user,r=abc", replace(SIDE, bindings=(END_POINT,))))


# What cannot be sent


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", "pencil"),
        ("user", ""),
        ("us\0er", "pencil"),
        ("user", "pen\ncil"),
        ("user", "\u06271"),  # RFC 4013, section 3: right-to-left not to its end
        ("user", "🔑"),  # unknown to Unicode 3.2
        ("user", "\u00ad"),  # nothing is left of it
        ("user", "half\ud83d"),
        ("half\ud83d", "pencil"),
    ],
)
def test_prohibited_characters_are_refused_before_sending(name: str, password: str) -> None:
    with pytest.raises(UnusableCredentials) as error:
        ScramSha256(name, Secret(password), CLIENT_NONCE)
    assert "cil" not in str(error.value)


def test_a_plus_form_needs_a_binding() -> None:
    with pytest.raises(UnusableCredentials, match="channel binding"):
        ScramSha256Plus("user", PENCIL, CLIENT_NONCE)


@pytest.mark.parametrize("nonce", ["", "a,b", "a b", "a\n", "é", "x" * 257])
def test_a_nonce_is_checked(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        ScramSha1("user", PENCIL, nonce)


def test_secrets_do_not_show() -> None:
    shown = repr(ScramSha256("user", PENCIL, CLIENT_NONCE, EXPORTER)) + repr(kept(ScramSha1, OFFER))
    for hidden in ("pencil", CLIENT_NONCE, "keying"):
        assert hidden not in shown
    assert SERVER_NONCE not in repr(SIDE)
