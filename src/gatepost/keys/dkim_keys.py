"""DIR/dkim: the private keys that sign mail, a directory for each domain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.config.dkim import DIRECTORY, SUFFIX, key_file
from gatepost.dkim.signing_keys import (
    KeyAlgorithm,
    SigningKey,
    as_pem,
    make_private_key,
    parse_private_key,
)
from gatepost.errors import ConfigError
from gatepost.net.atomic_files import write_file
from gatepost.net.file_owners import make_private_directory

MOST_OCTETS: Final = 65_536
"""Of a key's file that are read."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file with a key, or what is wrong with it."""

    path: Path
    domain: str
    selector: str
    key: SigningKey | None = None
    fault: str = ""


def create_key(directory: Path, domain: str, selector: str, algorithm: KeyAlgorithm) -> KeyFile:
    """Make a key and its file, which only its owner can read.

    Raises ConfigError if there is one with this selector, and OSError.
    """
    path = key_file(directory, domain, selector)
    if path.exists():
        raise ConfigError(f"there is already a key {selector} of {domain}", where=str(path))
    for each in (directory, directory / DIRECTORY, path.parent):
        make_private_directory(each)
    key = SigningKey(domain, selector, make_private_key(algorithm))
    write_file(path, as_pem(key.private))
    return KeyFile(path, domain, selector, key)


def read_keys(directory: Path) -> list[KeyFile]:
    """Return all keys in a directory, by domain and selector. Raises OSError."""
    paths = sorted((directory / DIRECTORY).glob(f"*/*{SUFFIX}"))
    return [_read(each) for each in paths]


def _read(path: Path) -> KeyFile:
    domain, selector = path.parent.name, path.name.removesuffix(SUFFIX)
    try:
        with path.open("rb") as file:
            private = parse_private_key(file.read(MOST_OCTETS))
    except OSError as error:
        return KeyFile(path, domain, selector, fault=error.strerror or str(error))
    except ValueError as error:
        return KeyFile(path, domain, selector, fault=str(error))
    return KeyFile(path, domain, selector, SigningKey(domain, selector, private))
