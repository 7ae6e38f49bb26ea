"""Environment variables as lines for a POSIX shell."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Final

_NEEDED: Final = {
    "AZURE_CLIENT_SECRET": "the client secret was deleted or has expired",
    "COMMUNICATION_SERVICES_CONNECTION_STRING": "the resource was deleted",
}


def export_lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield ``export NAME=VALUE`` lines, quoted if necessary."""
    for name, value in variables.items():
        yield f"export {name}={shlex.quote(value)}"


def missing_lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that is left out because it would not work."""
    for name, why in _NEEDED.items():
        if name not in variables:
            yield f"no {name}: {why}"
