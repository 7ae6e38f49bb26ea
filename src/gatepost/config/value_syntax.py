"""The syntax of values in a configuration: times, sizes, rates, names, addresses, URLs.

Each raises ValueError with a sentence that says what is permitted; ``Unknown`` also has the word
that was probably meant.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from gatepost.config.problems import nearest
from gatepost.errors import ConfigError
from gatepost.model.address import parse_address
from gatepost.model.host_port import join_host_port
from gatepost.net.dial import Server, is_address, parse_server

T = TypeVar("T")

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d|w)")
_SECONDS: Final = {
    "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800,
}  # fmt: skip
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?")
_OCTETS: Final = {
    None: 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_MOST_OCTETS: Final = 2**50
_MOST_A_MINUTE: Final = 1e9
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|min|h|d)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
LONGEST_SOCKET: Final = 107
"""Octets of the path of a Unix socket on Linux; on other systems slightly fewer."""
_CONTROLS: Final = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOMAIN: Final = re.compile(r"(?:\*\.)?(?!\.)(?!.*\.\.)[^\s\x00-\x1f\x7f-\x9f@*/<>,;:\"]+")

_SHOWN_SPANS: Final = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_SHOWN_SIZES: Final = (
    (2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"),
    (10**9, " GB"), (10**6, " MB"), (10**3, " kB"), (1, " B"),
)  # fmt: skip

Unit = Literal["", "time", "size", "rate"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network | Literal["unix"]
"""``unix``: a client of a Unix socket, which has no address."""


class MemberErrors(ValueError):
    """The mistakes in a list, by the indices of the members."""

    def __init__(self, errors: Mapping[int, ValueError]) -> None:
        super().__init__("; ".join(map(str, errors.values())))
        self.errors = dict(errors)


class Unknown(ValueError):
    """A word that is not one of the known ones."""

    def __init__(self, message: str, near: str) -> None:
        super().__init__(message)
        self.near = near


def text(value: Any) -> str:
    """A string of one line that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be a string")
    if not _CONTROLS.isdisjoint(value):
        raise ValueError("must be a string without control characters")
    return value


def optional_text(value: Any) -> str:
    """A string of one line."""
    return text(value) if value != "" else ""


def path(value: Any) -> str:
    """The path of a file, which contains no NUL (POSIX 1003.1, 3.271)."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be a path")
    return value


def optional_path(value: Any) -> str:
    """The path of a file, or nothing."""
    return path(value) if value != "" else ""


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004
    return value


def number(least: int, most: int = 1_000_000_000) -> Callable[[Any], int]:
    """A whole number within bounds."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def fraction(least: float, most: float) -> Callable[[Any], float]:
    """A number within bounds."""

    def read(value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return float(value)

    return read


def span(value: Any) -> timedelta:
    """A time: ``90s``, ``5m``, ``4h``, ``5d``, or seconds."""
    seconds: float = -1
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and (match := _SPAN.fullmatch(value.strip())):
        seconds = float(match[1]) * _SECONDS[match[2]]
    if not 0 <= seconds <= 366 * 86_400:
        raise ValueError('must be a time such as "30s", "5m", "4h" or "5d"')
    return timedelta(seconds=seconds)


def positive_span(value: Any) -> timedelta:
    """A time longer than zero."""
    read = span(value)
    if not read:
        raise ValueError('must be a time longer than zero, such as "5m"')
    return read


def size(value: Any) -> int:
    """Octets: ``30 MiB``, ``64 kB``, or a number."""
    octets: float = -1
    if isinstance(value, int) and not isinstance(value, bool):
        octets = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        octets = float(match[1]) * _OCTETS[match[2]]
    if 0 <= octets <= _MOST_OCTETS:
        return int(octets)
    raise ValueError('must be a size such as "30 MiB" or "500 kB", or a number of octets')


def positive_size(value: Any) -> int:
    """A size of at least one octet."""
    read = size(value)
    if not read:
        raise ValueError('must be a size greater than zero, such as "30 MiB"')
    return read


def rate(value: Any) -> float:
    """Messages a minute: ``30/m``, ``100/h``, ``10/s``, or a number of them."""
    per_minute: float = 0
    if isinstance(value, int | float) and not isinstance(value, bool):
        per_minute = value
    elif isinstance(value, str) and (match := _RATE.fullmatch(value.strip())):
        per_minute = float(match[1]) * 60 / _SECONDS[match[2]]
    if not 0 < per_minute <= _MOST_A_MINUTE:
        raise ValueError('must be a rate such as "30/m" or "100/h"')
    return float(per_minute)


def unit_of(read: Callable[[Any], Any], value: Any) -> Unit:
    """Return what a value that one of these functions has read is measured in; empty: nothing."""
    first = value[0] if isinstance(value, tuple) and value else value
    if isinstance(first, timedelta):
        return "time"
    if read in (size, positive_size):
        return "size"
    return "rate" if read is rate else ""


def in_units(value: Any, unit: Unit) -> Any:
    """Return a value as in a file, with its unit. ``value`` is in seconds, octets or messages a
    minute, or a list of these."""
    if isinstance(value, list):
        return [in_units(each, unit) for each in value]
    if not unit or not isinstance(value, int | float):
        return value
    if unit == "rate":
        return f"{_decimal(value)}/m"
    sizes = _SHOWN_SPANS if unit == "time" else _SHOWN_SIZES
    size, name = next((each for each in sizes if value and value % each[0] == 0), sizes[-1])
    return f"{_decimal(value / size)}{name}"


def _decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def one_of(words: Sequence[str]) -> Callable[[Any], str]:
    """One of some words."""

    def read(value: Any) -> str:
        if isinstance(value, str) and value in words:
            return value
        near = nearest(value, words) if isinstance(value, str) else ""
        raise Unknown(f"must be {_listed(words)}, not {value!r}", near)

    return read


def many(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """A list, or a single value."""

    def read_all(value: Any) -> tuple[T, ...]:
        items: list[T] = []
        errors: dict[int, ValueError] = {}
        for number, each in enumerate(value if isinstance(value, list) else [value]):
            try:
                items.append(read(each))
            except ValueError as error:
                errors[number] = error
        if errors:
            raise MemberErrors(errors)
        return tuple(items)

    return read_all


def some(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """A list that is not empty, or a single value; an empty list would have no clear meaning."""
    read_all = many(read)

    def read_some(value: Any) -> tuple[T, ...]:
        if value == []:
            raise ValueError("is an empty list; give at least one, or leave it out")
        return read_all(value)

    return read_some


def mechanism(mechanisms: Iterable[str]) -> Callable[[Any], str]:
    """A SASL mechanism, in any case of letters."""
    names = sorted(mechanisms)

    def read(value: Any) -> str:
        folded = value.upper() if isinstance(value, str) else ""
        if folded in names:
            return folded
        raise Unknown(f"names an unknown mechanism {value!r}", nearest(folded, names))

    return read


def name(value: Any) -> str:
    """A name that other parts of the file refer to."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("must be a name of letters, digits, dots, dashes and underscores")
    return value


def host(value: Any) -> str:
    """A host's name, or an address."""
    if isinstance(value, str) and (_HOST.fullmatch(value) or is_address(value)):
        return value
    raise ValueError("must be a host name")


def tenant(value: Any) -> str:
    """An Entra tenant: its id, or one of its domains."""
    if isinstance(value, str) and _HOST.fullmatch(value):
        return value
    raise ValueError("must be a tenant's id or one of its domains")


def server(default_port: int) -> Callable[[Any], Server]:
    """``HOST``, ``HOST:PORT``, ``[IPV6]:PORT``."""

    def read(value: Any) -> Server:
        try:
            return parse_server(text(value), default_port)
        except ConfigError as error:
            raise ValueError(f"must be HOST or HOST:PORT; {error}") from None

    return read


class ListenAddress(NamedTuple):
    """An address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)


def listening(value: Any) -> ListenAddress:
    """``HOST:PORT``, ``[IPV6]:PORT`` or ``*:PORT``; port 0 takes a free one."""
    if isinstance(value, str):
        before, colon, port = value.rpartition(":")
        bare = before.removeprefix("[").removesuffix("]")
        is_host = bare in ("*", "localhost") or is_address(bare)
        if (":" in bare) is not (before == f"[{bare}]"):
            is_host = False  # "::1:25" may be an address without a port
        if colon and is_host and port.isascii() and port.isdecimal() and int(port) < 65_536:
            return ListenAddress("::" if bare == "*" else bare, int(port))
    raise ValueError('must be an address and a port, such as "127.0.0.1:587" or "[::]:465"')


def socket_path(value: Any) -> str:
    """The path of a Unix socket; one that is too long cannot be bound (unix(7), sun_path)."""
    file = path(value)
    if len(os.fsencode(file)) > LONGEST_SOCKET:
        raise ValueError(f"must be a path of at most {LONGEST_SOCKET} octets")
    return file


def network(value: Any) -> Network:
    """An address or a network, ``10.0.0.0/8``, or ``unix``."""
    if value == "unix":
        return "unix"
    problem = 'must be a network such as "10.0.0.0/8", an address or "unix"'
    if not isinstance(value, str):
        raise ValueError(problem)  # noqa: TRY004
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f"{problem}; {error}") from None


def guid(value: Any) -> str:
    """The id of a tenant or an application, in lower case."""
    if isinstance(value, str) and _GUID.fullmatch(value.lower()):
        return value.lower()
    raise ValueError('must be an id such as "00000000-0000-0000-0000-000000000000"')


def https_url(value: Any) -> str:
    """An https URL, or an http URL of this machine."""
    url = text(value)
    local = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$)", url)
    user, host = "", ""
    try:
        parts = urlsplit(url)
        user, host = parts.netloc.rpartition("@")[1], parts.hostname or ""
        is_port = parts.port != 0
    except ValueError:  # an invalid port, half an IPv6 address
        is_port = False
    if not (host and is_port and (url.startswith("https://") or local)) or not _is_word(url):
        raise ValueError("must be an https:// URL")
    if user:
        raise ValueError("must be a URL without user name and password: secrets must not be here")
    return url.rstrip("/")


def _is_word(text: str) -> bool:
    return text.isprintable() and " " not in text


def pattern(value: Any) -> str:
    """A mailbox, a domain, ``*.domain``, ``*``, or ``<>``."""
    if isinstance(value, str):
        if value in ("*", "<>"):
            return value
        local, _, domain = value.rpartition("@")
        if local and _is_mailbox(value):
            return value
        if not local and _DOMAIN.fullmatch(domain):
            return domain
    raise Unknown(f'must be a domain, "*.domain", a mailbox or "*", not {value!r}', _meant(value))


def _meant(value: Any) -> str:
    """Return the pattern that other mail servers write in another way."""
    domain = value.removeprefix("*@") if isinstance(value, str) else ""
    if domain.startswith("."):
        domain = f"*{domain}"
    return domain if domain != value and _DOMAIN.fullmatch(domain) else ""


def mailbox(value: Any) -> str:
    """A mailbox."""
    try:
        return str(parse_address(text(value)))
    except ValueError:
        raise ValueError("must be a mailbox") from None


def sender(value: Any) -> str:
    """A permitted sender of an account: a mailbox, ``@domain``, ``@*.domain``, or ``*``."""
    if isinstance(value, str) and (value == "*" or _DOMAIN.fullmatch(value.removeprefix("@"))):
        return value if value == "*" or value.startswith("@") else f"@{value}"
    if isinstance(value, str) and _is_mailbox(value):
        return value
    raise Unknown(f'must be a mailbox, "@domain" or "*", not {value!r}', _meant(value))


def _is_mailbox(text: str) -> bool:
    """Tell whether it is a mailbox. ``*`` has no meaning in a local part, and is not permitted
    there."""
    try:
        return "*" not in parse_address(text).local
    except ValueError:
        return False


def _listed(words: Sequence[str]) -> str:
    quoted = [f'"{each}"' for each in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
