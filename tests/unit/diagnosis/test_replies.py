"""The replies of servers to a probe: the tables of logs, without what only logs need."""

from dataclasses import replace
from typing import Any

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.model.evidence import EhloExchange, Evidence, Fact, Greeting, Target
from gatepost.profiles import available_profiles, load_profile
from tests.unit.diagnosis.cases import (
    HEALTHY,
    attempt,
    but,
    client,
    hello,
    judged,
    login,
    mail,
    reply,
    tried,
)

PROFILES = [load_profile(name) for name in available_profiles()]


def after_login(text: str, host: str = "mail.example.com", kind: str = "") -> Evidence:
    """A sign-in that was answered with ``text``."""
    return but(
        target=Target(host, 587), client=client(), login=login(kind),
        auth=tried(judged("LOGIN", text)),
    )  # fmt: skip


def at_mail(text: str) -> Evidence:
    return but(mail=mail(text), login=login(), auth=tried(judged("PLAIN", "235 ok")))


def at_rcpt(text: str, **facts: Any) -> Evidence:
    return but(
        mail=mail("250 ok"), rcpt=(mail(text),), login=login(),
        auth=tried(judged("PLAIN", "235 ok")), **facts,
    )  # fmt: skip


def at_data(text: str) -> Evidence:
    return but(mail=mail("250 ok"), rcpt=(mail("250 ok"),), content=reply(text))


def refused_hello(text: str) -> Fact[EhloExchange]:
    return Fact("seen", replace(hello(), reply=reply(text)))


# fmt: off
CASES = [
    (after_login("535 5.7.8 Username and Password not accepted. For more information, go to "
                 "https://support.google.com/mail/?p=BadCredentials", "smtp.gmail.com"),
     "app_password_required"),
    (after_login("534 5.7.9 Application-specific password required"), "app_password_required"),
    (after_login("535 Login fail. Please enter your authorization code", "smtp.qq.com"),
     "app_password_required"),
    (after_login("535 5.7.8 Authentication failed", kind="google_app_password"), "bad_credentials"),
    (after_login("535 5.7.8 Authentication failed", "smtp-relay.example.com"), "bad_credentials"),
    (after_login("535 Incorrect authentication data"), "bad_credentials"),
    (after_login("550 5.7.30 Basic authentication is not supported for Client Submission."),
     "basic_auth_disabled"),
    (after_login("535 5.7.139 Authentication unsuccessful, the request did not meet the criteria "
                 "to be authenticated successfully."), "conditional_access_block"),
    (after_login("454 4.7.0 Temporary authentication failure: generic failure"),
     "server_auth_backend_down"),
    (after_login("454 4.7.0 Too many login attempts, please try again later"), "auth_throttled"),
    (after_login("501 5.5.2 Invalid user name [MSG0049]"), "username_format"),
    (after_login("535 5.7.0 Your account is not activated"), "provider_account_inactive"),
    (at_mail("452 4.3.1 Too many messages in this session"), "rate_limited"),
    (at_mail("550 5.4.5 Daily user sending limit exceeded"), "daily_quota_exceeded"),
    (at_mail("552 5.3.4 Message size exceeds fixed limit"), "too_large"),
    (at_mail("550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
     "sender_not_authorised"),
    (at_rcpt("451 4.7.1 Greylisting in action, please come back later"), "greylisted"),
    (at_rcpt("450 4.2.0 <b@example.com>: Recipient address rejected: Greylisted"), "greylisted"),
    (at_rcpt("504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname"),
     "helo_rejected"),
    (at_rcpt("452 4.5.3 Too many recipients"), "too_many_recipients"),
    (at_data("550 The from address does not match a verified Sender Identity."),
     "sender_not_verified"),
    (at_data("554 Message rejected: Email address is not verified. The following identities failed "
             "the check in region EU-WEST-1: a@example.com"), "provider_sandbox"),
    (at_rcpt("554 5.7.1 Service unavailable; Client host [203.0.113.7] blocked using "
             "zen.spamhaus.org"), "address_blocklisted"),
    (at_data("521 5.5.2 Error: bare <LF> received"), "bare_lf"),
    (at_rcpt("550 5.1.1 no such user"), "recipient_unknown"),
    (at_rcpt("550 Unrouteable address"), "recipient_unknown"),
    (at_rcpt("454 4.7.1 <b@example.com>: Relay access denied"), "recipient_domain_not_hosted"),
    (at_rcpt("554 5.7.1 <web[203.0.113.7]>: Client host rejected: Access denied"),
     "address_blocklisted"),
    (at_mail("450 4.1.8 <a@web.internal>: Sender address rejected: Domain not found"),
     "sender_domain_unknown"),
    (at_rcpt("504 5.5.2 <apikey>: Sender address rejected: need fully-qualified address"),
     "account_name_used_as_sender"),
    (at_data("550 5.7.1 <a@example.com>: Sender address rejected: daily limit exceeded"),
     "daily_quota_exceeded"),
    (at_mail("452 4.3.1 Insufficient system storage"), "mail_system_failure"),
    (at_rcpt("451 4.3.5 <b@example.com>: Recipient address rejected: Server configuration problem"),
     "mail_system_failure"),
    (at_rcpt("450 4.3.2 <web[203.0.113.7]>: Client host rejected: System under maintenance"),
     "mail_system_failure"),
    (at_rcpt("451 Could not complete sender verify callout"), "sender_domain_unknown"),
    (at_rcpt("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
     "recipient_unknown"),
    (at_rcpt("450 4.1.1 <b@example.com>: Recipient address rejected: unverified address: Address "
             "verification in progress"), "greylisted"),
    (at_data("550 5.1.8 Access denied, bad outbound sender"), "provider_account_inactive"),
    (at_data("550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP"),
     "address_blocklisted"),
    (at_mail("452 space shortage, please try later"), "mail_system_failure"),
    (at_mail("553 5.5.4 <apikey>... Domain name required for sender address apikey"),
     "account_name_used_as_sender"),
    (at_data("554 5.7.1 Message rejected: it contains a virus (Eicar-Test)"), "content_rejected"),
    (but(over_tls=Fact(), in_clear=refused_hello("421 4.7.1 Error: No client certificate")),
     "client_certificate_required"),
    (but(over_tls=Fact(), in_clear=refused_hello("421 4.3.2 System not accepting network "
                                                 "messages")), "mail_system_failure"),
    (but(over_tls=Fact(), tls=Fact(), starttls=reply("454 4.3.0 Try again later")),
     "mail_system_failure"),
    (Evidence("probe", HEALTHY.target,
              greeting=Fact("seen", Greeting(reply("521 5.7.1 <web[203.0.113.7]>: Client host "
                                                   "rejected: blocked")))), "address_blocklisted"),
    (but(mail=mail("530 5.7.0 Authentication required")), "auth_not_performed"),
    (but(mail=mail("250 ok"), rcpt=(mail("554 5.7.1 <b@example.com>: Relay access denied"),)),
     "auth_not_performed"),
    (Evidence("probe", HEALTHY.target,
              greeting=Fact("seen", Greeting(reply("421 4.7.66 TLS 1.0 and 1.1 not supported")))),
     "tls_version_too_old"),
]
SILENT = [
    but(client=client(),
        mail=replace(mail("530 5.7.0 Authentication required"), authenticated=False)),
    but(client=client("go-net-smtp"), auth=tried(attempt("PLAIN", "334 "))),
    but(auth=tried(attempt("PLAIN", "535 Incorrect authentication data"))),
    at_rcpt("550 5.2.0 no"),
]
# fmt: on


@pytest.mark.parametrize(("seen", "cause"), CASES)
def test_the_cause_that_a_refusal_names(seen: Evidence, cause: str) -> None:
    found = diagnose(seen, PROFILES)
    assert found.findings[0].id == cause
    assert found.verdict == "finding"
    assert found.findings[0].proof


@pytest.mark.parametrize("seen", SILENT)
def test_replies_without_findings(seen: Evidence) -> None:
    assert diagnose(seen, PROFILES).findings == ()
