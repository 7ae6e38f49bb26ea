"""Finds the entry that a word means: by id or name, inside its parent, or as the only one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from gatepost.control.administration.operation_fields import EntryName
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.azure.changes.hierarchy import split_id
from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    CommunicationService,
    Domain,
    EmailService,
    Entry,
    ResourceGroup,
    RoleDefinition,
    SenderUsername,
    SmtpUsername,
    Subscription,
    Tenant,
)
from gatepost.directory.azure.resource_ids import parent_path
from gatepost.directory.azure.snapshot import Snapshot

E = TypeVar("E", bound=Entry)

_MOST_NAMES: Final = 8
"""Maximum number of names in an error."""


@dataclass(frozen=True, slots=True)
class Noun(Generic[E]):
    """One kind of entry, in the words of the command line."""

    word: str
    kind: type[E]
    names: Callable[[Snapshot, E], Sequence[str]] = lambda _, each: (each.name,)
    """The possible names of an entry; the first one is shown."""
    ids: Callable[[E], Sequence[str]] = lambda each: (each.id,)
    parent: Callable[[E], str] = lambda _: ""
    """The id of an entry's parent."""
    is_secret: bool = False
    """People enter its value instead of its id or name, so that what was entered is never shown."""
    made_by: str = ""
    """The command that creates the first one."""
    within: "Noun[Any] | None" = None
    """The noun of the parent that a request may name."""


def _named(*attributes: str) -> Callable[[Snapshot, Any], Sequence[str]]:
    return lambda _, each: tuple(filter(None, (getattr(each, name) for name in attributes)))


def _under(kind: type[Entry]) -> Callable[[Entry], str]:
    return lambda each: split_id(kind, each.id)[0]


def _addresses(view: Snapshot, sender: SenderUsername) -> Sequence[str]:
    domain = view.get(Domain, parent_path(sender.id))
    behind = domain.from_domain if domain else ""
    return sender.username, sender.name, f"{sender.username}@{behind}"


# fmt: off
TENANT: Final = Noun("tenant", Tenant, _named("domain"), made_by="tenant create DOMAIN")
APP: Final = Noun("app", Application, _named("display_name"),
                  lambda each: (each.id, each.object_id), lambda each: each.tenant_id,
                  made_by="app create NAME", within=TENANT)
SECRET: Final = Noun("secret", ClientSecret, _named("display_name"),
                     parent=lambda each: each.application_id, is_secret=True, within=APP)
ROLE: Final = Noun("role", RoleDefinition, _named("role_name"))
SUBSCRIPTION: Final = Noun("subscription", Subscription, _named("display_name", "name"),
                           parent=lambda each: each.tenant_id,
                           made_by="resource create NAME --kind subscription")
GROUP: Final = Noun("resource group", ResourceGroup, parent=_under(ResourceGroup),
                    made_by="resource create NAME --kind group")
EMAIL: Final = Noun("Email service", EmailService, parent=_under(EmailService),
                    made_by="resource create NAME --kind email")
COMMUNICATION: Final = Noun("Communication Services resource", CommunicationService,
                            parent=_under(CommunicationService),
                            made_by="resource create NAME")
DOMAIN: Final = Noun("domain", Domain, _named("from_domain", "name"), parent=_under(Domain),
                     within=EMAIL)
SENDER: Final = Noun("sender", SenderUsername, _addresses, parent=_under(SenderUsername),
                     within=DOMAIN)
SMTP_USERNAME: Final = Noun("SMTP user name", SmtpUsername, _named("name", "username"),
                            parent=_under(SmtpUsername), within=COMMUNICATION)
# fmt: on

RESOURCES: Final[dict[str, Noun[Any]]] = {
    "communication": COMMUNICATION,
    "email": EMAIL,
    "group": GROUP,
    "subscription": SUBSCRIPTION,
}
"""By ``--kind``. A name that several have means the first of them: a resource before its parent."""


def entries_of(view: Snapshot, noun: Noun[E], parent: Entry | None = None) -> list[E]:
    """Return the entries of a noun, of one parent or all, sorted by name.

    The order of creation is unknown after a restart.
    """
    entries = [
        each
        for each in view.all(noun.kind)
        if parent is None or noun.parent(each).lower() == parent.key
    ]
    return sorted(entries, key=lambda each: (display_name(view, noun, each).lower(), each.key))


def find(view: Snapshot, noun: Noun[E], text: str, parent: Entry | None = None) -> E:
    """Return the entry with that id or name. Raises Rejected if there is none, or several."""
    entry = _the_one(view, noun, text, parent)
    if entry is None:
        raise _unknown(view, [noun], text, parent)
    return entry


def find_parent(view: Snapshot, noun: Noun[Any], text: str) -> Entry | None:
    """Return the parent that a request names; None without a name. Raises Rejected."""
    return find(view, noun.within, text) if text and noun.within else None


def find_in_parent(view: Snapshot, noun: Noun[E], request: EntryName) -> E:
    """Return the entry that a request names, in its parent if that is named. Raises Rejected."""
    return find(view, noun, request.name, find_parent(view, noun, request.parent))


def find_or_only(view: Snapshot, noun: Noun[E], text: str) -> E:
    """Return the entry that is named; without a name, the only one. Raises Rejected."""
    if text:
        return find(view, noun, text)
    entries = entries_of(view, noun)
    if len(entries) == 1:
        return entries[0]
    if not entries:
        how = f"; `gatepost {noun.made_by}` makes one" if noun.made_by else ""
        raise Rejected("NotFound", f"there is no {noun.word} yet{how}", 404)
    names = [display_name(view, noun, each) for each in entries]
    raise Rejected("ParentNeeded", f"say which {noun.word}: {_there_are(names)}")


def find_resource(view: Snapshot, text: str, kind: str = "") -> Entry:
    """Return the resource, group or subscription of that name. Raises Rejected."""
    nouns = [RESOURCES[kind]] if kind else list(RESOURCES.values())
    for noun in nouns:
        entry: Entry | None = _the_one(view, noun, text, None)
        if entry is not None:
            return entry
    raise _unknown(view, nouns, text, None)


def display_name(view: Snapshot, noun: Noun[E], entry: E) -> str:
    """Return the name by which an entry is shown."""
    return next(iter(noun.names(view, entry)), entry.id)


def _the_one(view: Snapshot, noun: Noun[E], text: str, parent: Entry | None) -> E | None:
    folded = text.lower()
    entries = entries_of(view, noun, parent)
    matches = [each for each in entries if folded in map(str.lower, noun.ids(each))] or [
        each for each in entries if folded in map(str.lower, noun.names(view, each))
    ]
    if len(matches) > 1:
        ids = ", ".join(each.id for each in matches)
        typed = "of that name" if noun.is_secret else f"of the name {text!r}"
        raise Rejected("Ambiguous", f"{len(matches)} {typed}; say the id: {ids}", 409)
    return matches[0] if matches else None


def _unknown(
    view: Snapshot, nouns: Sequence[Noun[Any]], text: str, parent: Entry | None
) -> Rejected:
    """Return an error with the existing names, and what was probably meant."""
    import difflib  # noqa: PLC0415 - only for a mistake

    names = [
        display_name(view, noun, each) for noun in nouns for each in entries_of(view, noun, parent)
    ]
    word = nouns[0].word if len(nouns) == 1 else "resource"
    by_case = {each.lower(): each for each in names}
    near = difflib.get_close_matches(text.lower(), by_case, n=1)
    if near:
        hint = f"; did you mean {by_case[near[0]]!r}?"
    elif names:
        hint = f"; {_there_are(names)}"
    else:
        hint = f"; there is no {word} at all"
    typed = "of that id or name" if nouns[0].is_secret else repr(text[:100])
    return Rejected("NotFound", f"there is no {word} {typed}{hint}", 404)


def _there_are(names: Iterable[str]) -> str:
    """List the first of them, without duplicates."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _MOST_NAMES
    listed = ", ".join(distinct[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"there {'is' if len(distinct) == 1 else 'are'} {listed}"
