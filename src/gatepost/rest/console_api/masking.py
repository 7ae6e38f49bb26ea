"""Documents as a viewer sees them: without content, and with masked addresses."""

import re
from collections.abc import Mapping
from typing import Any, Final

_ADDRESS: Final = re.compile(r"([^\s<>@\"',:;()\[\]])[^\s<>@\"',:;()\[\]]{0,63}@")
"""The local part of an address; its first character stays."""
_CONTENT: Final = frozenset({"subject", "text", "html", "headers", "lines", "snippet"})
"""Keys of what is or may be content."""


def mask(document: Any) -> Any:
    """Return a document in which every local part of an address is ``***`` but for its first
    character, and content is null."""
    match document:
        case str():
            return _ADDRESS.sub(r"\1***@", document)
        case Mapping():
            return {
                mask(key): None if key in _CONTENT else mask(value)
                for key, value in document.items()
            }
        case list() | tuple():
            return [mask(each) for each in document]
        case _:
            return document
