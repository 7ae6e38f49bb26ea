"""The kinds of objects in the directory: their tables and forms, and the fields of these.

The operations are those of the command line, such as ``gatepost domain verify``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from gatepost.console.forms import PageForm

FieldKind = Literal["text", "days", "flag", "list", "password"]
_DAY: Final = 86_400
_LONGEST: Final = 100_000
"""Days of a secret's lifetime."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form, and of its operation."""

    name: str
    label: str = ""
    """The end of its text's key; empty: the name."""
    kind: FieldKind = "text"
    choices: str = ""
    """What it is chosen from: the noun of objects, or words with ``|``."""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class ListedKind:
    """A kind of objects, as its table and its form show it."""

    noun: str
    """Of its commands: ``gatepost NOUN list``."""
    key: str
    """Of the list in the operation's document."""
    columns: tuple[str, ...]
    create: tuple[FormField, ...]
    parent: str = ""
    """The column with the id of what contains it, if its own id is not unique."""


# fmt: off
KINDS: Final = (
    ListedKind("app", "apps", ("name", "id", "usernames", "secrets"), (
        FormField("name", is_required=True), FormField("parent", "tenant", choices="tenant"),
        FormField("multitenant", kind="flag"),
    )),
    ListedKind("secret", "secrets", ("app", "name", "hint", "starts_at", "expires_at", "state"), (
        FormField("parent", "app", choices="app"), FormField("name", "about"),
        FormField("lifetime", "days", kind="days"),
    ), "app_id"),
    ListedKind("role", "roles", ("name", "description", "actions", "assigned"), (
        FormField("name", is_required=True), FormField("description"),
        FormField("actions", kind="list"), FormField("not_actions", kind="list"),
    )),
    ListedKind("resource", "resources", ("name", "kind", "group", "data_location", "domains"), (
        FormField("name", is_required=True),
        FormField("kind", choices="communication|email|group|subscription"),
        FormField("parent", "within", choices="holder"), FormField("data_location"),
    )),
    ListedKind("domain", "domains", ("domain", "management", "email_service", "linked_to"), (
        FormField("name", "domain"), FormField("parent", "email_service", choices="email"),
        FormField("managed", kind="flag"),
    )),
    ListedKind("sender", "senders", ("address", "display_name"), (
        FormField("name", "local_part", is_required=True),
        FormField("parent", "domain", choices="domain"), FormField("display_name"),
    )),
    ListedKind("smtp-username", "smtp_usernames",
               ("username", "name", "app", "resource", "created_at"), (
        FormField("username", is_required=True), FormField("name", is_required=True),
        FormField("app", choices="app"), FormField("parent", "resource", choices="communication"),
    )),
    ListedKind("account", "accounts", ("name", "senders", "cram_md5", "origin"), (
        FormField("name", is_required=True), FormField("senders", kind="list"),
        FormField("password", kind="password"), FormField("cram_md5", kind="flag"),
    )),
    ListedKind("tenant", "tenants", ("name", "id"), (
        FormField("name", "tenant_domain", is_required=True),
    )),
)
_NAME: Final = FormField("name")
_PARENT: Final = FormField("parent")
ASSIGN: Final = (
    FormField("name", "role", choices="role"), FormField("app", choices="app"),
    FormField("on", "scope", choices="scope"),
)
"""The form that assigns a role."""
LINK: Final = (FormField("name"), FormField("domain", choices="domain"))
VERIFY: Final = (
    _NAME, _PARENT, FormField("by_hand", kind="flag"), FormField("by_dns", kind="flag"),
)
ACTIONS: Final[Mapping[tuple[str, str], tuple[FormField, ...]]] = {
    **{(each.noun, "create"): each.create for each in KINDS},
    **{(each.noun, "delete"): (_NAME, _PARENT) for each in KINDS},
    ("resource", "delete"): (_NAME, FormField("kind")),
    ("account", "delete"): (_NAME,),
    ("role", "assign"): ASSIGN,
    ("role", "unassign"): ASSIGN,
    ("resource", "link"): LINK,
    ("resource", "unlink"): LINK,
    ("resource", "keys"): (_NAME, FormField("regenerate", choices="primary|secondary")),
    ("domain", "verify"): VERIFY,
    ("account", "set-password"): (_NAME, FormField("password", kind="password")),
}
# fmt: on
"""The fields of each operation that a form runs, by noun and verb."""
SECRETS: Final = ("value", "password")
"""Keys of a document that are shown once."""


def kind_of(noun: str) -> ListedKind | None:
    """Return a kind of objects; None: there is none."""
    return next((each for each in KINDS if each.noun == noun), None)


def read_fields(form: PageForm, fields: tuple[FormField, ...], now: datetime) -> dict[str, Any]:
    """Return the fields of an operation; empty ones are left out. Raises ValueError."""
    values: dict[str, Any] = {}
    for each in fields:
        text = form.first(each.name)
        if each.kind != "password":
            text = text.strip()
        if not text:
            continue
        if each.kind == "flag":
            values[each.name] = True
        elif each.kind == "list":
            values[each.name] = text.replace(",", " ").split()
        elif each.kind == "days":
            values |= _lifetime(text, now)
        else:
            values[each.name] = text
    return values


def _lifetime(days: str, now: datetime) -> dict[str, Any]:
    """Return the field that gives a secret so many days; of none, it has just expired."""
    if not (days.isascii() and days.isdecimal()) or len(days) > 6 or int(days) > _LONGEST:
        raise ValueError(f"a lifetime is a number of days up to {_LONGEST}")
    if int(days):
        return {"lifetime": float(int(days) * _DAY)}
    return {"expires": (now - timedelta(seconds=1)).isoformat()}
