"""SMTP user names: their form, their owner, and the rights that their application needs."""

from dataclasses import replace

import pytest

from gatepost.directory.azure.changes import smtp_usernames
from gatepost.directory.azure.changes.smtp_usernames import SmtpUsernameSpec
from gatepost.directory.azure.snapshot import Snapshot
from tests.unit.directory.azure.changes.refusals import code, refusal
from tests.unit.directory.azure.world import (
    APPLICATION,
    DOMAIN_NAME,
    NOW,
    OTHER,
    SERVICE,
    TENANT,
    USERNAME,
    Change,
    smtp_username,
    world,
)

PLACE = f"{SERVICE}/smtpUsernames/printer"


def put(
    username: str,
    application: str = APPLICATION,
    tenant: str = TENANT,
    snapshot: Snapshot | None = None,
) -> object:
    wish = SmtpUsernameSpec(username, application, tenant)
    return smtp_usernames.put(snapshot or world(), PLACE, wish, NOW).entry


# fmt: off
FORMS = [
    ("smtp-login",                     ""),
    (APPLICATION,                      ""),
    (f"printer@{DOMAIN_NAME}",         ""),
    (f"printer@{DOMAIN_NAME.upper()}", ""),
    (USERNAME,                         ""),
    (USERNAME.replace(".", "|").upper(), ""),
    ("PRINTER",                        "InvalidSmtpUsername"),
    ("",                               "InvalidSmtpUsername"),
    ("two words",                      "InvalidSmtpUsername"),
    ("tab\t",                          "InvalidSmtpUsername"),
    ("größe",                          "InvalidSmtpUsername"),
    ("x" * 321,                        "InvalidSmtpUsername"),
    ("printer@example.org",            "InvalidSmtpUsername"),
    (f"@{DOMAIN_NAME}",                "InvalidSmtpUsername"),
    (f"a@b@{DOMAIN_NAME}",             "InvalidSmtpUsername"),
    (f"other.{APPLICATION}.{TENANT}",  "InvalidSmtpUsername"),
    (f"acs-demo.{OTHER}.{TENANT}",     "InvalidSmtpUsername"),
]
# fmt: on


@pytest.mark.parametrize(("username", "expected"), FORMS)
def test_forms(username: str, expected: str) -> None:
    assert code(lambda: put(username)) == expected


NOT_ITS_OWN = "InvalidEntraApplication"
NO_GUID = "InvalidRequestContent"
GRANTS_NOTHING = Change(fields=(("role", "permissions", ()),))
# fmt: off
APPLICATIONS = [
    (APPLICATION.upper(), TENANT.upper(), Change(),                               ""),
    ("app",               TENANT,         Change(),                               NO_GUID),
    (APPLICATION,         "contoso.com",  Change(),                               NO_GUID),
    (OTHER,               TENANT,         Change(),                               NOT_ITS_OWN),
    (APPLICATION,         OTHER,          Change(),                               NOT_ITS_OWN),
    (APPLICATION,         TENANT,         Change(without=("service_principal",)), NOT_ITS_OWN),
    (APPLICATION,         TENANT,         Change(without=("assignment",)),        NOT_ITS_OWN),
    (APPLICATION,         TENANT,         GRANTS_NOTHING,                         NOT_ITS_OWN),
]
# fmt: on


@pytest.mark.parametrize(("application", "tenant", "change", "expected"), APPLICATIONS)
def test_the_application_holds_its_role_already(
    application: str, tenant: str, change: Change, expected: str
) -> None:
    assert code(lambda: put("smtp-login", application, tenant, world(change))) == expected


def test_names_are_unique_whatever_their_case() -> None:
    snapshot = world(Change(added=(smtp_username("smtp-login", "first"),)))
    assert refusal(lambda: put("SMTP-Login", snapshot=snapshot)) == ("Conflict", 409)


def test_repeating_a_put_changes_nothing_and_another_name_replaces_it() -> None:
    old = smtp_username("smtp-login", "printer")
    snapshot = world(Change(added=(old,)))
    assert put("smtp-login", snapshot=snapshot) == old, "it took effect when it was made"
    made = put("renamed", snapshot=snapshot)
    assert made == replace(old, username="renamed", created_at=NOW)


def test_the_resource_must_be_there() -> None:
    wish = SmtpUsernameSpec("smtp-login", APPLICATION, TENANT)
    missing = f"{SERVICE}x/smtpUsernames/printer"
    put_there = refusal(lambda: smtp_usernames.put(world(), missing, wish, NOW))
    assert put_there == ("ParentResourceNotFound", 404)
    assert code(lambda: smtp_usernames.delete(world(), PLACE)) == "ResourceNotFound"
