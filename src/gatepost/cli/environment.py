"""Environment variables as lines that a POSIX shell takes."""

import shlex
from collections.abc import Iterator, Mapping


def export_lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield ``export NAME=VALUE`` lines, quoted where a shell needs it."""
    for name, value in variables.items():
        yield f"export {name}={shlex.quote(value)}"
