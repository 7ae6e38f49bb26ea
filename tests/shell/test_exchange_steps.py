"""What Microsoft 365 says on the wire if one step of the set-up is missing, word for word."""

from collections.abc import Iterator

import pytest

from gatepost.cli.output import CommandFailed
from gatepost.testing import Emulator
from tests.shell.exchange_client import HTTPS, INSIDE, OUTSIDE, ExchangeClient

SIGNED_IN = "235 2.7.0 Authentication successful"
REFUSED = "535 5.7.3 Authentication unsuccessful"
OFF = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the {}. "
SEE = "Visit https://aka.ms/smtp_auth_disabled for more information."
NO_BASIC = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
DEFAULTS = (
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security "
    "defaults policy. Contact your administrator."
)
NOT_OPENED = "430 4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed"
SEND_AS = "554 5.2.252 SendAsDenied; the account is not allowed to send as this sender"
EXTERNAL = (
    "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for "
    "sending email to external recipients (tenant external recipient rate limit)"
)
ACCEPTED = "250 2.0.0 OK queued as "


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeClient]:
    with Emulator("microsoft365", options=HTTPS) as emulator:
        yield ExchangeClient(emulator)


# fmt: off
STEPS = [
    # the missing step     with a token                      with the password
    ("admin-consent",      REFUSED,                          SIGNED_IN),
    ("service-principal",  REFUSED,                          SIGNED_IN),
    ("object-id",          REFUSED,                          SIGNED_IN),
    ("scope",              REFUSED,                          SIGNED_IN),
    ("mailbox-switch",     OFF.format("Mailbox") + SEE,      OFF.format("Mailbox") + SEE),
    ("tenant-switch",      OFF.format("Tenant") + SEE,       OFF.format("Tenant") + SEE),
    ("basic",              SIGNED_IN,                        NO_BASIC),
    ("security-defaults",  SIGNED_IN,                        DEFAULTS),
]
# fmt: on


@pytest.mark.parametrize(("step", "token", "password"), STEPS)
def test_the_reply_to_a_login(
    exchange: ExchangeClient, step: str, token: str, password: str
) -> None:
    exchange.operate("break", step=step)
    try:
        assert (exchange.by_token(), exchange.by_password()) == (token, password)
    finally:
        exchange.operate("mend", step=step)
        exchange.operate("use", way="classic")
    assert (exchange.by_token(), exchange.by_password()) == (SIGNED_IN, SIGNED_IN)


# fmt: off
MESSAGES = [
    # the missing step   sender    recipients           reply at the end of the content
    ("full-access",      "",       (INSIDE,),           NOT_OPENED),
    ("send-as",          "shared", (INSIDE,),           SEND_AS),
    ("external-rate",    "",       (INSIDE, OUTSIDE),   EXTERNAL),
    ("recipient-rate",   "",       (INSIDE,),           "550 5.1.90 "),
]
# fmt: on


@pytest.mark.parametrize(("step", "sender", "recipients", "reply"), MESSAGES)
def test_the_reply_to_a_message(
    exchange: ExchangeClient, step: str, sender: str, recipients: tuple[str, ...], reply: str
) -> None:
    address = exchange.shared if sender else exchange.mailbox
    assert exchange.send(address, recipients).startswith(ACCEPTED)
    exchange.operate("break", step=step)
    try:
        assert exchange.send(address, recipients).startswith(reply)
    finally:
        exchange.operate("mend", step=step)
    assert exchange.send(address, recipients).startswith(ACCEPTED)


def test_a_header_from_of_another_mailbox_is_refused_like_the_sender(
    exchange: ExchangeClient,
) -> None:
    assert exchange.send(author="boss@microsoft365.example.com") == SEND_AS
    assert exchange.send(author=exchange.shared).startswith(ACCEPTED)


def test_with_a_role_for_applications_no_permission_is_needed(exchange: ExchangeClient) -> None:
    exchange.operate("use", way="rbac")
    try:
        assert exchange.send().startswith(ACCEPTED)
        answer = exchange.ask_for_token()
        assert "access_token" in answer
    finally:
        exchange.operate("use", way="classic")


# fmt: off
AADSTS = [
    ({"client_secret": "wrong"},                                   7000215),
    ({"client_id": "00000000-0000-0000-0000-000000000001"},        700016),
    ({"scope": "SMTP.SendAsApp"},                                  1002012),
]
# fmt: on


@pytest.mark.parametrize(("changes", "number"), AADSTS)
def test_entra_refuses_before_any_smtp(
    exchange: ExchangeClient, changes: dict[str, str], number: int
) -> None:
    assert exchange.ask_for_token(**changes)["error_codes"] == [number]


def test_an_expired_secret(exchange: ExchangeClient) -> None:
    exchange.operate("break", step="secret")
    try:
        assert exchange.ask_for_token()["error_codes"] == [7000222]
    finally:
        exchange.operate("mend", step="secret")
    assert exchange.by_token() == SIGNED_IN


def test_a_wrong_password_is_refused_like_a_missing_step(exchange: ExchangeClient) -> None:
    assert exchange.by_password("wrong") == REFUSED


def test_an_unknown_step_is_refused_with_their_names(exchange: ExchangeClient) -> None:
    with pytest.raises(CommandFailed, match="secret, admin-consent"):
        exchange.operate("break", step="fullaccess")


def test_the_organisation_can_be_replaced(exchange: ExchangeClient) -> None:
    before = exchange.operate("show")["organisation"]
    mailboxes = [*before["mailbox"], {"address": "new@microsoft365.example.com"}]
    changed = {**before, "mailbox": mailboxes}
    try:
        assert exchange.operate("apply", organisation=changed)["organisation"] == changed
        with pytest.raises(CommandFailed, match="mailbox"):
            exchange.operate("apply", organisation={"mailbox": [{"address": "none"}]})
    finally:
        exchange.operate("apply", organisation=before)


SETTINGS = {"strict.propagation_delay": 3_600}


def test_full_access_takes_effect_an_hour_later_by_the_clock() -> None:
    with Emulator("microsoft365", options=HTTPS, settings=SETTINGS) as emulator:
        exchange = ExchangeClient(emulator)
        assert exchange.send().startswith(ACCEPTED)  # what the first start grants is old
        exchange.operate("break", step="full-access")
        exchange.operate("mend", step="full-access")
        assert exchange.send() == NOT_OPENED
        exchange.advance(3_000)
        assert exchange.send() == NOT_OPENED
        exchange.advance(601)
        assert exchange.send().startswith(ACCEPTED)


def test_front_processes_refuse_like_one_process_and_see_changes_at_once() -> None:
    with Emulator("microsoft365", options=HTTPS, workers=1) as emulator:
        exchange = ExchangeClient(emulator)
        assert exchange.send(to=(INSIDE, OUTSIDE)).startswith(ACCEPTED)
        exchange.operate("break", step="external-rate")
        assert exchange.send(to=(INSIDE, OUTSIDE)) == EXTERNAL
        exchange.operate("break", step="full-access")
        assert exchange.send() == NOT_OPENED
        exchange.operate("break", step="tenant-switch")
        assert exchange.by_token() == OFF.format("Tenant") + SEE
        assert exchange.by_password() == OFF.format("Tenant") + SEE
        exchange.operate("mend", step="tenant-switch")
        exchange.operate("mend", step="full-access")
        assert exchange.send().startswith(ACCEPTED)


NOT_ALLOWED = (
    "550 5.7.240 The application is not allowed for use with this High Volume Email account"
)
VOLUME = [
    ("allowed-app", NOT_ALLOWED),
    ("admin-consent", "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions"),
]


def test_high_volume_email() -> None:
    settings = {"directory.accepted_domains": ["contoso.com"]}
    with Emulator("microsoft365-hve", options=HTTPS, settings=settings) as emulator:
        exchange = ExchangeClient(emulator)
        inside = "ann@contoso.com"
        assert exchange.send(to=(inside,)).startswith(ACCEPTED)
        assert exchange.by_password() == SIGNED_IN
        external = "550 5.5.105 External sending is not supported for High Volume Email accounts."
        assert exchange.send(to=(inside, OUTSIDE)) == external
        other = "550 5.7.62 The account sends as its own address only"
        assert exchange.send("other@contoso.com", (inside,)) == other
        assert exchange.send(author="other@contoso.com", to=(inside,)) == other
        for step, reply in VOLUME:
            exchange.operate("break", step=step)
            assert exchange.by_token() == reply
            exchange.operate("mend", step=step)
        exchange.operate("break", step="tenant-switch")
        assert exchange.by_token() == exchange.by_password() == SIGNED_IN
        exchange.operate("break", step="security-defaults")
        no_password = (
            "535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow "
            "this authentication request."
        )
        assert exchange.by_password() == no_password
        token = exchange.token()
        exchange.advance(3_700)
        assert exchange.by_token(token) == "535 5.7.143 Expired token"
        assert exchange.by_token("no-token") == "501 5.5.124 Invalid XOAUTH2 auth data"
