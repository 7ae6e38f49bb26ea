"""Resource ids, as in Azure Resource Manager; they are equal without regard to case."""

import re
import uuid
from typing import Final

GUID_PATTERN: Final = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
RESOURCE_NAME: Final = re.compile(r"[-\w]{1,63}", re.ASCII)

_GUID: Final = re.compile(GUID_PATTERN)


def is_guid(text: str) -> bool:
    """Tell whether ``text`` is a GUID in the format of Azure."""
    return _GUID.fullmatch(text) is not None


def new_guid() -> str:
    """Return a new random GUID in lower case."""
    return str(uuid.uuid4())


def subscription_path(subscription: str) -> str:
    """Return the id of a subscription, which is also the widest scope of a role assignment."""
    return f"/subscriptions/{subscription}"


def group_path(subscription: str, group: str) -> str:
    """Return the id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def resource_path(group: str, kind: str, name: str) -> str:
    """Return the id of a ``Microsoft.Communication`` resource; ``group`` is its group's id."""
    return f"{group}/providers/Microsoft.Communication/{kind}/{name}"


def child_path(parent: str, kind: str, name: str) -> str:
    """Return the id of a child of ``parent``."""
    return f"{parent}/{kind}/{name}"


def parent_path(path: str) -> str:
    """Return the id of the parent of a child resource."""
    return path.rsplit("/", 2)[0]


def subscription_of(path: str) -> str:
    """Return the subscription's GUID in a resource id. Raises ValueError if it contains none."""
    words = path.split("/")
    if len(words) < 3 or words[1].lower() != "subscriptions":
        raise ValueError(f"not in a subscription: {path!r}")
    return words[2]


def is_within(path: str, scope: str) -> bool:
    """Tell whether ``path`` is ``scope`` or below it; both in lower case."""
    scope = scope.rstrip("/")
    return path == scope or path.startswith(f"{scope}/")
