"""The lines of one session, for people who ask later what was said.

What belongs to a login is replaced. Other lines of an open session are here as they were sent,
because any of them may have been sent before the secret was known: ``finish`` returns all of them
without secrets, and nothing else of a session may be kept.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from gatepost.model.secret_screen import may_have_secret, note_harmless
from gatepost.model.secret_search import SecretSearch
from gatepost.model.session_record import LINE_SIZE, SessionLine
from gatepost.model.transcript import REDACTED
from gatepost.wire.base64 import decode_base64, encode_base64
from gatepost.wire.server.commands import MECHANISM_NAMES

STEP: Final = 4_096
"""Octets of memory that are asked for at once."""
MAX_SIZE: Final = 32_768
"""Octets of memory for one session; then lines in its middle are left out."""
FIRST: Final = 50
"""Lines at the beginning that are never left out."""
MAX_SECRETS: Final = 100
"""Secrets of one session; after more of them, no text is shown."""
MAX_STRAYS: Final = 20
"""Lines that are no commands: of more, only their number is recorded."""
FEWEST: Final = 6
"""Minimum characters of a word that is hidden only because it may be a secret."""
SAFE_COMMANDS: Final = frozenset(
    spelled
    for verb in (b"MAIL ", b"RCPT ", b"EHLO ", b"HELO ", b"BDAT ", b"DATA", b"RSET", b"QUIT")
    for spelled in (verb, verb.lower(), verb.capitalize())
)
"""How a line begins that is shown with its arguments, or has none."""
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PROMPTS: Final = frozenset(
    {b"", *map(encode_base64, (b"Username:", b"Password:", b"User Name\0", b"Password\0"))}
)
_OBJECT: Final = b"{"
_SEPARATORS: Final = "\0\1"
_BEARER: Final = "auth=Bearer "


class SessionTranscript:
    """Records the lines of one session."""

    __slots__ = (
        "_begun", "_entries", "_has_too_many_secrets", "_left", "_mechanism", "_reserve",
        "_responses", "_secrets", "_size", "_strays", "commands", "ehlo", "left_out",
        "of_next_reply", "tls",
    )  # fmt: skip

    def __init__(self, reserve: Callable[[int], bool], begun: float) -> None:
        """``reserve`` gets a number of octets, and tells whether the session may take so much more
        memory. ``begun``: the time when the session began."""
        self._reserve, self._begun = reserve, begun
        self._entries: list[SessionLine] = []
        self._left = self._size = 0
        self._mechanism = ""
        self._responses = self._strays = 0
        self._secrets: tuple[str, ...] = ()
        self._has_too_many_secrets = False
        self.of_next_reply: Mapping[str, Any] | None = None
        """Further keys of what is sent next."""
        self.ehlo = ""
        """The last name in EHLO or HELO."""
        self.left_out = 0
        self.commands: Container[bytes] = ()
        """The verbs that the session knows."""
        self.tls = False
        """Whether lines are under TLS from now on."""

    # What was said, and when, by the clock of ``begun``.

    def add(self, lines: Sequence[SessionLine]) -> None:
        """Record lines that are shown as they are."""
        if self.of_next_reply is not None:
            lines = self._explain_reply(lines)
        size = sum([len(line[2]) for line in lines]) + LINE_SIZE * len(lines)
        if size > STEP and len(lines) > 1:  # memory is asked for in small steps
            half = len(lines) // 2
            self.add(lines[:half])
            self.add(lines[half:])
            return
        self._left -= size
        if self._left >= 0 or self._try_grow(len(lines)):
            self._entries += lines

    def _explain_reply(self, lines: Sequence[SessionLine]) -> Sequence[SessionLine]:
        """Return the lines with the further keys of what is sent next."""
        explained = list(lines)
        for number, (at, speaker, text, tls, _) in enumerate(lines):
            if speaker == "S":
                explained[number] = at, speaker, text, tls, self.of_next_reply
                self.of_next_reply = None
                break
        return explained

    def client(self, at: float, line: bytes) -> None:
        """Record a line of the client."""
        self.add([(at, "C", line, self.tls, None)])

    def challenge(self, at: float, octets: bytes) -> None:
        """Record replies, of which one is a challenge. It is shown if it is a prompt or a JSON
        object (RFC 7628 3.2.2), because others are a part of the proof."""
        self.add([(at, "S", _show_challenges(octets), self.tls, None)])

    def act(self, at: float, name: str, facts: Mapping[str, Any]) -> None:
        """Record what the server does without words."""
        self.add([(at, "*", name.encode(), self.tls, facts)])

    def name(self, _at: float, name: str) -> None:
        """Take the name in EHLO or HELO."""
        self.ehlo = name

    def _try_grow(self, lines: int) -> bool:
        if self._size >= MAX_SIZE and len(self._entries) > FIRST:
            count = len(self._entries)
            dropped = (count - FIRST) // 2
            self.left_out += dropped
            del self._entries[FIRST : FIRST + dropped]
            self._left += self.size * dropped // count  # roughly: each line as large as the others
        if self._left < 0:
            more = max(STEP, -self._left)
            if self._size >= 2 * MAX_SIZE or not self._reserve(more):
                self.left_out += lines
                return False
            self._size += more
            self._left += more
        return True

    @property
    def size(self) -> int:
        """Octets of memory that the lines take."""
        return self._size - self._left

    @property
    def last_command(self) -> bytes:
        """The last line of the client as it is shown; empty if there is none."""
        lines = (text for _, speaker, text, *_ in reversed(self._entries) if speaker == "C")
        return next(lines, b"")

    def stop(self) -> None:
        """Forget all lines, and record no more: others need the memory."""
        self.left_out += len(self._entries)
        self._entries.clear()
        self._reserve, self._left, self._size = _may_take_none, 0, MAX_SIZE

    # What must not be shown.

    def _stray(self, at: float, line: bytes) -> None:
        """Record a line that is not a command: it may be a secret that came at a wrong time."""
        self._strays += 1
        if self._strays > MAX_STRAYS:
            self.left_out += 1
            return
        self._hide_any(line)
        self.client(at, b"[%d octets that are not a command]" % len(line))

    def command(self, at: float, line: bytes) -> None:
        """Record a line that should be a command, and is none of SAFE_COMMANDS; its arguments are
        not shown."""
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        if verb not in self.commands or _CONTROL.search(line):
            self._stray(at, line)
        elif verb == b"AUTH":
            word = argument.split(None, 1)[:1]
            name = word[0].decode("latin-1").upper() if word else ""
            self._login(at, line, name if MECHANISM_NAMES.fullmatch(name) else "")
        elif argument.strip():
            self._hide_any(argument)
            self.client(at, verb + f" {REDACTED}".encode())
        else:
            self.client(at, line)

    def response(self, at: float, line: bytes) -> None:
        """Record the client's line after a challenge (RFC 4954 4)."""
        if line == b"*":
            self.client(at, line)
            return
        try:
            self._learn_response(decode_base64(line.strip()))
        except ValueError:
            self._hide_any(line)
        self.client(at, REDACTED.encode())

    def _login(self, at: float, line: bytes, mechanism: str) -> None:
        """Record an AUTH command; ``mechanism`` is empty if it names none."""
        words = line.split(None, 2)
        rest = words[2:] if mechanism else words[1:]
        self._mechanism, self._responses = mechanism, 0
        shown = ["AUTH", *([mechanism] if mechanism else []), *([REDACTED] if rest else [])]
        self.client(at, " ".join(shown).encode())
        if rest:
            try:
                initial = decode_base64(rest[0].strip()) if mechanism else None
            except ValueError:
                initial = None
            if initial is None:
                self._hide_any(*rest)
            else:
                self._learn_response(initial)

    def _learn_response(self, response: bytes) -> None:
        """Take a decoded response; its secrets are not shown anywhere."""
        number, self._responses = self._responses, self._responses + 1
        if number or self._mechanism != "LOGIN":  # whose first one is the user name
            text = response.decode("utf-8", "surrogateescape")
            self._hide(secrets_of(self._mechanism, number, text))

    def _hide_any(self, *octets: bytes) -> None:
        """Take octets that are or contain a secret, perhaps in base64."""
        for each in octets:
            text = each.decode("utf-8", "surrogateescape").strip()
            secrets = [text, *text.split()]
            for word in each.split()[:8]:
                with suppress(ValueError):
                    secrets += _pieces(decode_base64(word).decode("utf-8", "surrogateescape"))
            self._hide([one for one in secrets if len(one) >= FEWEST])

    def _hide(self, secrets: Iterable[str]) -> None:
        new = [each for each in dict.fromkeys(secrets) if each and each not in self._secrets]
        if len(self._secrets) + len(new) > MAX_SECRETS:
            self._has_too_many_secrets = True
        else:
            self._secrets += tuple(new)

    # What is shown.

    def redact(self, texts: Sequence[str]) -> Sequence[str]:
        """Return texts without the secrets of this session."""
        octets = [each.encode("utf-8", "surrogateescape") for each in texts]
        return texts if self._are_harmless(octets) else self._replace(texts)

    def finish(self, *facts: str) -> tuple[Sequence[SessionLine], Sequence[str]]:
        """Return all lines, and facts about the session, without secrets. Our own replies have
        none, as we write them."""
        begun = self._begun
        entries: list[SessionLine] = [
            (at - begun, speaker, text, tls, more) for at, speaker, text, tls, more in self._entries
        ]
        if not (self._secrets or self._has_too_many_secrets):
            return entries, facts
        foreign = [text for _, speaker, text, _, more in entries if speaker == "C" or more]
        octets = [each.encode("utf-8", "surrogateescape") for each in facts]
        if self._are_harmless(foreign + octets):
            return entries, facts
        texts = [each.decode("utf-8", "surrogateescape") for each in foreign]
        rest = iter(self._replace(texts))
        redacted = [
            (at, speaker, next(rest).encode("utf-8", "surrogateescape"), tls, more)
            if speaker == "C" or more
            else (at, speaker, text, tls, more)
            for at, speaker, text, tls, more in entries
        ]
        return redacted, self._replace(facts)

    def _are_harmless(self, texts: Sequence[bytes]) -> bool:
        return not (self._has_too_many_secrets or may_have_secret(texts, self._secrets))

    def _replace(self, texts: Sequence[str]) -> list[str]:
        if self._has_too_many_secrets:
            return [each and REDACTED for each in texts]
        search = SecretSearch(self._secrets)
        replaced = [search.replace(each, REDACTED) for each in texts]
        same = [text for text, other in zip(texts, replaced, strict=True) if text == other]
        note_harmless([each.encode("utf-8", "surrogateescape") for each in same], self._secrets)
        return replaced


def secrets_of(mechanism: str, number: int, text: str) -> Iterator[str]:
    """Yield the secrets in a decoded response of a login; ``number`` counts from 0.

    User names are none, as long as the response has the form that its mechanism requires. The first
    one of LOGIN is a user name.
    """
    if mechanism == "PLAIN" and text.count("\0") >= 2:  # RFC 4616 2
        yield text.split("\0", 2)[2]
    elif mechanism in ("XOAUTH2", "OAUTHBEARER") and _BEARER in text:  # RFC 7628 3.1
        yield text.partition(_BEARER)[2].partition("\1")[0]
    elif mechanism == "CRAM-MD5" and " " in text:  # RFC 2195 2
        yield text.rpartition(" ")[2]
    elif mechanism.startswith("SCRAM-"):  # RFC 5802 7: only the last response has a proof
        yield from [each[2:] for each in text.split(",") if each.startswith("p=") and number]
    elif mechanism == "LOGIN":
        yield text
    elif mechanism != "EXTERNAL":
        yield from _pieces(text)


def _pieces(text: str) -> Iterator[str]:
    yield text
    for separator in _SEPARATORS:
        yield from text.split(separator)
    yield text.partition(_BEARER)[2].partition("\1")[0]


def _may_take_none(_octets: int) -> bool:
    return False


def _show_challenges(octets: bytes) -> bytes:
    """Return replies that are sent together, without the challenges that are not shown."""
    lines = octets.splitlines(keepends=True)
    return b"".join([_show_challenge(each) if each[:4] == b"334 " else each for each in lines])


def _show_challenge(octets: bytes) -> bytes:
    challenge = octets[4:].rstrip(b"\r\n")
    if challenge in _PROMPTS:
        return octets
    try:
        if decode_base64(challenge).startswith(_OBJECT):
            return octets
    except ValueError:
        pass
    return f"334 {REDACTED}\r\n".encode()
