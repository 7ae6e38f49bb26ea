"""A client's responses within AUTH: decoded for their form, and for what must not be shown."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from gatepost.doctor.credential_shapes import form_of, shape_of
from gatepost.model.evidence import ResponseFormat

_WORDS_FOR_HIDDEN: Final = re.compile(
    r"(?i)<?(?:base64|b64|encoded|user(?:name)?|pass(?:word)?|secret|token|key|nul|blob|initial|"
    r"response|redacted|hidden|removed|masked|omitted|suppressed|empty|more|less|over|than|about|"
    r"of|the|and|with|long|bytes?|octets?|characters?|chars?|\d|x{3,}+|[*.•/,\s-]|[\[\]()])++>?"
)
"""Words with which people replace what they hide."""
_PLACEHOLDER: Final = re.compile(
    r"^[\[<{(/*.…•]|[\]>})*…•]$|\s|^(.)\1+$|(?i:redact|hidden|filtered)"
)
"""Replacements of a response: brackets, asterisks, a sentence."""
_BRACKETS: Final = "[<{(/*.…•"
_LENGTH: Final = re.compile(r"(?<!\d)(\d[\d,]{0,10})\s{0,4}(?:bytes?|octets?|char)")
_AUTHZID: Final = re.compile(r"(?i)user\S{0,40}\s+nul\s+user")
_WRAPPED: Final = re.compile(r"[A-Za-z0-9+/]{16,}(?:(?:\\r)?\\n[A-Za-z0-9+/]+)+={0,2}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")

Kind = Literal["plain", "username", "password", "token", "digest", "unknown"]
"""Which response of which mechanism it is."""
_MIN_TWICE: Final = 8


@dataclass(frozen=True, slots=True)
class SaslResponse:
    """A response, and the texts in it that must not be shown."""

    response: ResponseFormat
    secrets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def read_logged_response(text: str, kind: Kind) -> SaslResponse:
    """Return the form of ``text``, a log's copy of a response, and its secrets."""
    text = text.strip()
    if text in ("", "=", "*"):
        return read_response(text, kind)
    if _WORDS_FOR_HIDDEN.fullmatch(text):
        return SaslResponse(_described(text))
    if _WRAPPED.fullmatch(text):
        return _wrapped(re.split(r"(?:\\r)?\\n", text))
    if decode(text) is None and _PLACEHOLDER.search(text):
        return SaslResponse(_described(text), () if text[0] in _BRACKETS else (text,))
    return read_response(text, kind)


def read_response(text: str, kind: Kind) -> SaslResponse:
    """Return the same for exactly what the client sent."""
    text = text.strip()
    if text == "*":
        return SaslResponse(ResponseFormat(1, "cancel"))
    if not text or text == "=":
        return SaslResponse(_empty(kind))
    raw = decode(text)
    if raw is None:
        form = form_of(text) if kind == "username" else ""
        return SaslResponse(ResponseFormat(len(text), "not_base64", username_form=form), (text,))
    twice = decode(raw.decode("latin-1")) if len(raw) >= _MIN_TWICE else None
    if twice is not None and is_readable(twice) and kind != "digest":
        return SaslResponse(
            ResponseFormat(len(text), "twice_base64"), (text, raw.decode("latin-1"))
        )
    parts = _parts_of(kind, raw.decode("utf-8", "surrogateescape"), len(text))
    return SaslResponse(parts.response, (text, *parts.secrets), parts.names)


def kind_of(mechanism: str, prompt: str, number: int) -> Kind:
    """Return the kind of a response, ``number`` from 0: by its mechanism and the prompt."""
    if mechanism in ("XOAUTH2", "OAUTHBEARER", "XOAUTH"):
        return "token"
    if mechanism in ("PLAIN", "PLAIN-CLIENTTOKEN"):
        return "plain"
    if mechanism == "CRAM-MD5":
        return "digest"
    if mechanism in ("LOGIN", ""):
        prompt = prompt.lower()
        if "pass" in prompt or (number and "user" not in prompt):
            return "password"
        return "username"
    return "unknown"


def _wrapped(pieces: list[str]) -> SaslResponse:
    """Return one response that a log prints with line ends."""
    raw = decode("".join(pieces)) or b""
    response = ResponseFormat(len(pieces[0]), "base64", lines=len(pieces))
    return SaslResponse(response, (*pieces, raw.decode("utf-8", "surrogateescape")))


def decode(text: str) -> bytes | None:
    """Return the octets of base64, padded or not; None if ``text`` is not base64."""
    if not _BASE64.fullmatch(text) or len(text.rstrip("=")) % 4 == 1:
        return None
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def is_readable(raw: bytes) -> bool:
    """Tell whether octets are text: printable, except for NUL and ^A."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(each.isprintable() or each in "\0\x01" for each in text)


def _empty(kind: Kind) -> ResponseFormat:
    if kind == "username":
        return ResponseFormat(0, "base64", username_form="empty")
    return ResponseFormat(0, "base64", secret=shape_of("") if kind == "password" else None)


def _described(text: str) -> ResponseFormat:
    """Return what the words that replace a hidden response say about it."""
    length = _LENGTH.search(text)
    octets = int(length[1].replace(",", "")) if length else 0
    return ResponseFormat(octets, "hidden", authzid=_AUTHZID.search(text) is not None)


def _parts_of(kind: Kind, text: str, octets: int) -> SaslResponse:
    """Return the form of a decoded response of ``octets`` in base64."""
    response = ResponseFormat(octets, "base64")
    match kind:
        case "plain":
            return _plain(text, octets)
        case "token":
            return _token(text, octets)
        case "username":
            return SaslResponse(replace(response, username_form=form_of(text)), (), (text,))
        case "password":
            return SaslResponse(replace(response, secret=shape_of(text)), (text,))
        case "digest":
            name, _, digest = text.rpartition(" ")
            return SaslResponse(response, (digest,), (name,))
    return SaslResponse(response, (text,))


def _plain(text: str, octets: int) -> SaslResponse:
    """RFC 4616: authzid NUL authcid NUL password."""
    authzid, *rest = text.split("\0")
    if len(rest) < 2:
        return SaslResponse(ResponseFormat(octets, "base64"), (text,))
    name, secret = rest[0], "\0".join(rest[1:])
    response = ResponseFormat(
        octets, "base64", authzid=bool(authzid), username_form=form_of(name),
        secret=shape_of(secret),
    )  # fmt: skip
    return SaslResponse(response, (secret,), (name, authzid))


def _token(text: str, octets: int) -> SaslResponse:
    """XOAUTH2's ``user=...^Aauth=Bearer ...^A^A``, or OAUTHBEARER's (RFC 7628 3.1)."""
    name = re.search(r"(?:user=|a=)([^\x01,]*)", text)
    token = re.search(r"auth=Bearer ([^\x01]*)", text)
    names = identities(token[1]) if token else ()
    user = name[1] if name else ""
    shape = replace(shape_of(token[1] if token else text), kind="token")
    differs = bool(names) and bool(user) and user.casefold() not in names
    response = ResponseFormat(
        octets, "base64", username_form=form_of(user), secret=shape, identity_differs=differs
    )
    return SaslResponse(response, (token[1] if token else text,), (user,))


def identities(token: str) -> tuple[str, ...]:
    """Return the names in a token's claims that a mailbox may have, case folded; none if opaque.

    Nothing is verified: it is what the token says about itself.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return ()
    claims = decode(parts[1].replace("-", "+").replace("_", "/"))
    try:
        document: Any = json.loads(claims or b"")
    except (ValueError, RecursionError):
        return ()
    keys = ("upn", "preferred_username", "email", "unique_name")
    names = [document.get(key) for key in keys] if isinstance(document, dict) else []
    return tuple(name.casefold() for name in names if isinstance(name, str) and "@" in name)


MAX_PIECES: Final = 60
_SHORTEST: Final = 16
"""Minimum characters of base64 that are joined."""
_OF_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_.-"
_LONGEST: Final = 2_000
"""Characters at a line's end that are looked at."""
_NEXT_PIECE: Final = re.compile(
    r"[>|\s]{0,8}(?![2-5]\d\d[ -])(?P<run>[A-Za-z0-9+/_.-]{2,}={0,2})"
    r"(?:$|(?=\\[rn]|[\"'<,]|\s*$))"
)
_JWT: Final = re.compile(r"eyJ[\w-]{8,}")
"""How a JWT begins (RFC 7519)."""


def broken_pieces(text: str) -> Iterator[str]:
    """Yield the pieces of each base64 text that a terminal, a mail program or an editor broke into
    lines, so that they are not recognised as tokens."""
    lines = [line.rstrip("\r ") for line in text.split("\n")]
    covered = 0
    for number, line in enumerate(lines[:-1]):
        end = line[-_LONGEST:]
        tail = end[len(end.rstrip(_OF_BASE64)) :]
        if tail and (number >= covered or tail != line):
            pieces = _across(tail, lines[number + 1 : number + MAX_PIECES])
            covered = max(covered, number + len(pieces) - 1)
            yield from pieces


def _across(tail: str, following: list[str]) -> list[str]:
    pieces, whole, count = [tail], tail, 1
    for line in following:
        head = _NEXT_PIECE.match(line)
        if head is None:
            break
        whole += head["run"]
        pieces.append(head["run"])
        if not _may_go_on(whole):
            break
        if len(whole) >= _SHORTEST:
            count = len(pieces)
        if head.end("run") < len(line) or whole.endswith("="):
            break
    return pieces[:count] if count > 1 else []


def _may_go_on(text: str) -> bool:
    """Tell whether it is the beginning, or the whole, of something readable, or of a token."""
    if _JWT.match(text):
        return True
    raw = decode(text[: len(text) - len(text) % 4].translate(_URL_SAFE))
    cuts = range(min(4, len(raw or b"")))  # a character may lie across the end
    return bool(raw) and any(is_readable((raw or b"")[: len(raw or b"") - cut]) for cut in cuts)


_URL_SAFE: Final = str.maketrans("-_", "+/")
