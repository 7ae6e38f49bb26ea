"""Logins to try at the emulator of Azure Communication Services, and the reported reasons.

The order is that of the contract: user name, resource, SMTP user name, tenant, application, secret,
service principal, role, propagation. The client gets the same 535 for all of them.
"""

import base64
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Final

from tests.conformance.acs_world import (
    APPLICATION,
    CONTRIBUTOR,
    CUSTOM,
    EMAIL_OWNER,
    OWNER,
    PASSWORD,
    READER,
    TENANT,
    USERNAME,
    Login,
    World,
)

ORDER: Final = (
    "username_format",
    "resource_unknown",
    "smtp_username_domain_not_linked",
    "tenant_unknown",
    "application_unknown",
    "secret_expired",
    "service_principal_missing",
    "role_missing",
    "propagating",
)
"""The checks, in the order in which they are reported."""

NO_PAIRS: Final = {
    ("username_format", "smtp_username_domain_not_linked"): "one has no composite form at all",
    ("role_missing", "propagating"): "a role that is not there has no age",
}

PAIRS: Final = [pair for pair in combinations(ORDER, 2) if pair not in NO_PAIRS]

ACCESS_KEY: Final = base64.b64encode(bytes(range(64))).decode()
CONNECTION_STRING: Final = (
    f"endpoint=https://acs-demo.communication.azure.com/;accesskey={ACCESS_KEY}"
)
NOBODY: Final = "00000000-1111-2222-3333-444444444444"
READ, WRITE, EMAIL_WRITE = (
    "Microsoft.Communication/CommunicationServices/Read",
    "Microsoft.Communication/CommunicationServices/Write",
    "Microsoft.Communication/EmailServices/Write",
)
GOOD: Final = "signed in"

Make = Callable[[World], Login]
_good = Login(USERNAME)


def _secret(password: str) -> Make:
    return lambda _world: replace(_good, password=password)


def _named(username: str) -> Make:
    return lambda _world: Login(username)


def _faulty(*faults: str) -> Make:
    return lambda world: world.login(faults)


# fmt: off
SECRETS: Final[list[tuple[str, str, Make]]] = [
    # what is sent                     what the operator is told   how
    ("the value",                      GOOD,                       _secret(PASSWORD)),
    ("another value",                  "secret_wrong",             _secret("n0t~That.one")),
    ("the value in other case",        "secret_wrong",             _secret(PASSWORD.swapcase())),
    ("the value and a line end",       "secret_wrong",             _secret(f"{PASSWORD}\n")),
    ("nothing",                        "secret_missing",           _secret("")),
    ("to an application without one",  "secret_missing",           _faulty("secret_missing")),
    ("one that has ended",             "secret_expired",           _faulty("secret_expired")),
    ("one that has not begun",         "secret_not_yet_valid",     _faulty("secret_not_yet_valid")),
    ("the Secret ID",                  "secret_id_pasted",         _secret(NOBODY)),
    ("an access key",                  "access_key_pasted",        _secret(ACCESS_KEY)),
    ("a connection string",            "access_key_pasted",        _secret(CONNECTION_STRING)),
]

USERNAMES: Final[list[tuple[str, str, Make]]] = [
    # Appendix A4.
    ("acs-demo.<guid>.<guid>",     GOOD,               _named(USERNAME)),
    ("acs-demo|<guid>|<guid>",     GOOD,               _named(USERNAME.replace(".", "|"))),
    ("my_acs-1.<GUID>.<guid>",     GOOD,
     _named(f"my_acs-1.{APPLICATION.upper()}.{TENANT}")),
    ("upper case throughout",      GOOD,               _named(USERNAME.upper())),
    ("printer@notify.contoso.com", GOOD,               _named(f"printer@{CUSTOM}")),
    ("Printer@Notify.Contoso.com", GOOD,               _named("Printer@Notify.Contoso.com")),
    ("smtp-login",                 GOOD,               _named("smtp-login")),
    ("SMTP-LOGIN",                 GOOD,               _named("SMTP-LOGIN")),
    ("<guid> only",                "username_format",  _named(APPLICATION)),
    ("acs.<guid>",                 "username_format",  _named(f"acs-demo.{APPLICATION}")),
    ("acs.<guid>.<guid>.x",        "username_format",  _named(f"{USERNAME}.x")),
    ("endpoint=https://...",       "username_format",  _named(CONNECTION_STRING)),
    ("acs|sender@x",               "username_format",  _named(f"acs-demo|DoNotReply@{CUSTOM}")),
    ("acs.contoso.com.<guid>.<guid>", "username_format",
     _named(f"acs.contoso.com.{APPLICATION}.{TENANT}")),
    # Section 1.5: wrong values found in public files.
    ("resource name alone",        "username_format",  _named("acs-demo")),
    ("name.region.subscription",   "username_format",
     _named("acs-demo.japaneast.aaaaaaaa-0000-0000-0000-000000000001")),
    ("the sender's address",       "username_format",  _named(f"DoNotReply@{CUSTOM}")),
    ("a name that was given up",   "resource_unknown", _named(USERNAME.replace("demo", "demo2"))),
    ("application and tenant swapped", "tenant_unknown",
     _named(f"acs-demo.{TENANT}.{APPLICATION}")),
]
# fmt: on


def _role(scope: str, *actions: str, data_actions: tuple[str, ...] = ()) -> Make:
    """Return a case: an application with a custom role that is assigned at ``scope``."""
    return _with_role(scope, lambda world: world.add_role(*actions, data_actions=data_actions))


def _with_role(scope: str, role: Callable[[World], str], whose: str = "principal") -> Make:
    def make(world: World) -> Login:
        application = world.add_application({"role_missing"})
        holders = {
            "principal": world.principal_of(application),
            "object": application.object_id,
            "client": application.id,
        }
        scopes = {
            "resource": world.service.id,
            "group": world.group,
            "subscription": world.group.partition("/resourceGroups")[0],
            "root": "/",
            "other resource": f"{world.service.id}-2",
            "domain": world.managed.id,
        }
        world.assign(holders[whose], role(world), scopes[scope])
        return Login(f"acs-demo.{application.id}.{TENANT}")

    return make


# fmt: off
ROLES: Final[list[tuple[str, str, Make]]] = [
    # Sections 2.1 and 2.2.
    ("the three actions, on the resource",   GOOD,
     _role("resource", READ, WRITE, EMAIL_WRITE)),
    ("on its resource group",                GOOD, _role("group", READ, WRITE, EMAIL_WRITE)),
    ("on its subscription",                  GOOD, _role("subscription", READ, WRITE, EMAIL_WRITE)),
    ("on everything",                        GOOD, _role("root", READ, WRITE, EMAIL_WRITE)),
    ("in other case",                        GOOD,
     _role("resource", READ.lower(), WRITE.upper(), EMAIL_WRITE)),
    ("with wildcards",                       GOOD, _role("resource", "Microsoft.Communication/*")),
    ("*/read and */write",                   GOOD, _role("resource", "*/read", "*/write")),
    ("Communication and Email Service Owner", GOOD, _with_role("resource", lambda _: EMAIL_OWNER)),
    ("Contributor",                          GOOD, _with_role("group", lambda _: CONTRIBUTOR)),
    ("Owner",                                GOOD, _with_role("subscription", lambda _: OWNER)),
    ("Reader",                               "role_missing",
     _with_role("resource", lambda _: READER)),
    ("the two actions of 2023",              "role_missing",
     _role("resource", READ, EMAIL_WRITE)),
    ("as data actions only",                 "role_missing",
     _role("resource", data_actions=(READ, WRITE, EMAIL_WRITE))),
    ("on another resource",                  "role_missing",
     _role("other resource", READ, WRITE, EMAIL_WRITE)),
    ("on the domain",                        "role_missing",
     _role("domain", READ, WRITE, EMAIL_WRITE)),
    ("to the application's object id",       "role_missing",
     _with_role("resource", lambda _: EMAIL_OWNER, "object")),
    ("to the client id",                     "role_missing",
     _with_role("resource", lambda _: EMAIL_OWNER, "client")),
]
# fmt: on


def all_cases() -> dict[str, tuple[str, Make]]:
    """Return every login by its name: the reported reason, and the function that makes it."""
    cases: dict[str, tuple[str, Make]] = {}
    for table in (SECRETS, USERNAMES, ROLES):
        cases |= {name: (told, make) for name, told, make in table}
    cases |= {f"only {fault}": (fault, _faulty(fault)) for fault in ORDER}
    for first, second in PAIRS:
        cases[f"{first} and {second}"] = first, _faulty(first, second)
    return cases


CASES: Final = all_cases()


def build(world: World) -> dict[str, Login]:
    """Put everything that the cases need into the directory; return the logins by name."""
    application = world.add_application(id=APPLICATION)
    other = world.add_service("my_acs-1")
    world.assign(world.principal_of(application), world.role.id, other.id)
    world.add_smtp_username("smtp-login", application)
    world.add_smtp_username(f"printer@{CUSTOM}", application)
    return {name: make(world) for name, (_, make) in CASES.items()}
