"""The arguments of MAIL and RCPT: a path, then ``KEY[=VALUE]`` parameters.

RFC 5321 4.1.2, RFC 1870 6, RFC 6152 2, RFC 6531 3.4, RFC 4954 5, RFC 3461 4.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from gatepost.model.address import Address, parse_path
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.xtext import decode_xtext, is_xtext

_ORCPT: Final = re.compile(r"[A-Za-z0-9-]+;(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})+")
_UTF8_ORCPT: Final = re.compile(
    r"utf-8;[\x21-\x3c\x3e-\x7e\u00a0-\u2027\u202a-\U0010ffff]+", re.IGNORECASE
)
CACHED: Final = 512
"""Number of cached arguments of MAIL and of RCPT, because the same ones recur."""
MAX_SIZE_DIGITS: Final = 20
"""RFC 1870 6."""
MAX_ENVID: Final = 100
"""Characters (RFC 3461 4.4)."""
MAX_ORCPT: Final = 500
"""Characters (RFC 3461 4.2)."""


class BadParameter(ValueError):
    """The text after a valid path does not consist of parameters, or a value is invalid."""


class UnknownParameter(BadParameter):
    """No offered extension defines the parameter (555)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """The command of a parameter, and how its value is parsed into a field."""

    extension: str
    field: str
    parse: Callable[[str | None], Any]


def _size(value: str | None) -> int:
    if not (value and value.isascii() and value.isdigit() and len(value) <= MAX_SIZE_DIGITS):
        raise ValueError("SIZE takes a number of octets")
    return int(value)


def _body(value: str | None) -> str:
    kind = (value or "").upper()
    if kind not in ("7BIT", "8BITMIME"):
        raise ValueError("BODY takes 7BIT or 8BITMIME")
    return kind


def _without_value(value: str | None) -> Literal[True]:
    if value is not None:
        raise ValueError("the parameter takes no value")
    return True


def _auth(value: str | None) -> str:
    if not value or not is_xtext(value):
        raise ValueError("AUTH must be a mailbox in xtext, or <>")
    mailbox = decode_xtext(value)
    if not mailbox.isprintable():
        raise ValueError("AUTH holds a control character")
    return mailbox


def _ret(value: str | None) -> str:
    wish = (value or "").upper()
    if wish not in ("FULL", "HDRS"):
        raise ValueError("RET takes FULL or HDRS")
    return wish


def _envid(value: str | None) -> str:
    if not value or len(value) > MAX_ENVID or not is_xtext(value):
        raise ValueError("ENVID takes at most 100 characters of xtext")
    return value


def _notify(value: str | None) -> frozenset[str]:
    wishes = frozenset((value or "").upper().split(","))
    if wishes != {"NEVER"} and not wishes <= {"SUCCESS", "FAILURE", "DELAY"}:
        raise ValueError("NOTIFY takes NEVER, or SUCCESS, FAILURE and DELAY")
    return wishes


def _orcpt(value: str | None) -> str:
    if not value or len(value) > MAX_ORCPT:
        raise ValueError("ORCPT takes an address type and xtext")
    if not (_ORCPT.fullmatch(value) or _UTF8_ORCPT.fullmatch(value)):
        raise ValueError("ORCPT takes an address type and xtext")
    return value


# fmt: off
OF_MAIL: Final[Mapping[str, Parameter]] = {
    "SIZE":     Parameter("SIZE", "size", _size),
    "BODY":     Parameter("8BITMIME", "body", _body),
    "SMTPUTF8": Parameter("SMTPUTF8", "smtputf8", _without_value),
    "AUTH":     Parameter("AUTH", "auth", _auth),
    "RET":      Parameter("DSN", "ret", _ret),
    "ENVID":    Parameter("DSN", "envid", _envid),
}
OF_RCPT: Final[Mapping[str, Parameter]] = {
    "NOTIFY":   Parameter("DSN", "notify", _notify),
    "ORCPT":    Parameter("DSN", "orcpt", _orcpt),
}
# fmt: on


def parse_parameters(
    text: str, table: Mapping[str, Parameter], offered: frozenset[str]
) -> dict[str, Any]:
    """Return field names and values of the parameters in ``text``.

    Raises UnknownParameter if one is unknown or not offered, BadParameter for an invalid value or a
    duplicate.
    """
    values: dict[str, Any] = {}
    for word in text.split():
        key, equals, value = word.partition("=")
        parameter = table.get(key.upper())
        if parameter is None or parameter.extension not in offered:
            raise UnknownParameter(key)
        if parameter.field in values:
            raise BadParameter(f"{key} stands twice")
        try:
            values[parameter.field] = parameter.parse(value if equals else None)
        except ValueError as error:
            raise BadParameter(str(error)) from None
    return values


@lru_cache(maxsize=CACHED)
def parse_mail(text: str, offered: frozenset[str]) -> Envelope:
    """Return the envelope for ``text`` (after ``MAIL FROM:``), without recipients.

    Raises BadParameter, and ValueError for an invalid path.
    """
    sender, rest = parse_path(text.lstrip(" "))
    if not rest:
        return Envelope(sender)
    return Envelope(sender, **parse_parameters(_after_space(rest), OF_MAIL, offered))


@lru_cache(maxsize=CACHED)
def parse_rcpt(text: str, offered: frozenset[str]) -> Recipient:
    """Return the recipient in ``text`` (after ``RCPT TO:``).

    Raises BadParameter, and ValueError for an invalid path.
    """
    text = text.lstrip(" ")
    if text[:12].lower() == "<postmaster>":  # RFC 5321 4.1.1.3: the one name without a domain
        address, rest = Address(text[1:11], ""), text[12:]
    else:
        path, rest = parse_path(text)
        if path is None:
            raise ValueError("a recipient cannot be the null path")
        address = path
    if not rest:
        return Recipient(address)
    return Recipient(address, **parse_parameters(_after_space(rest), OF_RCPT, offered))


def _after_space(rest: str) -> str:
    if not rest.startswith(" "):
        raise BadParameter("text behind the path")
    return rest
