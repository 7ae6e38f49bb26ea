"""The common parts of XOAUTH2 and OAUTHBEARER: pairs that end in control-A, the error document."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.interview import MalformedResponse, decode

KVSEP: Final = "\x01"
MAX_RESPONSE: Final = 12_288
"""Maximum octets of a whole response: tokens are long, and the line limits them first (RFC 4954 4).
"""

_TELLING: Final = ("status", "schemes", "scope", "openid-configuration")
"""The fields of an error document that are shown."""
_LONGEST: Final = 300
"""Maximum characters of each that are shown."""
_TOKEN: Final = re.compile(r"[!-~]+")
_BEARER: Final = re.compile(rf"bearer +({_TOKEN.pattern})", re.IGNORECASE)  # RFC 6750 2.1


def parse_pairs(response: bytes) -> dict[str, str]:
    """Return the ``key=value`` pairs, each ended by control-A, and a last control-A (RFC 7628 3.1).

    Keys are folded to lower case. Raises MalformedResponse.
    """
    *parts, last, end = ["", *decode(response, "the response", MAX_RESPONSE).split(KVSEP)]
    if last or end or not response:
        raise MalformedResponse("the response does not end with two control-A characters")
    pairs: dict[str, str] = {}
    for part in parts[1:]:
        key, equals, value = part.partition("=")
        if not equals or not key.isalpha() or key.lower() in pairs:
            raise MalformedResponse("the response is not made of key=value pairs")
        pairs[key.lower()] = value
    return pairs


def encode_token(token: Secret) -> bytes:
    """Return a token as it is sent.

    Raises UnusableCredentials for characters that no token contains: a blank, a line end (of the
    file that it was read from), anything outside ASCII.
    """
    text = token.reveal()
    if _TOKEN.fullmatch(text) is None:
        raise UnusableCredentials(
            "the token contains a space, a line end or another invalid character"
        )
    return text.encode()


def parse_bearer(value: str) -> str | None:
    """Return the token of ``Bearer TOKEN``; None if it is something else."""
    match = _BEARER.fullmatch(value)
    return match[1] if match else None


def explained(challenge: bytes, redact: Callable[[str], str] = str) -> str:
    """Return an error document in words, such as ``status 401, scope mail``; empty for anything
    else.

    ``redact`` removes from its values what must not be shown.
    """
    return words_of(parse_document(challenge), redact)


def parse_document(challenge: bytes) -> dict[str, Any]:
    """Return an error document (RFC 7628 3.2.2; Google's XOAUTH2, which also lists ``schemes``);
    empty for anything else."""
    try:
        document = json.loads(challenge)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def words_of(document: Mapping[str, Any], redact: Callable[[str], str] = str) -> str:
    """Return a parsed error document in words; empty if nothing is known."""
    members = {key: document[key] for key in _TELLING if isinstance(document.get(key), str | int)}
    words = {key: _printable(redact(str(value))) for key, value in members.items()}
    return ", ".join([f"{key} {word}" for key, word in words.items() if word])


def _printable(text: str) -> str:
    """Return a value without control characters, because a server wrote it, and a terminal shows
    it."""
    printable = "".join([each if each.isprintable() else " " for each in text])
    return " ".join(printable.split())[:_LONGEST]


def encode_document(status: str, scope: str) -> bytes:
    """Return the JSON document that says why a token was refused (RFC 7628 3.2.2)."""
    document = {"status": status, "schemes": "bearer"}
    if scope:
        document["scope"] = scope
    return json.dumps(document, separators=(",", ":")).encode()
