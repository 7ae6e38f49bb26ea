"""Redacts what a client sends within AUTH; only its form is kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gatepost.doctor.logs.auth_responses import decode, is_readable, kind_of, read_response
from gatepost.doctor.logs.occurrences import remove_all
from gatepost.doctor.logs.redaction import MECHANISM_NAMES, aligned, forms_of, is_secret
from gatepost.model.evidence import ResponseForm, ResponseFormat
from gatepost.model.secret_search import SecretSearch
from gatepost.model.transcript import REDACTED

_MECHANISM: Final = re.compile(MECHANISM_NAMES, re.IGNORECASE)
_RARE: Final = ("KERBEROS_V4", "OTP", "SKEY", "SRP", "MSN")
_PIECE: Final = 57
"""Minimum octets of a response that may be the first piece of one: encoders cut no earlier."""
_PROMPT: Final = re.compile(r"(?i)(?:user ?name|password|login|user|name):?\0?\s*")
_SEALED: Final = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{16,}={0,2}(?![\w+/=-])")
_WITHIN: Final = re.compile(r"[\0\1]|auth=Bearer ")
"""Separators between a name and a secret in one response."""
_MOST_FORMS: Final = 4_000
_MOST_RESPONSES: Final = 200


class Secrets:
    """All secrets that a client has sent; they are removed from the whole dialogue."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._divisible: set[str] = set()
        """Secrets of which parts are removed, too."""
        self._texts: set[str] = set()
        self._search: SecretSearch | None = None

    def learn(
        self, secrets: tuple[str, ...], names: tuple[str, ...] = (), *, parts: bool = True
    ) -> None:
        """Add secrets, and names whose base64 must not be shown either.

        If there are too many, nothing is shown any more.
        """
        if len(self._forms) > _MOST_FORMS:
            return
        self._search = None
        (self._divisible if parts else self._texts).update(filter(is_secret, secrets))
        for secret in secrets:
            self._forms |= forms_of(secret) | set(aligned(_raw(secret)))
        for name in names:
            self._forms |= set(aligned(_raw(name)))

    def learn_any(self, text: str) -> None:
        """Add a text that may be or contain a secret: its words, and what they decode to from
        base64."""
        words = text.split()
        for piece in {text, text.strip(), text.partition(" ")[2], *words, *words[:1]}:
            raw = decode(piece.strip().replace("-", "+").replace("_", "/"))
            decoded = raw.decode("utf-8", "surrogateescape") if raw is not None else ""
            parts = _WITHIN.split(decoded)
            self.learn((piece, decoded, *(each for each in parts if each)), parts=False)

    def redact(self, text: str) -> str:
        """Return ``text`` without them."""
        if len(self._forms) > _MOST_FORMS:
            return REDACTED
        if self._search is None:
            self._search = SecretSearch(tuple(self._divisible), tuple(self._texts))
        left = remove_all(text, (each for each in self._forms if each in text))
        return self._search.replace(left, REDACTED)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Exchange:
    mechanism: str
    prompt: str = ""
    responses: int = 0
    is_prompted: bool = False
    """A 334 waits for its response."""
    piece: str = ""
    """The last response, which may continue on the next line."""


@dataclass(slots=True)
class LoginRedactor:
    """Follows the logins of one session."""

    secrets: Secrets
    responses: list[ResponseFormat] = field(default_factory=list)
    """The form of each response; a mark in the text has its number."""
    _exchange: _Exchange | None = None
    _refused: str | None = None
    """The last response of a login that was refused just now."""

    def redact_command(self, line: str, offered: Sequence[str] = ()) -> str:
        """Return a redacted AUTH command; ``offered`` are the server's mechanisms."""
        words = line.split(None, 2)
        name = words[1] if len(words) > 1 else ""
        is_known = _MECHANISM.fullmatch(name) is not None or name.upper() in (*offered, *_RARE)
        self._exchange, self._refused = _Exchange(name.upper() if is_known else ""), None
        if not is_known:  # whatever it is, it may be a secret
            self.secrets.learn_any(line.strip()[len(words[0]) :])
            return f"AUTH {REDACTED}" if name else "AUTH"
        if len(words) < 3:
            return f"{words[0]} {name}"
        return f"{words[0]} {name} {self.redact_response(line.split(None, 2)[2])}"

    def redact_challenge(self, text: str) -> str:
        """Return a redacted 334: prompts and error documents are shown."""
        if self._exchange is None:
            return text
        prompt = (decode(text.strip()) or b"").decode("utf-8", "replace")
        self._exchange.is_prompted, self._exchange.prompt = True, prompt
        if not text.strip() or _PROMPT.fullmatch(prompt) or prompt.startswith("{"):
            return text
        self.secrets.learn((text.strip(),))
        return REDACTED

    def redact_result(self, text: str, *, refused: bool) -> str:
        """Return the redacted last reply (SCRAM's contains the server's proof)."""
        exchange, self._exchange = self._exchange, None
        self._refused = exchange.piece if exchange is not None and refused else None
        if exchange is not None and exchange.mechanism.startswith("SCRAM"):
            return _SEALED.sub(REDACTED, text)
        return text

    @property
    def is_awaited(self) -> bool:
        """Whether the server has asked for a response."""
        return self._exchange is not None and self._exchange.is_prompted

    @property
    def is_open(self) -> bool:
        """Whether a login is in progress."""
        return self._exchange is not None

    def is_continuation(self, line: str) -> bool:
        """Tell whether a line is the rest of a response that was already refused."""
        return self._refused is not None and decode(line.strip()) is not None

    def redact_stray(self, line: str) -> str:
        """Redact a line that is not a command."""
        before, self._refused = self._refused or "", None
        self.secrets.learn_any(line)
        self.secrets.learn_any(before + line.strip())
        return REDACTED

    def redact_response(self, line: str) -> str:
        """Return a mark in place of the client's response."""
        exchange = self._exchange or _Exchange("")
        kind = kind_of(exchange.mechanism, exchange.prompt, exchange.responses)
        is_continuation = not exchange.is_prompted and len(exchange.piece) >= _PIECE
        if not is_continuation:
            exchange.responses += 1
        whole = exchange.piece + line.strip() if is_continuation else line
        decoded = read_response(whole, kind)
        self.secrets.learn((line.strip(), *decoded.secrets), decoded.names)
        if decoded.response.form != "base64":
            self.secrets.learn_any(line)
        response = replace(
            decoded.response, form=_form(whole, decoded.response, exchange.mechanism)
        )
        exchange.is_prompted, exchange.piece = False, whole.strip()
        if is_continuation:
            response = replace(response, lines=2)
        if line.strip() == "*" or len(self.responses) >= _MOST_RESPONSES:
            return line.strip() if line.strip() == "*" else REDACTED
        self.responses.append(response)
        return f"[redacted#{len(self.responses) - 1}]"


def _form(text: str, response: ResponseFormat, mechanism: str) -> ResponseForm:
    """Return a response's form, judged as strictly as servers may (RFC 4648 3.2, RFC 4954 4)."""
    if response.form != "base64" or not text.strip() or text.strip() == "=":
        return response.form
    raw = decode(text.strip()) or b""
    if text != text.strip() or len(text) % 4:
        return "not_base64"
    whole = raw.translate(None, b"\r\n\t")  # a line end comes from a file, and is base64 as any
    if mechanism in ("PLAIN", "LOGIN") and not is_readable(whole) and not _is_latin(whole):
        return "not_base64"
    if mechanism == "PLAIN" and raw.count(b"\0") != 2:
        return "malformed"
    if mechanism == "XOAUTH2" and raw and not _XOAUTH2.match(raw):
        return "malformed"
    return response.form


_XOAUTH2: Final = re.compile(rb"(?s)user=[^\x01]*\x01auth=Bearer [^\x01]+\x01\x01$")


def _is_latin(raw: bytes) -> bool:
    """Tell whether it is text of an 8-bit character set, which a password may be."""
    return all(each >= 0xA0 or 0x20 <= each < 0x7F or each == 0 for each in raw)
