"""The planner's table: the specification of negotiation."""

import pytest

from gatepost.model.credentials import Credentials
from gatepost.model.mechanism_plan import Plan
from gatepost.model.reply import Esc, Reply
from gatepost.model.secret import Secret
from gatepost.sasl.channel import Channel, ChannelBinding
from gatepost.sasl.mechanisms import MECHANISMS
from gatepost.sasl.negotiate import PREFERENCE, after_refusal, plan

PASSWORD = Credentials("user", Secret("pass"))
TOKEN = Credentials("user", token=Secret("token"))
BOTH = Credentials("user", Secret("pass"), Secret("token"))
CERTIFICATE = Credentials(certificate=True)

BINDING = ChannelBinding("tls-server-end-point", b"hash")
TLS = Channel(encrypted=True, verified=True)
BOUND = Channel(encrypted=True, verified=True, binding=BINDING)
UNVERIFIED = Channel(encrypted=True)
CLEAR = Channel()
LOOPBACK = Channel(loopback=True, reveal_anyway=True)

BOUND_SCRAMS = "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS"
FREE_SCRAMS = "SCRAM-SHA-256 SCRAM-SHA-1"
SCRAMS = "SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS"

# fmt: off
CHOICES = [
    # offered by the server              credentials  channel     we try, in order
    ("LOGIN",                            PASSWORD,    TLS,        "LOGIN"),
    ("LOGIN PLAIN",                      PASSWORD,    TLS,        "PLAIN LOGIN"),
    ("login plain",                      PASSWORD,    TLS,        "PLAIN LOGIN"),
    ("LOGIN LOGIN",                      PASSWORD,    TLS,        "LOGIN"),
    ("CRAM-MD5 PLAIN LOGIN",             PASSWORD,    TLS,        "PLAIN LOGIN CRAM-MD5"),
    ("DIGEST-MD5 CRAM-MD5 NTLM",         PASSWORD,    TLS,        "CRAM-MD5"),
    ("PLAIN SCRAM-SHA-1 SCRAM-SHA-256",  PASSWORD,    TLS,        f"{FREE_SCRAMS} PLAIN"),
    (SCRAMS,                             PASSWORD,    TLS,        FREE_SCRAMS),
    (SCRAMS,                             PASSWORD,    BOUND,      f"{BOUND_SCRAMS} {FREE_SCRAMS}"),
    ("XOAUTH2",                          PASSWORD,    TLS,        ""),
    ("GSSAPI NTLM",                      PASSWORD,    TLS,        ""),
    ("",                                 PASSWORD,    TLS,        ""),
    # without TLS only what keeps the secret here
    ("PLAIN LOGIN",                      PASSWORD,    CLEAR,      ""),
    ("PLAIN LOGIN CRAM-MD5",             PASSWORD,    CLEAR,      "CRAM-MD5"),
    ("CRAM-MD5 SCRAM-SHA-1",             PASSWORD,    CLEAR,      "SCRAM-SHA-1 CRAM-MD5"),
    ("PLAIN LOGIN",                      PASSWORD,    LOOPBACK,   "PLAIN LOGIN"),
    ("XOAUTH2 OAUTHBEARER",              TOKEN,       CLEAR,      ""),
    # nor with TLS to whoever has answered
    ("PLAIN LOGIN SCRAM-SHA-256",        PASSWORD,    UNVERIFIED, "SCRAM-SHA-256"),
    ("XOAUTH2",                          TOKEN,       UNVERIFIED, ""),
    # tokens
    ("LOGIN XOAUTH2",                    TOKEN,       TLS,        "XOAUTH2"),
    ("LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH", TOKEN, TLS, "OAUTHBEARER XOAUTH2"),
    ("LOGIN XOAUTH2",                    BOTH,        TLS,        "XOAUTH2 LOGIN"),
    ("LOGIN",                            TOKEN,       TLS,        ""),
    # certificates
    ("EXTERNAL PLAIN",                   CERTIFICATE, TLS,        "EXTERNAL"),
    ("EXTERNAL PLAIN",                   PASSWORD,    TLS,        "PLAIN"),
    ("EXTERNAL",                         CERTIFICATE, CLEAR,      ""),
    ("EXTERNAL", Credentials("user", Secret("pass"), certificate=True), TLS, ""),
]
# fmt: on


@pytest.mark.parametrize(("offered", "credentials", "channel", "expected"), CHOICES)
def test_choice_of_mechanism(
    offered: str, credentials: Credentials, channel: Channel, expected: str
) -> None:
    assert plan(offered.split(), credentials, channel).mechanisms == tuple(expected.split())


def reason(planned: Plan, mechanism: str) -> str:
    [choice] = [choice for choice in planned.choices if choice.mechanism == mechanism]
    return choice.reason


REASONS = [
    # offered     credentials  channel     of which     says
    ("LOGIN", PASSWORD, TLS, "PLAIN", "the server offers only LOGIN"),
    ("", PASSWORD, TLS, "LOGIN", "no AUTH at all"),
    ("", PASSWORD, CLEAR, "LOGIN", "once TLS has started"),
    ("LOGIN", TOKEN, TLS, "LOGIN", "no password was given"),
    ("XOAUTH2", PASSWORD, TLS, "XOAUTH2", "no token was given"),
    ("EXTERNAL", PASSWORD, TLS, "EXTERNAL", "no client certificate"),
    ("PLAIN", PASSWORD, CLEAR, "PLAIN", "there is no TLS"),
    ("PLAIN", PASSWORD, UNVERIFIED, "PLAIN", "certificate is not verified"),
    ("PLAIN", PASSWORD, LOOPBACK, "PLAIN", "in clear to this machine, as allowed"),
    (SCRAMS, PASSWORD, TLS, "SCRAM-SHA-256-PLUS", "exports no keying material"),
    (SCRAMS, PASSWORD, CLEAR, "SCRAM-SHA-1-PLUS", "no TLS connection to be bound to"),
    ("NTLM", PASSWORD, TLS, "NTLM", "not supported"),
    ("GSSAPI", PASSWORD, TLS, "GSSAPI", "Kerberos"),
    ("X-NEW", PASSWORD, TLS, "X-NEW", "it is unknown"),
    ("LOGIN", Credentials("user", Secret("")), TLS, "LOGIN", "empty"),
    ("LOGIN", Credentials("", Secret("pass")), TLS, "LOGIN", "no user name"),
    ("PLAIN", Credentials("user", Secret("a\0b")), TLS, "PLAIN", "the password holds NUL"),
    ("SCRAM-SHA-1", Credentials("user", Secret("🔑")), TLS, "SCRAM-SHA-1", "Unicode 3.2"),
    ("LOGIN", Credentials("user", Secret("p"), authzid="root"), TLS, "LOGIN", "to act as"),
]


@pytest.mark.parametrize(("offered", "credentials", "channel", "mechanism", "says"), REASONS)
def test_every_choice_has_its_reason(
    offered: str, credentials: Credentials, channel: Channel, mechanism: str, says: str
) -> None:
    assert says in reason(plan(offered.split(), credentials, channel), mechanism)


def test_a_mechanism_that_can_carry_the_credentials_is_chosen() -> None:
    credentials = Credentials("user", Secret("🔑\0"))
    planned = plan(["SCRAM-SHA-256", "PLAIN", "LOGIN"], credentials, TLS)
    assert planned.mechanisms == ("LOGIN",)


def test_acs_documents_xoauth2_without_listing_it() -> None:
    planned = plan(["LOGIN"], BOTH, TLS, only="xoauth2")
    assert planned.mechanisms == ("XOAUTH2",)
    assert "asked for by name, though the server does not list it" in reason(planned, "XOAUTH2")
    assert reason(planned, "LOGIN") == "only XOAUTH2 was asked for"


def test_a_mechanism_asked_for_by_name_is_the_only_one() -> None:
    planned = plan(["PLAIN", "LOGIN"], PASSWORD, TLS, only="LOGIN")
    assert planned.mechanisms == ("LOGIN",)
    assert reason(planned, "LOGIN").startswith("asked for by name; ")


@pytest.mark.parametrize(
    ("credentials", "channel", "only"),
    [
        (PASSWORD, CLEAR, "LOGIN"),
        (PASSWORD, UNVERIFIED, "PLAIN"),
        (PASSWORD, TLS, "XOAUTH2"),
        (PASSWORD, TLS, "SCRAM-SHA-256-PLUS"),
        (PASSWORD, TLS, "NTLM"),
    ],
)
def test_asking_by_name_overrules_the_offer_and_nothing_else(
    credentials: Credentials, channel: Channel, only: str
) -> None:
    planned = plan(["PLAIN", "LOGIN"], credentials, channel, only=only)
    assert planned.mechanisms == ()
    assert reason(planned, only)


def test_a_certificate_is_used_beside_a_password_when_asked_for_by_name() -> None:
    credentials = Credentials("user", Secret("pass"), certificate=True)
    assert plan(["EXTERNAL"], credentials, TLS, only="EXTERNAL").mechanisms == ("EXTERNAL",)


def test_every_mechanism_has_a_place_in_the_order() -> None:
    assert sorted(PREFERENCE) == sorted(MECHANISMS)


# After a refusal (RFC 4954 4, 6)

# fmt: off
REFUSALS = [
    # reply                            secret sent  to AUTH   go on?
    (Reply(504, "", Esc(5, 7, 4)),     False,       True,     True),
    (Reply(504, "", Esc(5, 7, 4)),     True,        True,     True),
    (Reply(504, "", Esc(5, 5, 4)),     True,        False,    True),
    (Reply(500, "", Esc(5, 5, 1)),     False,       True,     True),
    (Reply(501, "", Esc(5, 5, 4)),     True,        True,     True),
    (Reply(501, "", Esc(5, 5, 2)),     True,        False,    False),
    (Reply(501, "", Esc(5, 5, 2)),     False,       False,    False),
    (Reply(502, "", Esc(5, 5, 1)),     False,       True,     True),
    (Reply(538, "", Esc(5, 7, 11)),    False,       True,     True),
    (Reply(534, "", Esc(5, 7, 9)),     False,       True,     True),
    (Reply(535, "", Esc(5, 7, 0)),     False,       True,     True),
    (Reply(535, "", Esc(5, 7, 8)),     False,       False,    True),
    (Reply(534, "", Esc(5, 7, 9)),     True,        False,    False),
    (Reply(535, "", Esc(5, 7, 3)),     True,        False,    False),
    (Reply(535, "", Esc(5, 7, 8)),     True,        True,     False),
    (Reply(432, "", Esc(4, 7, 12)),    False,       True,     False),
    (Reply(454, "", Esc(4, 7, 0)),     False,       True,     False),
    (Reply(421, "", Esc(4, 7, 66)),    False,       True,     False),
    (Reply(435, "", Esc(4, 7, 8)),     True,        False,    False),
    (Reply(503, "", Esc(5, 5, 1)),     False,       True,     False),
    (Reply(530, "", Esc(5, 7, 0)),     False,       True,     False),
    (Reply(550, "", Esc(5, 7, 30)),    False,       True,     False),
    (Reply(999, ""),                   False,       True,     False),
]
# fmt: on


@pytest.mark.parametrize(("reply", "secret_sent", "to_command", "goes_on"), REFUSALS)
def test_only_refusals_of_the_mechanism_lead_to_the_next_one(
    reply: Reply, secret_sent: bool, to_command: bool, goes_on: bool
) -> None:
    step = after_refusal(
        reply, ["LOGIN", "CRAM-MD5"], secret_sent=secret_sent, to_command=to_command
    )
    assert bool(step.mechanism) is goes_on
    assert step.mechanism == ("LOGIN" if goes_on else "")
    assert str(reply.code) in step.reason


def test_without_another_mechanism_there_is_no_next() -> None:
    step = after_refusal(Reply(504), [], secret_sent=False, to_command=True)
    assert not step.mechanism
    assert "no other is left" in step.reason
