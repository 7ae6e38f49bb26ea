"""The hierarchy of resources: permitted parents and names, and the children.

Names and lengths are those of the published resource types (azure-rest-api-specs,
``specification/communication``; "Naming rules and restrictions for Azure resources").
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeVar

from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.azure.entries import (
    KINDS,
    CommunicationService,
    Domain,
    EmailService,
    Entry,
    ResourceGroup,
    RoleAssignment,
    SenderUsername,
    SmtpUsername,
    Subscription,
    SuppressedAddress,
    SuppressionList,
)
from gatepost.directory.azure.resource_ids import GUID_PATTERN, RESOURCE_NAME, is_guid, is_within
from gatepost.directory.azure.snapshot import Snapshot

R = TypeVar("R", bound=Entry)


class _Place(NamedTuple):
    """The parent of a kind of resource, and its permitted names."""

    holder: type[Entry]
    collection: str
    names: re.Pattern[str]


# fmt: off
_ANY_NAME: Final = re.compile(r"[^<>*%&:\\?/#\s\x00-\x1f\x7f]{1,253}")
_PLACES: Final[Mapping[type[Entry], _Place]] = {
    ResourceGroup: _Place(Subscription, "resourceGroups", re.compile(r"[-\w.()]{0,89}[-\w()]")),
    EmailService: _Place(ResourceGroup, "providers/Microsoft.Communication/emailServices",
                         re.compile(r"[a-zA-Z0-9-]{1,63}")),
    CommunicationService: _Place(
        ResourceGroup, "providers/Microsoft.Communication/communicationServices", RESOURCE_NAME),
    Domain: _Place(EmailService, "domains", re.compile(r"[-a-zA-Z0-9.]{1,253}")),
    SenderUsername: _Place(Domain, "senderUsernames", _ANY_NAME),
    SuppressionList: _Place(Domain, "suppressionLists", re.compile(r"[a-zA-Z0-9-]{1,253}")),
    SuppressedAddress: _Place(
        SuppressionList, "suppressionListAddresses", re.compile(GUID_PATTERN)),
    SmtpUsername: _Place(CommunicationService, "smtpUsernames",
                         re.compile(r"[a-zA-Z0-9-]{1,253}")),
}
# fmt: on


def is_name(kind: type[Entry], name: str) -> bool:
    """Tell whether a resource of ``kind`` may have this name."""
    return _PLACES[kind].names.fullmatch(name) is not None


def collection_path(holder: str, kind: type[Entry]) -> str:
    """Return the path of the collection of ``kind`` in the resource ``holder``."""
    return f"{holder}/{_PLACES[kind].collection}"


def resource_id(kind: type[Entry], holder: str, name: str) -> str:
    """Return the id of the resource ``name`` of ``kind`` in the resource ``holder``."""
    return f"{collection_path(holder, kind)}/{name}"


def split_id(kind: type[Entry], id: str) -> tuple[str, str]:
    """Return the id of the parent of a resource of ``kind``, and the resource's name.

    Raises Rejected for the id of another kind.
    """
    path, _, name = id.rpartition("/")
    collection = f"/{_PLACES[kind].collection}"
    if not name or not path.lower().endswith(collection.lower()):
        raise Rejected(
            "InvalidResourceId", f"'{id}' is not the id of a resource of type '{type_of(kind)}'."
        )
    return path[: -len(collection)], name


def place(snapshot: Snapshot, kind: type[Entry], id: str) -> str:
    """Return the id of a new resource, in the spelling of its parent.

    Raises Rejected for a name that is not permitted, and if the parent does not exist.
    """
    holder_id, name = split_id(kind, id)
    holder = _holder(snapshot, kind, holder_id)
    if not is_name(kind, name):
        raise _bad_name(kind, name)
    return resource_id(kind, holder.id, name)


def holder_of(snapshot: Snapshot, kind: type[Entry], id: str) -> Entry:
    """Return the parent, existing or new, of the resource ``id`` of ``kind``. Raises Rejected."""
    return _holder(snapshot, kind, split_id(kind, id)[0])


def _holder(snapshot: Snapshot, kind: type[Entry], holder_id: str) -> Entry:
    holder = _PLACES[kind].holder
    entry = snapshot.get(holder, holder_id)
    if entry is not None:
        return entry
    if holder is Subscription:
        raise no_subscription(holder_id.rpartition("/")[2])
    if holder is ResourceGroup:
        holder_of(snapshot, ResourceGroup, holder_id)  # may report that the subscription is missing
        raise no_group(holder_id.rpartition("/")[2])
    holder_of(snapshot, holder, holder_id)  # may report that the group is missing
    raise Rejected(
        "ParentResourceNotFound",
        f"Failed to perform 'write' on resource(s) of type '{short_type(kind)}', because the "
        f"parent resource '{holder_id}' could not be found.",
        404,
    )


def existing(snapshot: Snapshot, kind: type[R], id: str) -> R:
    """Return the resource. Raises Rejected with what is missing: it, or its parent."""
    entry = snapshot.get(kind, id)
    if entry is not None:
        return entry
    if kind in _PLACES:
        _check_group(snapshot, kind, id)
    if issubclass(kind, ResourceGroup):
        raise no_group(id.rpartition("/")[2])
    if issubclass(kind, Subscription):
        raise no_subscription(id.rpartition("/")[2])
    raise not_found(kind, id)


def _check_group(snapshot: Snapshot, kind: type[Entry], id: str) -> None:
    """Raise Rejected if the group of a resource does not exist."""
    holder, holder_id = _PLACES[kind].holder, split_id(kind, id)[0]
    while holder not in (ResourceGroup, Subscription):
        holder, holder_id = _PLACES[holder].holder, split_id(holder, holder_id)[0]
    existing(snapshot, holder, holder_id)


def not_found(kind: type[Entry], id: str) -> Rejected:
    """Return Resource Manager's error for a resource that does not exist."""
    words = id.split("/")
    group = words[4] if len(words) > 4 else ""
    names = "/".join(words[8::2])
    return Rejected(
        "ResourceNotFound",
        f"The Resource '{type_of(kind)}/{names}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        404,
    )


def no_group(name: str) -> Rejected:
    """Return Resource Manager's error for a resource group that does not exist."""
    return Rejected("ResourceGroupNotFound", f"Resource group '{name}' could not be found.", 404)


def no_subscription(name: str) -> Rejected:
    """Return Resource Manager's error for a subscription that does not exist."""
    if not is_guid(name):
        return Rejected(
            "InvalidSubscriptionId",
            f"The provided subscription identifier '{name}' is malformed or invalid.",
        )
    return Rejected("SubscriptionNotFound", f"The subscription '{name}' could not be found.", 404)


def type_of(kind: type[Entry]) -> str:
    """Return the resource type with its namespace."""
    return kind.resource_type


def short_type(kind: type[Entry]) -> str:
    """Return the resource type without its namespace."""
    return kind.resource_type.partition("/")[2]


def _bad_name(kind: type[Entry], name: str) -> Rejected:
    if kind is ResourceGroup:
        return Rejected(
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' is invalid. It has 1 to 90 letters, "
            "digits, '-', '.', '(', ')' or '_', and does not end with '.'.",
        )
    return Rejected(
        "InvalidResourceName",
        f"Resource name '{name}' is invalid: a resource of type '{short_type(kind)}' is named "
        f"by '{_PLACES[kind].names.pattern}'.",
    )


def held_by(snapshot: Snapshot, id: str) -> tuple[Entry, ...]:
    """Return everything below a resource, including role assignments on it and below it."""
    within = id.lower()
    held: list[Entry] = []
    for kind in KINDS:
        if kind is RoleAssignment:
            assignments = snapshot.all(RoleAssignment)
            held += [each for each in assignments if is_within(each.scope.lower(), within)]
        else:
            entries = snapshot.all(kind)
            held += [each for each in entries if each.key != within and is_within(each.key, within)]
    return tuple(held)
