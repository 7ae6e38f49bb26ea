"""Each missing step of a set-up is why a login or a message is refused; taken again, it is not."""

import dataclasses
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from gatepost.app.provision_exchange import first_organisation
from gatepost.directory.azure.login_checks import Denial
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.directory.azure.tokens import Claims
from gatepost.directory.exchange.missing_steps import STEPS, Scene, dated, use_roles
from gatepost.directory.exchange.organisation import ExchangeMailbox, MailboxGrant, Organisation
from gatepost.directory.exchange.sending import standing_of
from gatepost.directory.exchange.sign_in import ExchangeLogin, ExchangeRules
from gatepost.model.address import parse_address
from gatepost.model.credentials import Principal, Standing
from gatepost.model.profile import REFUSALS
from gatepost.profiles import load_profile
from tests.unit.directory.azure.world import APPLICATION, NOW, OTHER, PRINCIPAL, TENANT, entries

APP, SHARED, HVE = "app@contoso.com", "shared@contoso.com", "hve@contoso.com"
ENTRA = Snapshot(entries().values())
SCENE = Scene(APPLICATION, PRINCIPAL, OTHER, NOW)
SUBMISSION = first_organisation(load_profile("microsoft365"), APP, APPLICATION, PRINCIPAL)
VOLUME = first_organisation(load_profile("microsoft365-hve"), HVE, APPLICATION, PRINCIPAL)
RULES, VOLUME_RULES = ExchangeRules(), ExchangeRules(is_high_volume=True)


def claims(organisation: Organisation, **changes: object) -> Claims:
    """Return the claims of a token that Entra would issue now."""
    permissions = organisation.consents_of(APPLICATION).application_permissions
    made = Claims(TENANT, APPLICATION, PRINCIPAL, "https://outlook.office365.com", NOW, permissions)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def person(name: str, *scopes: str) -> dict[str, object]:
    return {"person": name, "scopes": scopes, "roles": ()}


def by_token(organisation: Organisation, username: str = APP, **changes: object) -> str:
    """Return who signs in with a token, or the slug of the refusal."""
    is_volume = organisation.mailbox[0].kind == "hve"
    login = ExchangeLogin(organisation, ENTRA, VOLUME_RULES if is_volume else RULES, NOW)
    return _told(login.by_token(username, claims(organisation, **changes)))


def by_password(organisation: Organisation, username: str = APP) -> str:
    return _told(ExchangeLogin(organisation, ENTRA, RULES, NOW).by_password(username))


def _told(verdict: Principal | Denial) -> str:
    return verdict.slug if isinstance(verdict, Denial) else verdict.name


def undone(step: str, organisation: Organisation = SUBMISSION) -> Organisation:
    return STEPS[step].undo(organisation, SCENE)


def taken(step: str, organisation: Organisation) -> Organisation:
    return STEPS[step].take(organisation, SCENE)


# fmt: off
AT_LOGIN = [
    # the missing step          with an application's token            with the password
    ("admin-consent",           "permission_missing",                  APP),
    ("service-principal",       "service_principal_missing",           APP),
    ("object-id",               "service_principal_of_registration",   APP),
    ("scope",                   "mailbox_out_of_scope",                APP),
    ("mailbox-switch",          "smtp_auth_disabled_mailbox",         "smtp_auth_disabled_mailbox"),
    ("tenant-switch",           "smtp_auth_disabled_tenant",          "smtp_auth_disabled_tenant"),
    ("basic",                   APP,                                   "basic_auth_disabled"),
    ("security-defaults",       APP,                                   "security_defaults_block"),
    ("full-access",             APP,                                   APP),
    ("send-as",                 APP,                                   APP),
]
# fmt: on


@pytest.mark.parametrize(("step", "token", "password"), AT_LOGIN)
def test_a_missing_step_refuses_the_login(step: str, token: str, password: str) -> None:
    broken = undone(step)
    assert (by_token(broken), by_password(broken)) == (token, password)
    mended = taken(step, broken)
    assert (by_token(mended), by_password(mended)) == (APP, APP)


def test_everything_works_at_first() -> None:
    assert by_token(SUBMISSION) == by_password(SUBMISSION) == APP
    assert by_token(SUBMISSION, APP.upper()) == APP
    assert by_token(VOLUME, HVE) == HVE


def test_every_refusal_with_a_reply_of_its_own_is_one_that_can_happen() -> None:
    happening = {token for _, token, _ in AT_LOGIN} | {password for *_, password in AT_LOGIN}
    others = {"app_not_allowed", "not_high_volume", "token_expired", "token_malformed"}
    assert happening - {APP} | others == REFUSALS


# fmt: off
PEOPLE = [
    (APP,    person(APP, "SMTP.Send"),                APP),
    (APP,    person(APP.upper(), "SMTP.Send"),        APP),
    (APP,    person(APP, "Mail.Send"),                "permission_missing"),
    (APP,    person(SHARED, "SMTP.Send"),             "oauth_wrong_identity"),
    (SHARED, person(APP, "SMTP.Send"),                "oauth_wrong_identity"),
    ("x@y",  person(APP, "SMTP.Send"),                "mailbox_unknown"),
]
# fmt: on


@pytest.mark.parametrize(("username", "token", "expected"), PEOPLE)
def test_people_sign_in_as_themselves(
    username: str, token: dict[str, object], expected: str
) -> None:
    assert by_token(SUBMISSION, username, **token) == expected


def standing(
    organisation: Organisation,
    sender: str,
    *,
    application: str = APPLICATION,
    rules: ExchangeRules = RULES,
    name: str = APP,
) -> Standing:
    principal = Principal(name, application_id=application)
    return standing_of(organisation, principal, parse_address(sender), rules, NOW)


def test_without_full_access_the_login_succeeds_and_the_message_is_refused() -> None:
    broken = undone("full-access")
    assert standing(broken, APP) is Standing.MAILBOX_NOT_OPENED
    assert standing(broken, APP, application="") is Standing.ALLOWED
    assert standing(taken("full-access", broken), APP) is Standing.ALLOWED


def test_a_role_opens_the_mailbox_without_full_access_and_without_a_permission() -> None:
    by_role = use_roles(SUBMISSION, SCENE)
    assert claims(by_role).roles == ()
    assert by_token(by_role) == APP
    assert standing(by_role, APP) is Standing.ALLOWED


@pytest.mark.parametrize("application", [APPLICATION, ""], ids=["application", "person"])
def test_another_sender_needs_send_as(application: str) -> None:
    assert standing(SUBMISSION, SHARED, application=application) is Standing.ALLOWED
    broken = undone("send-as")
    refused = Standing.SENDER_NOT_REGISTERED
    assert standing(broken, SHARED, application=application) is refused
    assert standing(SUBMISSION, "nobody@contoso.com", application=application) is refused


def test_a_mailbox_that_is_gone_may_not_send() -> None:
    empty = replace(SUBMISSION, mailbox=())
    assert standing(empty, APP) is Standing.NOT_SIGNED_IN


# fmt: off
HIGH_VOLUME = [
    (VOLUME,                          {},                              HVE),
    (undone("allowed-app", VOLUME),   {},                              "app_not_allowed"),
    (undone("admin-consent", VOLUME), {},                              "permission_missing"),
    (VOLUME,                          {"roles": ("SMTP.SendAsApp",)},  "permission_missing"),
    (VOLUME,                          person(HVE, "Mail.Send"),        HVE),
    (VOLUME,                          person(HVE, "SMTP.Send"),        "permission_missing"),
    (undone("tenant-switch", VOLUME), {},                              HVE),
    (undone("allowed-app", VOLUME),   person(HVE, "Mail.Send"),        HVE),
]
# fmt: on


@pytest.mark.parametrize(("organisation", "token", "expected"), HIGH_VOLUME)
def test_high_volume_accounts(
    organisation: Organisation, token: dict[str, object], expected: str
) -> None:
    assert by_token(organisation, HVE, **token) == expected


def test_high_volume_accounts_and_mailboxes_sign_in_at_different_hosts() -> None:
    both = replace(VOLUME, mailbox=(*VOLUME.mailbox, *SUBMISSION.mailbox))
    assert by_token(both, APP) == "not_high_volume"
    login = ExchangeLogin(both, ENTRA, RULES, NOW)
    assert _told(login.by_password(HVE)) == "high_volume_elsewhere"


def test_a_high_volume_account_sends_as_itself_only() -> None:
    both = replace(
        VOLUME,
        mailbox=(*VOLUME.mailbox, ExchangeMailbox(SHARED, "shared", send_as=(MailboxGrant(HVE),))),
    )
    assert standing(both, HVE, rules=VOLUME_RULES, name=HVE) is Standing.ALLOWED
    refused = Standing.SENDER_NOT_REGISTERED
    assert standing(both, SHARED, rules=VOLUME_RULES, name=HVE) is refused


LATE = ExchangeRules(propagation_delay=timedelta(hours=1))


@pytest.mark.parametrize(("minutes", "opens"), [(0, False), (59, False), (60, True), (600, True)])
def test_full_access_takes_effect_after_the_delay(minutes: int, opens: bool) -> None:
    mended = taken("full-access", undone("full-access"))
    now = NOW + timedelta(minutes=minutes)
    principal, sender = Principal(APP, application_id=APPLICATION), parse_address(APP)
    expected = Standing.ALLOWED if opens else Standing.MAILBOX_NOT_OPENED
    assert standing_of(mended, principal, sender, LATE, now) is expected


@pytest.mark.parametrize("step", ["service-principal", "scope"])
def test_what_exchange_was_told_takes_effect_after_the_delay(step: str) -> None:
    mended = taken(step, undone(step))
    for now, expected in ((NOW, "propagating"), (NOW + timedelta(hours=1), APP)):
        login = ExchangeLogin(mended, ENTRA, LATE, now)
        assert _told(login.by_token(APP, claims(mended))) == expected


def test_an_allowed_application_takes_effect_after_the_delay() -> None:
    mended = taken("allowed-app", undone("allowed-app", VOLUME))
    rules = ExchangeRules(is_high_volume=True, propagation_delay=timedelta(minutes=5))
    for now, expected in ((NOW, "app_not_allowed"), (NOW + timedelta(minutes=5), HVE)):
        login = ExchangeLogin(mended, ENTRA, rules, now)
        assert _told(login.by_token(HVE, claims(mended))) == expected


def test_what_is_granted_anew_is_dated_and_what_was_granted_stays() -> None:
    before = replace(
        SUBMISSION, mailbox=(ExchangeMailbox(APP, full_access=(MailboxGrant("a", NOW),)),)
    )
    asked = replace(
        SUBMISSION,
        mailbox=(
            ExchangeMailbox(APP, full_access=(MailboxGrant("A"), MailboxGrant("b"))),
            ExchangeMailbox(SHARED),
        ),
    )
    later = NOW + timedelta(days=1)
    grants = dated(asked, before, later).mailbox[0].full_access
    assert grants == (MailboxGrant("A", NOW), MailboxGrant("b", later))
    chosen = replace(asked, mailbox=(ExchangeMailbox(APP, full_access=(MailboxGrant("b", NOW),)),))
    assert dated(chosen, before, later).mailbox[0].full_access == (MailboxGrant("b", NOW),)


def test_every_grant_of_the_first_organisation_is_in_effect() -> None:
    assert by_token(SUBMISSION) == APP
    login = ExchangeLogin(SUBMISSION, ENTRA, LATE, NOW)
    assert _told(login.by_token(APP, claims(SUBMISSION))) == APP


# fmt: off
MISTAKES = [
    ({"mailbox": [{"address": "no address"}]},                      "mailbox"),
    ({"mailbox": [{"address": APP}, {"address": APP.upper()}]},     "the same address"),
    ({"mailbox": [{"address": APP, "kind": "room"}]},               "kind"),
    ({"mailboxes": []},                                             "mailboxes"),
    ({"accepted_domains": ["not a domain"]},                        "not a domain"),
    ({"licenses": -1},                                              "licenses"),
    ({"mailbox": [{"address": f"a{n}@x.y"} for n in range(1_001)]}, "more than 1000"),
    ({"mailbox": [{"address": APP, "full_access": [{"to": "x", "since": "2026-01-01T00:00:00"}]}]},
     "full_access"),
]
# fmt: on


@pytest.mark.parametrize(("document", "why"), MISTAKES)
def test_an_organisation_with_a_mistake_is_refused(document: object, why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(document, Organisation)


@pytest.mark.parametrize(
    ("organisation", "limit"),
    [
        (Organisation(licenses=1), 10_000),
        (Organisation(licenses=100), 22_059),
        (Organisation(licenses=1_000), 72_446),
        (Organisation(licenses=1_000, is_trial=True), 5_000),
        (Organisation(licenses=1, external_recipient_limit=3), 3),
    ],
)
def test_the_external_limit_follows_from_the_licenses(
    organisation: Organisation, limit: int
) -> None:
    assert organisation.external_limit == limit
