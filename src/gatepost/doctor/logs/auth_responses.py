"""A client's responses within AUTH: decoded to know their form, and what must not be shown."""

import base64
import binascii
import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from gatepost.doctor.shapes import form_of, shape_of
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
"""Which answer of which mechanism this is."""
_MIN_TWICE: Final = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and the texts in it that must not be shown."""

    response: ResponseFormat
    secrets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def read_answer(text: str, kind: Kind) -> Answer:
    """Return the form of ``text``, which a client sent as ``kind``, and its secrets."""
    text = text.strip()
    if text in ("", "=", "*"):
        return read_sent(text, kind)
    if _WORDS_FOR_HIDDEN.fullmatch(text):
        return Answer(_described(text))
    if _WRAPPED.fullmatch(text):
        return _wrapped(re.split(r"(?:\\r)?\\n", text))
    if decode(text) is None and _PLACEHOLDER.search(text):
        return Answer(_described(text), () if text[0] in _BRACKETS else (text,))
    return read_sent(text, kind)


def read_sent(text: str, kind: Kind) -> Answer:
    """Return the same for an unchanged text."""
    text = text.strip()
    if text == "*":
        return Answer(ResponseFormat(1, "cancel"))
    if not text or text == "=":
        return Answer(_empty(kind))
    raw = decode(text)
    if raw is None:
        fault = ResponseFormat(len(text), "not_base64", username_form=_form(text, kind))
        return Answer(fault, (text,))
    twice = decode(raw.decode("latin-1")) if len(raw) >= _MIN_TWICE else None
    if twice is not None and _is_text(twice) and kind != "digest":
        return Answer(ResponseFormat(len(text), "twice_base64"), (text, raw.decode("latin-1")))
    parts = _PARTS[kind](raw.decode("utf-8", "surrogateescape"), len(text))
    return Answer(parts.response, (text, *parts.secrets), parts.names)


def kind_of(mechanism: str, prompt: str, answers: int) -> Kind:
    """Return the kind of a response: by its mechanism, the prompt, and earlier responses."""
    if mechanism in ("XOAUTH2", "OAUTHBEARER", "XOAUTH"):
        return "token"
    if mechanism in ("PLAIN", "PLAIN-CLIENTTOKEN"):
        return "plain"
    if mechanism == "CRAM-MD5":
        return "digest"
    if mechanism in ("LOGIN", ""):
        asked = prompt.lower()
        if "pass" in asked or (answers and "user" not in asked):
            return "password"
        return "username"
    return "unknown"


def _wrapped(pieces: list[str]) -> Answer:
    """Return one response that a log prints with line ends."""
    raw = decode("".join(pieces)) or b""
    response = ResponseFormat(len(pieces[0]), "base64", lines=len(pieces))
    return Answer(response, (*pieces, raw.decode("utf-8", "surrogateescape")))


def decode(text: str) -> bytes | None:
    """Return the octets of base64, padded or not; None if ``text`` is not base64."""
    if not _BASE64.fullmatch(text) or len(text.rstrip("=")) % 4 == 1:
        return None
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_text(raw: bytes) -> bool:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(each.isprintable() or each in "\0\x01" for each in text)


def is_readable(raw: bytes) -> bool:
    """Tell whether octets are text: printable, except for NUL and ^A."""
    return _is_text(raw)


def _empty(kind: Kind) -> ResponseFormat:
    if kind == "username":
        return ResponseFormat(0, "base64", username_form="empty")
    return ResponseFormat(0, "base64", secret=shape_of("") if kind == "password" else None)


def _described(text: str) -> ResponseFormat:
    """Return what the words that replace a hidden response say about it."""
    length = _LENGTH.search(text)
    octets = int(length[1].replace(",", "")) if length else 0
    return ResponseFormat(octets, "hidden", authzid=_AUTHZID.search(text) is not None)


def _form(text: str, kind: Kind) -> str:
    return form_of(text) if kind == "username" else ""


def _plain(text: str, octets: int) -> Answer:
    """RFC 4616: authzid NUL authcid NUL password."""
    authzid, *rest = text.split("\0")
    if len(rest) < 2:
        return Answer(ResponseFormat(octets, "base64"), (text,))
    name, secret = rest[0], "\0".join(rest[1:])
    response = ResponseFormat(
        octets, "base64", authzid=bool(authzid), username_form=form_of(name),
        secret=shape_of(secret),
    )  # fmt: skip
    return Answer(response, (secret,), (name, authzid))


def _username(text: str, octets: int) -> Answer:
    return Answer(ResponseFormat(octets, "base64", username_form=form_of(text)), (), (text,))


def _password(text: str, octets: int) -> Answer:
    return Answer(ResponseFormat(octets, "base64", secret=shape_of(text)), (text,))


def _token(text: str, octets: int) -> Answer:
    """XOAUTH2's ``user=...^Aauth=Bearer ...^A^A``, or OAUTHBEARER's (RFC 7628 3.1)."""
    name = re.search(r"(?:user=|a=)([^\x01,]*)", text)
    token = re.search(r"auth=Bearer ([^\x01]*)", text)
    held = identities(token[1]) if token else ()
    user = name[1] if name else ""
    shape = replace(shape_of(token[1] if token else text), kind="token")
    differs = bool(held) and bool(user) and user.casefold() not in held
    response = ResponseFormat(
        octets, "base64", username_form=form_of(user), secret=shape, identity_differs=differs
    )
    return Answer(response, (token[1] if token else text,), (user,))


def _digest(text: str, octets: int) -> Answer:
    name, _, digest = text.rpartition(" ")
    return Answer(ResponseFormat(octets, "base64"), (digest,), (name,))


def _unknown(text: str, octets: int) -> Answer:
    return Answer(ResponseFormat(octets, "base64"), (text,))


_PARTS: Final = {
    "plain": _plain, "username": _username, "password": _password, "token": _token,
    "digest": _digest, "unknown": _unknown,
}  # fmt: skip


def identities(token: str) -> tuple[str, ...]:
    """Return the names in a token's claims that a mailbox may have, case folded; none if opaque.

    Nothing is verified: it is what the token says about itself.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return ()
    claims = decode(parts[1].replace("-", "+").replace("_", "/"))
    try:
        said: Any = json.loads(claims or b"")
    except (ValueError, RecursionError):
        return ()
    keys = ("upn", "preferred_username", "email", "unique_name")
    names = [said.get(key) for key in keys] if isinstance(said, dict) else []
    return tuple(name.casefold() for name in names if isinstance(name, str) and "@" in name)
