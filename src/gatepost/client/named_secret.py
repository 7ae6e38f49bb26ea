"""Secrets by name: a file, a systemd credential, or an environment variable; never inline.

They are read when they are used, so that a rotated one takes effect immediately.
"""

import os
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gatepost.errors import ConfigError
from gatepost.model.secret import Secret
from gatepost.net.rereadable_files import open_again

DIRECTORY: Final = "CREDENTIALS_DIRECTORY"
"""The directory of systemd credentials (systemd.exec(5), LoadCredential=)."""
MAX_SECRET: Final = 65_536
"""Octets."""


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """Where a secret is."""

    kind: Literal["file", "systemd", "environment"]
    name: str
    """A path, or the name of a credential or variable."""

    def __str__(self) -> str:
        return f"{_KINDS[self.kind]} {self.name}"

    def read(self, environment: Mapping[str, str] | None = None) -> Secret:
        """Return the secret without one line end at its end. Raises ConfigError."""
        variables = os.environ if environment is None else environment
        if self.kind == "environment":
            text = variables.get(self.name)
            if text is None:
                raise ConfigError(f"the {self} is not set")
        else:
            text = self._read(self.path(variables))
        if not text:
            raise ConfigError(f"the {self} is empty")
        return Secret(text)

    def path(self, environment: Mapping[str, str] | None = None) -> Path:
        """Return the path of a secret in a file. Raises ConfigError."""
        if self.kind == "file":
            return Path(self.name)
        directory = (os.environ if environment is None else environment).get(DIRECTORY)
        if not directory:
            where = "of a running service it is /run/credentials/NAME.service"
            raise ConfigError(f"the {self} cannot be read: ${DIRECTORY} is not set ({where})")
        if "/" in self.name or self.name in ("", ".", ".."):
            raise ConfigError(f"the {self} has a name that systemd does not permit")
        return Path(directory) / self.name

    def _read(self, path: Path) -> str:
        try:
            with open_again(path) as file:
                octets = file.read(MAX_SECRET + 1)
        except OSError as error:
            raise ConfigError(f"the {self} cannot be read: {error.strerror}") from error
        if len(octets) > MAX_SECRET:
            raise ConfigError(f"the {self} is longer than {MAX_SECRET} octets")
        octets = octets.removeprefix(BOM_UTF8)  # some editors write it
        for end in (b"\r\n", b"\n"):
            if octets.endswith(end):
                octets = octets[: -len(end)]
                break
        return octets.decode("utf-8", "surrogateescape")


_KINDS: Final = {
    "file": "file",
    "systemd": "systemd credential",
    "environment": "environment variable",
}
