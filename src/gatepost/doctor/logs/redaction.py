"""Removes secrets from a pasted log before anything else reads it.

In every format, what follows AUTH, what answers a 334, and what looks like a secret by its form or
place is replaced by a numbered mark. The number leads to the form of the text (``ResponseFormat``),
which is all that the rest of the doctor learns.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from gatepost.doctor.logs.auth_responses import (
    SaslResponse,
    broken_pieces,
    decode,
    is_readable,
    kind_of,
    read_logged_response,
)  # fmt: skip
from gatepost.doctor.logs.long_pastes import CUT, GAP, RESUMED
from gatepost.doctor.logs.occurrences import remove_all
from gatepost.doctor.logs.secrets_outside_auth import spans, spans_across
from gatepost.model.evidence import ResponseFormat
from gatepost.model.secret_search import SecretSearch
from gatepost.model.transcript import REDACTED

MARK: Final = re.compile(r"\[redacted#(\d+)\]")
"""A removed response; the number is its index in ``RedactedLog.responses``."""
MAX_OPEN: Final = 60
"""Lines after AUTH or 334 in which the client's responses may come."""

MECHANISM_NAMES: Final = (
    r"(?:PLAIN-CLIENTTOKEN|PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|NTLM|XOAUTH2|XOAUTH|OAUTHBEARER|GSSAPI|"
    r"GSS-SPNEGO|EXTERNAL|ANONYMOUS|SCRAM-SHA-[\w-]+)"
)
_LINE_END: Final = r"(?=\s*(?:\\r|\\n|['\"<,)}\]]|$))"
_AUTH: Final = re.compile(
    rf"(?i)(?<![\w=.-])AUTH[ \t]+[\"']?(?P<mech>{MECHANISM_NAMES})(?![\w-])[\"']?"
    r"(?:[ \t]+(?P<blob><[^<>]{0,200}>|[^\s*]*/\*[^*]{0,200}\*/|[^\s'\"\\,)(;}\]<]+)"
    rf"{_LINE_END})?"
)
_LISTED: Final = re.compile(r"\b250[- ]['\"b]*+$|\bEHLO\b|extension|mechanism", re.IGNORECASE)
_A_MECHANISM: Final = re.compile(MECHANISM_NAMES, re.IGNORECASE)
_NO_BLOB: Final = re.compile(
    r"(?i)failed|succeeded|command|was|is|not|authentication|mechanism|method|\.+|rejected|denied"
)
_CLIENT: Final = re.compile(
    r"^.{0,160}?(?:(?<!-> )(?<!\w)C(?:LIENT)?\s*:(?!\\)|CLIENT -> S(?:ERVER|MTP):|C --> S:|\bsend:|"
    r"SMTP>>|>>>|-->|=>|~>|>>|<- (?=\")|^\s*->|\[(?:C|CLIENT|SENT|SEND|OUT|TX)\]:?|\bsent:|\bC>|"
    r"\bsmtp: \w+: <<<|\bsmtpd\[\d+\]: <|^\s*(?:out|tx):|(?:^|[\s\]])>(?=\s)|\bWrote:|\bsending:?|"
    r"\bevent=\"read\".{0,80}?\bdata=)"
    r"\s*(?:\S+\[[\da-fA-F.:]+\](?::\d+)?:\s)?(?:b(?=['\"]))?['\"]?(?P<rest>.*)$",
    re.IGNORECASE,
)
_SURELY_CLIENT: Final = re.compile(
    r"(?i).{0,160}?(?:(?<!-> )(?<!\w)C(?:LIENT)?\s*:(?!\\)|CLIENT -> S|C --> S:|\bsend:|SMTP>>)"
)
_REPLY: Final = re.compile(
    r"(?:^\s*|(?<![\w])S(?:ERVER)?\s*:\s*|[<>(:\[\]]\s*|<=\s*|['\"]|->\s*|<[-~*<]{0,3}[\s*]{0,4}|\*\s*|said:?\s*|code\s*)"
    r"(?P<code>[2-5]\d\d)(?=[ \-)'\"]|$)"
)
_PROMPT: Final = re.compile(r"334[- ]+(?P<text>[A-Za-z0-9+/=]+)")
_A_PROMPT: Final = re.compile(rb"(?i)(?:user ?name|password|login|user):?\0?\s*")
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/]{3,}={0,2}")
_ALONE: Final = re.compile(
    r"(?P<token>\[redacted#\d+\]|[A-Za-z0-9+/]*={0,2})(?:(?:\\r)?(?:\\n)?['\"]?\s*(?:size=\d+)?|['\"]\s*[,}].*)$"
)
"""A response, followed only by what the log's format adds."""
_LONG_TOKEN: Final = re.compile(r"(?<![\w+/])[A-Za-z0-9+/_-]{12,}={0,2}(?![\w+/])")
_WORD: Final = r"[A-Z]?[a-z]+\d{0,2}(?:[_-][A-Z]?[a-z]+\d{0,2}){0,4}"
_PATH: Final = re.compile(rf"(?:/?{_WORD}/){{2,20}}{_WORD}")
"""A file's path, words with at least two slashes: it shows which library wrote the log."""
_MOST_SEARCHED: Final = 300
"""Secrets that are searched in every form; of others, only in the usual ones."""
_MIN_ALIGNED: Final = 6
_MIN_GLOBAL: Final = 4
_COMMON: Final = frozenset({
    "password", "passwd", "secret", "token", "user", "username", "null", "none", "true", "false",
    "smtp", "smtps", "mail", "login", "plain", "base64", "undefined", "auth", "test", "error",
    "server", "client", "from", "data", "code", "name", "text", "https", "http", "redacted",
})  # fmt: skip
_CLASSES: Final = tuple(map(re.compile, ("[a-z]", "[A-Z]", r"\d")))
_LONG: Final = 32


@dataclass(slots=True)
class RedactedLog:
    """A log without its secrets."""

    text: str
    responses: list[ResponseFormat]


def redact_log(text: str, original: str = "") -> RedactedLog:
    """Return ``text`` without secrets, and without the base64 of secrets and user names.

    ``original`` is the text with its own line ends, if something was removed from it.
    """
    broken = {each.removesuffix(CUT) for part in {text, original} for each in broken_pieces(part)}
    redactor = _LogRedactor(broken)
    lines = map(redactor.redact_line, redactor.redact_shapes(text).split("\n"))
    return RedactedLog(redactor.remove_everywhere("\n".join(lines)), redactor.responses)


def unmarked(text: str) -> str:
    """Return ``text`` for people: marks without their numbers."""
    return MARK.sub(REDACTED, text)


class _LogRedactor:
    """Goes through the lines, and follows each login."""

    def __init__(self, secrets: set[str]) -> None:
        self.responses: list[ResponseFormat] = []
        self._secrets = secrets
        self._names: set[str] = set()
        self._mechanism = ""
        self._open = 0
        self._count = 0
        self._prompt = ""

    def redact_shapes(self, text: str) -> str:
        """Remove what is where secrets are; each is also searched everywhere."""
        pieces, end = [], len(text)
        for start, stop in sorted({*_each_line(text), *spans_across(text)}, reverse=True):
            if stop <= end:  # not inside another one
                self._secrets.add(text[start:stop])
                pieces += [text[stop:end], REDACTED]
                end = start
        return "".join((text[:end], *reversed(pieces)))

    def redact_line(self, line: str) -> str:
        """Return one line without the responses of a login."""
        if line in (GAP, RESUMED):
            if line == GAP:  # perhaps within a login
                self._mechanism, self._open, self._count, self._prompt = "", MAX_OPEN, 1, ""
            return line
        auth = _AUTH.search(line)
        if auth is not None and not _is_listing(line, auth):
            return self._redact_auth(line, auth)
        if self._open:
            self._open -= 1
            client = _CLIENT.match(line)
            reply = _REPLY.search(line)
            ours = client is not None and (
                _SURELY_CLIENT.match(line) or not re.match(r"[2-5]\d\d[ -]", client["rest"])
            )
            if reply is not None and not ours:
                self._take_reply(line, reply["code"])
            elif client is not None and ours:
                return self._redact_response(line, *client.span("rest"))
            else:
                return self._redact_unmarked_response(line)
        elif _PROMPT.search(line):
            self._open = MAX_OPEN
            self._take_reply(line, "334")
        return self._redact_readable(line)

    def _redact_auth(self, line: str, auth: re.Match[str]) -> str:
        self._mechanism, self._open, self._count = auth["mech"].upper(), MAX_OPEN, 0
        self._prompt = ""
        blob = auth["blob"]
        if not blob or _NO_BLOB.fullmatch(blob) or _A_MECHANISM.fullmatch(blob):
            return self._redact_readable(line)
        start, end = auth.span("blob")
        return self._redact_response(line, start, end)

    def _take_reply(self, line: str, code: str) -> None:
        prompt = _PROMPT.search(line)
        if code == "334":
            self._open = MAX_OPEN
            self._prompt = (decode(prompt["text"]) or b"").decode("latin-1") if prompt else ""
        else:
            self._open = 0

    def _redact_response(self, line: str, start: int, end: int) -> str:
        """Remove ``line[start:end]``, what the client sent, except for quotes and line ends."""
        sent = line[start:end]
        alone = _ALONE.match(sent)
        core = alone["token"] if alone else _without_end(sent)
        if MARK.fullmatch(core) or (not core and sent.strip("'\"\\rn ")):
            return line
        return line[:start] + self._add_mark(core) + line[start + len(core) :]

    def _add_mark(self, text: str) -> str:
        if text.endswith(CUT):
            decoded = SaslResponse(ResponseFormat(), (text.removesuffix(CUT),))
        else:
            kind = kind_of(self._mechanism, self._prompt, self._count)
            decoded = read_logged_response(text.replace(REDACTED, "*"), kind)
        self._secrets.update(decoded.secrets)
        self._names.update(decoded.names)
        self._count += 1
        self.responses.append(decoded.response)
        return f"[redacted#{len(self.responses) - 1}]"

    def _redact_unmarked_response(self, line: str) -> str:
        """Remove a response in a line that does not show who sent it."""
        words = line.split()
        if not words:
            return line
        if len(words) == 1 and not MARK.search(line):
            start = line.index(words[0])
            return line[:start] + self._add_mark(words[0]) + line[start + len(words[0]) :]
        return _TOKEN.sub(self._redact_token, line)

    def _redact_token(self, match: re.Match[str]) -> str:
        token = match[0]
        raw = decode(token)
        mixed = all(each.search(token) for each in _CLASSES)
        if raw and (token.endswith("=") or (mixed and is_readable(raw))):
            return self._add_mark(token)
        return token

    def _redact_readable(self, line: str) -> str:
        """Remove readable base64 everywhere, except for a server's prompt."""
        prompt = _PROMPT.search(line)
        keep = range(*prompt.span("text")) if prompt and self._is_prompt(prompt["text"]) else ()

        def redact(match: re.Match[str]) -> str:
            token, raw = match[0], decode(match[0].replace("-", "+").replace("_", "/"))
            if match.start() in keep or raw is None or _A_PROMPT.fullmatch(raw):
                return token
            mixed = all(each.search(token) for each in _CLASSES)
            if _PATH.fullmatch(token):
                return token
            if (is_readable(raw) and mixed) or (len(token) >= _LONG and mixed):
                self._secrets.add(token)
                return REDACTED
            return token

        return _LONG_TOKEN.sub(redact, line)

    def _is_prompt(self, text: str) -> bool:
        """Tell whether a 334 has what servers send: a prompt, a challenge, an error document."""
        prompt = (decode(text) or b"").decode("utf-8", "replace").lower()
        return any(word in prompt for word in ("user", "pass", "name", "{", "<", "realm=", "nonce"))

    def remove_everywhere(self, text: str) -> str:
        """Remove every known secret from the whole text, in any form, and the base64 of names."""
        forms: set[str] = set()
        for secret in self._secrets:
            forms |= forms_of(secret)
        for name in self._names:
            forms |= set(aligned(name.encode("utf-8", "surrogateescape")))
        secrets = sorted(filter(is_secret, self._secrets), key=len, reverse=True)
        return SecretSearch(secrets[:_MOST_SEARCHED]).replace(remove_all(text, forms), REDACTED)


def _without_end(text: str) -> str:
    """Return ``text`` without quotes, blanks and escaped line ends at its end."""
    while (shorter := text.rstrip(" \t'\"").removesuffix("\\n").removesuffix("\\r")) != text:
        text = shorter
    return text


def _each_line(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of secrets; private keys span lines."""
    if "PRIVATE KEY" in text:
        yield from spans(text)
        return
    offset = 0
    for line in text.split("\n"):
        for start, end in spans(line):
            yield offset + start, offset + end
        offset += len(line) + 1


def _is_listing(line: str, auth: re.Match[str]) -> bool:
    """Tell whether AUTH is an offer of the server here, not a command of the client."""
    before = line[: auth.start()]
    blob = auth["blob"] or ""
    return _LISTED.search(before) is not None or _A_MECHANISM.fullmatch(blob) is not None


def is_secret(text: str) -> bool:
    """Tell whether what is in a secret's place is more than a common word or a mechanism."""
    if len(text) < _MIN_GLOBAL or text.lower() in _COMMON:
        return False
    return _A_MECHANISM.fullmatch(text) is None


def forms_of(secret: str) -> set[str]:
    """Return the forms of a secret: unchanged, escaped, and in base64."""
    if not is_secret(secret):
        return set()
    raw = secret.encode("utf-8", "surrogateescape")
    forms = {secret, secret.strip(), quote(raw, safe=""), *aligned(raw)}
    forms |= {repr(secret)[1:-1], secret.replace("\\", "\\\\").replace('"', '\\"')}
    return {form for form in forms if len(form) >= _MIN_GLOBAL}


def aligned(raw: bytes) -> Iterator[str]:
    """Yield the base64 of ``raw`` inside longer data, at each of three offsets."""
    if raw and len(whole := base64.b64encode(raw).decode()) >= _MIN_ALIGNED:
        yield whole
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        first, last = (8 * offset + 5) // 6, 8 * (offset + len(raw)) // 6
        if last - first >= _MIN_ALIGNED:
            yield encoded[first:last]
