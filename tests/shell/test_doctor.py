"""The doctor against servers with one fault each."""

import base64
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import example, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from gatepost.doctor import Checks, Patience, Settings, diagnose
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.markdown_report import render_markdown
from gatepost.doctor.probe import examine
from gatepost.doctor.probe_settings import Visit
from gatepost.doctor.terminal_report import render
from gatepost.model.evidence import TlsMode
from gatepost.model.finding import Diagnosis
from gatepost.net.dial import Server as Address
from tests.certificates import Authority, Pair, make_authority
from tests.shell.http_server import HttpServer, Told
from tests.shell.scripted_server import Script, Server, serving

STARTTLS = ("STARTTLS",)
PASSWORD = "correct horse battery"
QUICK = Patience(connect=10, others=1, greeting=10, silence=0.6, reply=15, pause=0)
PATIENT = Patience(silence=20, greeting=20, reply=20, pause=0)
"""Looks at nothing else while a slow machine does not answer."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("127.0.0.1")


def ids(diagnosis: Diagnosis) -> list[str]:
    return [finding.id for finding in diagnosis.findings]


def settings(authority: Authority, tls: TlsMode = "auto", library: str = "") -> Settings:
    return Settings(library, tls, authority.ca_file)


@pytest.fixture
def acs(authority: Authority) -> Iterator[Server]:
    """LOGIN only, after STARTTLS."""
    script = Script(
        in_clear=STARTTLS,
        over_tls=("AUTH LOGIN",),
        replies={"AUTH PLAIN": "504 5.7.4 Unrecognized authentication type"},
        pair=authority.issue("127.0.0.1", "localhost"),
    )
    with serving(script) as server:
        yield server


def test_a_healthy_server_is_not_waited_for(acs: Server, authority: Authority) -> None:
    began = monotonic()
    seen = diagnose(acs.address, settings=settings(authority), patience=PATIENT)
    assert (seen.verdict, seen.findings) == ("healthy", ())
    assert monotonic() - began < PATIENT.silence / 2
    assert any("Go net/smtp" in note for note in seen.notes)
    assert seen.evidence.tls.value is not None
    assert seen.evidence.tls.value.verified


def test_a_refused_mechanism_is_proven_without_a_secret(acs: Server, authority: Authority) -> None:
    seen = diagnose(acs.address, settings=settings(authority, library="go"), patience=PATIENT)
    assert ids(seen) == ["mechanism_not_offered"]
    assert acs.heard[-4:] == ["AUTH PLAIN", "AUTH LOGIN", "*", "QUIT"]
    [remedy] = seen.findings[0].remedies
    assert remedy.code is not None
    assert f'"127.0.0.1:{acs.port}"' in remedy.code


@pytest.mark.parametrize("library", ["", "go", "smtplib", "phpmailer", "nodemailer", "mailkit"])
def test_the_password_goes_out_once(acs: Server, authority: Authority, library: str) -> None:
    diagnose(acs.address, "me", PASSWORD, settings=settings(authority, library=library))
    assert acs.count(base64.b64encode(PASSWORD.encode()).decode()) == 1


def test_a_refused_password_is_not_tried_again(authority: Authority) -> None:
    refusal = "535 5.7.8 Authentication failed"
    script = Script(
        in_clear=STARTTLS,
        over_tls=("AUTH PLAIN LOGIN CRAM-MD5",),
        replies={"AUTH PLAIN": refusal, "password": refusal},
        pair=authority.issue("127.0.0.1"),
    )
    with serving(script) as server:
        seen = diagnose(server.address, "me@example.com", PASSWORD, settings=settings(authority))
        assert ids(seen) == ["bad_credentials"]
        assert seen.findings[0].confidence == "likely"
        assert len([line for line in server.heard if line.startswith("AUTH")]) == 1


def test_visits_are_few_and_far_between(acs: Server, authority: Authority) -> None:
    """One connection for the dialogue, one to see whether TLS answers; a pause between sign-ins."""
    diagnose(acs.address, settings=settings(authority), patience=PATIENT)
    assert acs.connections <= 2
    diagnose(acs.address, settings=settings(authority), checks=Checks(audit=True), patience=PATIENT)
    assert acs.connections <= 2 + 2 + 3 + 4
    script = Script(
        in_clear=STARTTLS, over_tls=("AUTH PLAIN LOGIN",), pair=authority.issue("127.0.0.1"),
        replies={"AUTH PLAIN": "535 5.7.8 no"},
    )  # fmt: skip
    with serving(script) as server:
        began = monotonic()
        diagnose(
            server.address, "me", PASSWORD, settings=settings(authority),
            checks=Checks(try_all=True), patience=replace(QUICK, pause=0.4),
        )  # fmt: skip
        assert monotonic() - began >= 0.4


def test_try_all_finds_the_broken_mechanism(authority: Authority) -> None:
    script = Script(
        in_clear=STARTTLS,
        over_tls=("AUTH PLAIN LOGIN",),
        replies={"AUTH PLAIN": "535 5.7.8 Authentication failed"},
        pair=authority.issue("127.0.0.1"),
    )
    with serving(script) as server:
        checks = Checks(try_all=True)
        seen = diagnose(
            server.address, "me", PASSWORD, settings=settings(authority), checks=checks,
            patience=QUICK,
        )  # fmt: skip
        assert ids(seen) == ["mechanism_advertised_but_broken"]


def test_login_without_initial_response(authority: Authority) -> None:
    """The name on the AUTH line is refused before the password is sent."""
    login = "AUTH LOGIN "
    script = Script(
        in_clear=STARTTLS,
        over_tls=("AUTH LOGIN",),
        replies={login: "501 5.5.4 no initial response"},
        pair=authority.issue("127.0.0.1"),
    )
    with serving(script) as server:
        seen = diagnose(
            server.address, "me", PASSWORD, settings=settings(authority, library="smtplib")
        )
        assert ids(seen) == ["login_initial_response_rejected"]
        assert seen.evidence.is_signed_in


CERTIFICATES = [
    # names            days   trusted  finding
    (("127.0.0.1",),   1,     False,   "cert_untrusted"),
    (("mail.test",),   1,     True,    "cert_hostname_mismatch"),
    (("127.0.0.1",),   -1,    True,    "cert_expired"),
]  # fmt: skip


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(("names", "days", "trusted", "finding"), CERTIFICATES)
def test_a_certificate_that_does_not_hold(
    authority: Authority, names: tuple[str, ...], days: int, trusted: bool, finding: str,
    implicit: bool,
) -> None:  # fmt: skip
    pair = authority.issue(*names, valid_until=datetime.now(UTC) + timedelta(days=days))
    offers = ("AUTH PLAIN LOGIN",)
    with serving(Script(in_clear=STARTTLS, over_tls=offers, pair=pair, implicit=implicit)) as it:
        choice = Settings(ca_file=authority.ca_file if trusted else None)
        seen = diagnose(it.address, "me", PASSWORD, settings=choice, patience=QUICK)
        assert ids(seen) == [finding]
        assert seen.findings[0].confidence == "certain"
        assert seen.evidence.offered == ("PLAIN", "LOGIN"), "the probe goes on"
        assert [line for line in it.heard if line.startswith("AUTH")] == []
        assert any("not sent" in note for note in seen.notes)


@pytest.mark.parametrize(("library", "strict"), [("", False), ("aiosmtplib", True)])
def test_a_certificate_that_only_the_strict_refuse(
    authority: Authority, library: str, strict: bool
) -> None:
    """Other clients accept it, so the password is sent. Python is this strict since 3.13."""
    pair = authority.issue("127.0.0.1", to_the_letter=False)
    with serving(Script(in_clear=STARTTLS, over_tls=("AUTH LOGIN",), pair=pair)) as it:
        choice = Settings(library, ca_file=authority.ca_file)
        seen = diagnose(it.address, "me", PASSWORD, settings=choice, patience=QUICK)
        assert ids(seen) == (["cert_untrusted"] if strict else [])
        assert seen.evidence.is_signed_in
        assert any("strictly follow RFC 5280" in note for note in seen.notes)


@pytest.mark.parametrize(
    ("lies_there", "found", "confidence"),
    [
        ("intermediate", ["cert_chain_incomplete"], "certain"),
        ("stranger", ["cert_untrusted"], "certain"),
        ("nothing", ["cert_chain_incomplete", "cert_untrusted"], "likely"),
    ],
)
def test_the_certificate_that_was_left_out(
    authority: Authority, tmp_path: Path, lies_there: str, found: list[str], confidence: str
) -> None:
    """It is fetched from the URL in the server's certificate, and used."""
    intermediate, stranger = authority.intermediate(), make_authority(tmp_path)
    answers = {
        "intermediate": Told(200, intermediate.der), "stranger": Told(200, stranger.der),
        "nothing": Told(404, b""),
    }  # fmt: skip
    with HttpServer(lambda _asked: answers[lies_there]) as http:
        pair = intermediate.issue("127.0.0.1", issuer_url=f"{http.url}/ca.der")
        with serving(Script(in_clear=STARTTLS, pair=pair)) as server:
            seen = diagnose(server.address, settings=settings(authority), patience=QUICK)
    assert ids(seen) == found
    assert seen.findings[0].confidence == confidence


def test_implicit_tls_on_a_starttls_port(acs: Server, authority: Authority) -> None:
    seen = diagnose(acs.address, settings=settings(authority, "implicit"))
    assert ids(seen) == ["implicit_tls_on_starttls_port"]
    assert any("wrong version number" in line for line in seen.findings[0].proof)


@pytest.mark.parametrize("one_at_a_time", [False, True])
def test_starttls_on_an_implicit_port(authority: Authority, one_at_a_time: bool) -> None:
    script = Script(
        over_tls=("AUTH LOGIN",), pair=authority.issue("127.0.0.1"), implicit=True,
        one_at_a_time=one_at_a_time,
    )  # fmt: skip
    with serving(script) as server:
        seen = diagnose(server.address, settings=settings(authority, "starttls"), patience=QUICK)
        assert ids(seen) == ["starttls_on_implicit_tls_port"]
        assert seen.evidence.offered == ("LOGIN",)
        assert diagnose(server.address, settings=settings(authority)).verdict == "healthy"


@pytest.mark.parametrize(
    ("in_clear", "replies"),
    [
        (("STARTTLS",), {}),
        (("STARTTLS", "AUTH LOGIN"), {"AUTH LOGIN": "530 5.7.0 Must issue a STARTTLS command"}),
        (("STARTTLS",), {"MAIL": "451 5.7.3 starttls is required to send mail"}),
    ],
)
def test_tls_is_wanted_first(
    authority: Authority, in_clear: tuple[str, ...], replies: dict[str, str]
) -> None:
    script = Script(in_clear=in_clear, replies=replies, pair=authority.issue("127.0.0.1"))
    with serving(script) as server:
        seen = diagnose(
            server.address,
            settings=settings(authority, "none"),
            checks=Checks("a@example.com"),
        )
        assert ids(seen) == ["starttls_required"]


def test_no_auth_at_all(authority: Authority) -> None:
    script = Script(in_clear=STARTTLS, over_tls=("SIZE 5",), pair=authority.issue("127.0.0.1"))
    with serving(script) as server:
        choice, alone = settings(authority, library="python-smtplib"), Checks(ports=())
        wanting = diagnose(server.address, settings=choice, checks=alone)
        assert ids(wanting) == ["auth_not_advertised"]
        wanted = diagnose(
            server.address, "me", PASSWORD, settings=settings(authority), checks=alone
        )
        assert ids(wanted) == ["auth_not_advertised"]
        assert diagnose(server.address, settings=settings(authority)).verdict == "healthy"
        checks = Checks("a@example.com", ("b@example.com",), ports=())
        taken = diagnose(server.address, settings=choice, checks=checks)
        assert ids(taken) == ["unwanted_auth_attempt"]


def test_only_a_full_name_is_taken(authority: Authority) -> None:
    script = Script(
        in_clear=STARTTLS, pair=authority.issue("127.0.0.1"), accepts_ehlo="example.com"
    )
    with serving(script) as server:
        seen = diagnose(server.address, settings=settings(authority, library="go"))
        assert ids(seen) == ["helo_rejected"]
        assert seen.evidence.offered == ("PLAIN", "LOGIN")


def test_the_name_that_would_be_taken(authority: Authority) -> None:
    script = Script(in_clear=STARTTLS, pair=authority.issue("127.0.0.1"), accepts_ehlo="[127.0.0.1")
    with serving(script) as server:
        seen = diagnose(server.address, settings=settings(authority, library="go"))
        assert ids(seen) == ["helo_rejected"]
        assert "[127.0.0.1]" in seen.findings[0].fix
        assert [line for line in seen.findings[0].proof if "client.example.com" in line]


def test_a_name_that_is_refused_when_mail_comes(authority: Authority) -> None:
    """As Postfix does; the password is sent only once."""
    script = Script(
        in_clear=STARTTLS,
        over_tls=("AUTH PLAIN",),
        replies={"RCPT": "504 5.5.2 <localhost>: Helo command rejected", "AUTH PLAIN AG": "235 ok"},
        pair=authority.issue("127.0.0.1"),
    )
    with serving(script) as server:
        seen = diagnose(
            server.address, "me", PASSWORD, settings=settings(authority, library="go"),
            checks=Checks("a@example.com", ("b@example.com",)),
        )  # fmt: skip
        assert ids(seen) == ["helo_rejected"]
        tried = seen.evidence.renamed.value or ()
        assert [each.name for each in tried] == ["client.example.com", "[127.0.0.1]"]
        assert len([line for line in server.heard if line.startswith("AUTH PLAIN")]) == 1


def test_the_first_open_port_where_none_was_given(authority: Authority) -> None:
    with serving(Script()) as gone:
        pass
    with serving(Script(in_clear=STARTTLS, pair=authority.issue("127.0.0.1"))) as door:
        visit = Visit(
            Address("127.0.0.1", gone.port), settings(authority), patience=QUICK, any_port=True,
            checks=Checks(ports=(gone.port, door.port)),
        )  # fmt: skip
        seen = diagnose_evidence(examine(visit, datetime.now(UTC)))
        assert (seen.verdict, seen.target) == ("healthy", door.address)
        assert any("no port was given" in note for note in seen.notes)


def test_a_firewall_that_knows_no_ehlo(authority: Authority) -> None:
    with serving(Script(replies={"EHLO": "500 what?", "HELO": "250 hi"})) as server:
        assert ids(diagnose(server.address, settings=settings(authority))) == [
            "smtp_inspection_middlebox"
        ]


@pytest.mark.parametrize(
    ("greeting", "offers"),
    [("220 ********************", ()), ("220 mail.example.com", ("XXXXXXXA", "SIZE 5"))],
)
def test_a_firewall_that_overwrites(
    authority: Authority, greeting: str, offers: tuple[str, ...]
) -> None:
    with serving(Script(greeting=greeting, in_clear=offers)) as server:
        assert ids(diagnose(server.address, settings=settings(authority)))[0] == (
            "smtp_inspection_middlebox"
        )


def test_another_port_lets_one_sign_in(authority: Authority) -> None:
    open_door = Script(in_clear=STARTTLS, pair=authority.issue("127.0.0.1"))
    implicit = replace(open_door, implicit=True)
    with serving(Script()) as closed, serving(open_door) as door, serving(implicit) as other:
        seen = diagnose(
            closed.address, settings=settings(authority, library="smtplib"), patience=QUICK,
            checks=Checks(ports=(door.port, other.port)),
        )  # fmt: skip
        assert ids(seen) == ["auth_not_advertised", "auth_not_offered_on_port"]
        doors = seen.evidence.neighbours.value or ()
        assert [(each.state, each.mechanisms) for each in doors] == [
            ("greets", ("PLAIN", "LOGIN")), ("tls", ("PLAIN", "LOGIN")),
        ]  # fmt: skip


def test_other_ports_are_looked_at_where_this_one_is_closed(authority: Authority) -> None:
    with serving(Script()) as gone:
        pass
    with serving(Script()) as door:
        seen = diagnose(
            gone.address, settings=settings(authority), patience=QUICK,
            checks=Checks(ports=(door.port,)),
        )  # fmt: skip
        assert (seen.verdict, ids(seen)) == ("unreachable", ["port_blocked"])
        assert any(str(door.port) in line for line in seen.findings[0].proof)


def test_the_other_address_of_this_machine(acs: Server, authority: Authority) -> None:
    """The server listens on 127.0.0.1, and the client resolves localhost to ::1."""
    seen = diagnose(f"[::1]:{acs.port}", settings=settings(authority), patience=QUICK)
    assert (seen.verdict, ids(seen)) == ("unreachable", ["address_family_not_tried"])
    assert seen.next_probe == ""


def test_login_is_asked_about_in_both_forms(authority: Authority) -> None:
    script = Script(
        in_clear=STARTTLS,
        over_tls=("AUTH LOGIN",),
        replies={"AUTH LOGIN ": "501 5.5.4 no initial response"},
        pair=authority.issue("127.0.0.1"),
    )
    with serving(script) as server:
        seen = diagnose(server.address, settings=settings(authority, library="system-net-mail"))
        assert ids(seen) == ["login_initial_response_rejected"]
        assert not any(each.secret_sent for each in seen.evidence.attempts)


@pytest.mark.parametrize(
    ("try_all", "found"),
    [(False, ["bad_credentials", "authzid_not_permitted"]), (True, ["authzid_not_permitted"])],
)
def test_a_refused_authzid_is_diagnosed(
    authority: Authority, try_all: bool, found: list[str]
) -> None:
    """JavaMail puts the user name into PLAIN's first field, too; this server requires it empty."""
    first = base64.b64encode(b"me\0").decode()
    script = Script(
        in_clear=STARTTLS,
        over_tls=("AUTH PLAIN",),
        replies={f"AUTH PLAIN {first}": "535 5.7.8 no", "AUTH PLAIN AG": "235 ok"},
        pair=authority.issue("127.0.0.1"),
    )
    with serving(script) as server:
        seen = diagnose(
            server.address, "me", PASSWORD, settings=settings(authority, library="javamail"),
            checks=Checks(try_all=try_all), patience=QUICK,
        )  # fmt: skip
        assert ids(seen) == found
        assert "cGFzc3dvcmQ" not in repr(seen), "no part of PLAIN's response"


def test_all_forms_are_asked_about_without_a_secret(acs: Server, authority: Authority) -> None:
    seen = diagnose(
        acs.address, settings=settings(authority), checks=Checks(try_all=True), patience=QUICK
    )
    assert [(each.mechanism, each.form) for each in seen.evidence.attempts] == [
        ("LOGIN", "bare"), ("LOGIN", "initial"),
    ]  # fmt: skip
    assert (seen.verdict, acs.heard.count("*")) == ("healthy", 2)


def test_a_server_of_another_protocol(authority: Authority) -> None:
    """LMTP has neither EHLO nor HELO, so the name is not the fault."""
    unknown = "500 5.5.1 command not recognized"
    with serving(Script(replies={"EHLO": unknown, "HELO": unknown})) as server:
        assert diagnose(server.address, settings=settings(authority)).verdict == "unknown"


def test_a_handshake_that_no_version_comes_to(authority: Authority) -> None:
    with serving(Script(in_clear=STARTTLS)) as server:  # it has no certificate
        seen = diagnose(server.address, settings=settings(authority), patience=QUICK)
        assert ids(seen) == ["server_tls_misconfigured"]
        assert [each.taken for each in seen.evidence.tls_versions.value or ()] == [False] * 4


def test_starttls_that_is_refused(authority: Authority) -> None:
    with serving(Script(in_clear=STARTTLS, replies={"STARTTLS": "454 4.7.0 no key"})) as server:
        seen = diagnose(server.address, settings=settings(authority))
        assert ids(seen) == ["server_tls_misconfigured"]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_server_that_wants_a_certificate(
    authority: Authority, pair: Pair, implicit: bool
) -> None:
    """TLS 1.3 says so only after the handshake; a client that has sent EHLO may see a reset."""
    script = Script(in_clear=STARTTLS, pair=pair, implicit=implicit, wants_certificate=True)
    with serving(script) as server:
        seen = diagnose(server.address, settings=settings(authority), patience=QUICK)
        assert ids(seen) == ["client_certificate_required"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_server_that_knows_old_tls_only(authority: Authority) -> None:
    script = Script(
        in_clear=STARTTLS, pair=authority.issue("127.0.0.1"), maximum=ssl.TLSVersion.TLSv1_1
    )
    with serving(script) as server:
        seen = diagnose(server.address, settings=settings(authority))
        assert ids(seen) == ["tls_version_too_old"]
        assert "TLSv1.1 is accepted" in seen.findings[0].proof


@pytest.mark.parametrize("one_at_a_time", [False, True])
def test_a_server_that_takes_its_time(authority: Authority, one_at_a_time: bool) -> None:
    """A late greeting is not silence."""
    script = Script(
        in_clear=STARTTLS, pair=authority.issue("127.0.0.1"), greets_after=0.9,
        one_at_a_time=one_at_a_time,
    )  # fmt: skip
    with serving(script) as server:
        patience = Patience(silence=0.3, others=0.2, greeting=20, reply=20)
        seen = diagnose(server.address, settings=settings(authority), patience=patience)
        assert (seen.verdict, ids(seen)) == ("healthy", [])


def test_a_server_that_waits_for_the_client(authority: Authority) -> None:
    script = Script(greeting=None, woken_by="EHLO")
    with serving(script) as server:
        patience = Patience(silence=0.3, others=0.2, greeting=0.6, reply=1)
        seen = diagnose(server.address, settings=settings(authority), patience=patience)
        assert ids(seen) == ["mesh_server_first_hang"]


def test_a_greeting_later_than_we_wait(authority: Authority) -> None:
    """It comes after an EHLO that was sent meanwhile, but not because of it."""
    with serving(Script(greets_after=2.6)) as server:
        patience = Patience(silence=1.0, others=0.2, greeting=0.7, reply=2)
        seen = diagnose(server.address, settings=settings(authority), patience=patience)
        assert (seen.verdict, ids(seen)) == ("unknown", [])


@pytest.mark.parametrize(
    ("greeting", "found"),
    [
        ("HTTP/1.0 400 Bad Request", ["other_protocol"]),
        ("* OK IMAP4rev1 ready", ["other_protocol"]),
        ("220 FTP server ready", ["other_protocol"]),
        ("554 5.7.1 not you", ["address_blocklisted"]),
        ("554 5.7.1 unknown[192.0.2.1]: Client host rejected: no", ["address_blocklisted"]),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_a_greeting_that_is_none(
    authority: Authority, pair: Pair, greeting: str, found: list[str], implicit: bool
) -> None:
    replies = {"EHLO": "530 log in first", "HELO": "530 log in first"}
    with serving(
        Script(greeting=greeting, replies=replies, implicit=implicit, pair=pair)
    ) as server:
        seen = diagnose(server.address, settings=settings(authority), patience=QUICK)
        assert ids(seen) == found
        assert seen.verdict == ("finding" if found else "unknown")


def test_a_server_that_hangs_up_at_starttls(authority: Authority) -> None:
    with serving(Script(in_clear=STARTTLS, hangs_up_at="STARTTLS")) as server:
        seen = diagnose(server.address, settings=settings(authority), patience=QUICK)
        assert ids(seen) == ["server_tls_misconfigured"]


def test_a_tls_proxy_without_a_server_behind_it(authority: Authority) -> None:
    script = Script(greeting="", implicit=True, pair=authority.issue("127.0.0.1"))
    with serving(script) as server:
        seen = diagnose(server.address, settings=settings(authority), patience=QUICK)
        assert ids(seen) == ["backend_down_behind_proxy"]


def test_a_server_that_closes_at_once(authority: Authority) -> None:
    with serving(Script(greeting="")) as server:
        seen = diagnose(server.address, settings=settings(authority), patience=QUICK)
        assert ids(seen) == ["backend_down_behind_proxy"]


def test_a_silent_port_and_a_closed_one(authority: Authority) -> None:
    with serving(Script(greeting=None)) as server:
        patience = Patience(greeting=0.4, silence=0.2, others=0.3, reply=1)
        seen = diagnose(server.address, settings=settings(authority), patience=patience)
        assert seen.verdict in ("unknown", "finding")
        assert seen.evidence.greeting.value is not None
        assert seen.evidence.greeting.value.reply is None
    assert diagnose(server.address, settings=settings(authority)).verdict == "unreachable"


def test_a_name_that_does_not_exist() -> None:
    seen = diagnose("no-such-host.invalid")
    assert (seen.verdict, ids(seen)) == ("unreachable", ["dns_failure"])


def test_a_message_is_sent_only_when_asked_for(acs: Server, authority: Authority) -> None:
    addresses = "a@example.com", ("b@example.com", "c@example.com")
    diagnose(acs.address, settings=settings(authority), checks=Checks(*addresses))
    assert (acs.count("RCPT"), acs.count("DATA"), acs.count("RSET")) == (2, 0, 1)
    seen = diagnose(acs.address, settings=settings(authority), checks=Checks(*addresses, send=True))
    assert (acs.count("DATA"), seen.verdict) == (1, "healthy")
    assert seen.evidence.content.value is not None


secrets = st.text(st.sampled_from('äB7!~ "\\\\☂'), min_size=6, max_size=60).map("pw".__add__)
repeats = st.sampled_from(["no: {secret}", "{encoded}", "<{secret}{encoded}>", "{blob} {secret}."])


@settings_of_hypothesis(max_examples=20, deadline=None)
@given(password=secrets, mechanism=st.sampled_from(["LOGIN", "PLAIN"]), text=repeats)
@example(password=PASSWORD, mechanism="LOGIN", text="{secret} {encoded}")
@example(password="p4ss", mechanism="PLAIN", text="{blob}")
def test_a_server_that_repeats_the_password_does_not_get_it_published(
    authority: Authority, pair: Pair, password: str, mechanism: str, text: str
) -> None:
    encoded = base64.b64encode(password.encode()).decode()
    blob = base64.b64encode(f"\0me\0{password}".encode()).decode()
    said = "535 5.7.8 " + text.format(secret=password, encoded=encoded, blob=blob)
    script = Script(
        in_clear=STARTTLS,
        over_tls=(f"AUTH {mechanism}",),
        replies=dict.fromkeys(("password", "AUTH PLAIN"), said),
        pair=pair,
    )
    with serving(script) as server:
        seen = diagnose(server.address, "me", password, settings=settings(authority))
        assert server.count(encoded if mechanism == "LOGIN" else blob) == 1
    texts = [*strings(report_document(seen)), render(seen), render_markdown(seen), repr(seen)]
    assert any("535" in each for each in texts)
    for secret in (password, encoded, blob):
        assert [each for each in texts if secret in each] == []


def strings(document: object) -> Iterator[str]:
    """Every text in a JSON document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for part in document.values() if isinstance(document, dict) else document:
            yield from strings(part)
