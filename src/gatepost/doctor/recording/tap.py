"""Reads what passes between a client and a server, and turns it into evidence.

Takes octets in any pieces; keeps nothing of a message, and of a secret only its form.
"""

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Literal

from gatepost.doctor.logs.redaction import MARK
from gatepost.doctor.recording.auth_redaction import Answers, Secrets
from gatepost.doctor.recording.content import ContentScan
from gatepost.model.capabilities import Capabilities
from gatepost.model.evidence import Conduct, ContentFormat
from gatepost.model.transcript import REDACTED
from gatepost.wire.capabilities import parse_capabilities
from gatepost.wire.replies import parse_reply
from gatepost.wire.tls_records import RecordReader

MAX_LINE: Final = 32_768
"""Octets of a line that are read; longer than any SASL response (RFC 4954 4.1)."""
MAX_KEPT: Final = 2 * 1024 * 1024
"""Octets of lines that are kept."""
_MOST_STRANGE: Final = 100
"""Lines that are not commands and are counted separately."""
_MAX_HELD: Final = 1024 * 1024
"""Octets behind DATA that are held until its reply."""
_HTTP_VERB: Final = re.compile(r"(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|PRI) .*(HTTP/\d)")
_REPLY: Final = re.compile(r"([2-5]\d\d)(?:([ -])|$)")
_CHUNK: Final = re.compile(r"(?i)BDAT (\d{1,9})\b")
_COMMAND: Final = re.compile(
    r"(?i)\s*(EHLO|HELO|LHLO|STARTTLS|AUTH|MAIL|RCPT|DATA|BDAT|BURL|RSET|NOOP|QUIT|VRFY|EXPN|HELP|"
    r"ETRN|ATRN|TURN|XCLIENT|XFORWARD)(?=[\s:=]|$)"
)
_ALONE: Final = frozenset({"BURL", "NOOP", "HELP", "QUIT", "RSET", "DATA", "STARTTLS"})
"""Commands whose arguments are not addresses or names, and may be anything."""
_LAST_OF_GROUP: Final = frozenset(
    {"EHLO", "HELO", "LHLO", "DATA", "STARTTLS", "AUTH", "VRFY", "EXPN", "NOOP", "QUIT"}
)
_LEAVING: Final = frozenset({"QUIT", "RSET"})
"""Commands that a client may send early when it runs out of patience, which is not a fault."""
_GREETING: Final = "greeting"
_HANDSHAKE: Final = 0x16
_TLS_ANSWERS: Final = (b"\x15", b"\x16")


@dataclass(frozen=True, slots=True)
class Entry:
    """One redacted line. ``kind``: said, not a command, a remark, or TLS begins."""

    kind: Literal["C", "S", "other", "note", "tls"]
    text: str = ""


class Tap:
    """One session. ``opens``: the forwarder terminates TLS; otherwise TLS passes unread."""

    def __init__(self, *, opens: bool = False, tls: bool = False) -> None:
        self._opens = opens
        self.entries: list[Entry] = []
        self.secrets = Secrets()
        self.answers = Answers(self.secrets)
        self.conduct = Conduct()
        self.pending: deque[str] = deque([_GREETING])
        """Verbs that wait for their replies."""
        self.began_with_tls = tls
        self.client_records = RecordReader()
        self.server_records = RecordReader()
        self.greeted = False
        """The server's first reply has come."""
        self.starttls_taken = False
        self.client_octets = 0
        self.last_verb = ""
        self._kept = 0
        self._mode: Literal["line", "content", "chunk", "held", "opaque", "hidden"] = "line"
        self._said = bytearray()
        self._heard = bytearray()
        self._reply: list[str] = []
        self._offered = Capabilities()
        self._scan: ContentScan | None = None
        self._content: ContentFormat | None = None
        self._chunk = 0
        self._strange = 0
        """Lines that are not commands."""
        self._too_long = 0
        """Octets of the current line that were not read."""

    # The client's side.

    def client(self, octets: bytes) -> None:
        """Take what the client sent, without or inside TLS."""
        self.client_octets += len(octets)
        if self._mode == "opaque":
            self.client_records.feed(octets)
            return
        self._said += octets
        if self.conduct.speaks == "nothing":
            self._first_octets()
        while self._said and self._step():
            pass

    def _first_octets(self) -> None:
        first = bytes(self._said[:16])
        if not first:
            return
        if first[0] == _HANDSHAKE:
            if len(first) > 1:
                is_tls = first[1] == 3
                self._note(speaks="tls" if is_tls else "other")
                self._mode = "opaque" if is_tls else "line"
                self._entry("note", "[a TLS ClientHello]")
                self.client_records.feed(bytes(self._said))
                self._said.clear()
        elif b"\n" in self._said or len(self._said) >= MAX_LINE:
            line = bytes(self._said).split(b"\n")[0].strip().decode("latin-1")
            if _HTTP_VERB.match(line):
                self._note(speaks="http")
            else:
                self._note(speaks="smtp" if _is_command(line) else "other")

    def _step(self) -> bool:
        """Take the next piece of what is held; False if more is needed."""
        match self._mode:
            case "content" if self._scan is not None:
                rest = self._scan.feed(bytes(self._said))
                self._said[:] = rest
                if self._scan.ended:
                    self._content_ended()
                return True
            case "chunk" if self._scan is not None:
                piece = bytes(self._said[: self._chunk])
                del self._said[: len(piece)]
                self._scan.skip(piece)
                self._chunk -= len(piece)
                if not self._chunk:
                    self._mode = "line"
                return True
            case "held":
                if len(self._said) > _MAX_HELD:
                    self._release_held()
                return False
            case "hidden":
                self._said.clear()
                return False
        return self._next_line()

    def _release_held(self) -> None:
        """Treat so much content behind a command without a reply as a message."""
        self._mode = "content"
        self._scan = self._scan or ContentScan()

    def _next_line(self) -> bool:
        end = self._said.find(b"\n") + 1
        if not end:
            # A line without end is read up to the maximum length; the rest is ignored.
            self._too_long += max(len(self._said) - MAX_LINE, 0)
            del self._said[MAX_LINE:]
            return False
        raw, is_whole = bytes(self._said[: min(end, MAX_LINE)]), not self._too_long
        if is_whole and not self._said.endswith(b"\r\n", 0, end):
            self._note(bare_lf=self.conduct.bare_lf + 1)
        del self._said[:end]
        self._too_long = 0
        text = raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
        self._line(MARK.sub(REDACTED, text))
        return True

    def _line(self, text: str) -> None:
        if self._reply and "PIPELINING" not in self._offered:
            self._note(interrupted=self.conduct.interrupted + 1)
        if self.conduct.speaks == "http":
            self._http(text)
        elif self.answers.open and self._is_answer(text):
            self._entry("C", self.answers.answer(text))
        elif (verb := _verb(text)) == "*":
            self._send("*")
            self._entry("other", "*")
        elif not verb:
            self._no_command(text)
        else:
            self._command(verb, text)

    def _is_answer(self, text: str) -> bool:
        """Tell whether a line is a response, not a command sent instead of one."""
        if self.answers.awaited:
            return not re.fullmatch(r"(?i)QUIT|RSET|NOOP|(?:MAIL|RCPT) .*|[EH][HE]LO .*", text)
        return not _is_command(text)

    def _http(self, text: str) -> None:
        found = _HTTP_VERB.match(text)
        for waits in (text, *self._said[:MAX_LINE].decode("latin-1").splitlines()[:100]):
            self.secrets.learn_any(waits)
        self._entry("other", f"{found[1]} {REDACTED} {found[2]}" if found else REDACTED)
        self._mode = "hidden"
        self._said.clear()
        self.pending.append("*")

    def _no_command(self, text: str) -> None:
        if self.answers.goes_on(text):
            self._note(stray_base64=self.conduct.stray_base64 + 1)
        self._send("*")
        self.answers.stray(text)
        self._strange += 1
        if self._strange == _MOST_STRANGE:
            self._entry("note", "[and more that are not commands]")
        if self._strange >= _MOST_STRANGE:
            return
        self._entry("other", f"[{len(text)} octets that are not a command]" if text else "")

    def _command(self, verb: str, text: str) -> None:
        self._send(verb)
        self.last_verb = verb
        self._note(commands=self.conduct.commands + 1)
        text = self._shown(verb, text)
        self._entry("C", text)
        if verb in ("DATA", "STARTTLS"):
            self._mode = "held"
        elif verb == "BDAT" and (chunk := _CHUNK.match(text)):
            self._scan = self._scan or ContentScan()
            self._chunk = int(chunk[1])
            self._mode = "chunk" if self._chunk else "line"

    def _shown(self, verb: str, text: str) -> str:
        """Return a redacted command."""
        if verb == "AUTH":
            return self.answers.begin(text, self._offered.mechanisms)
        if verb in _ALONE and len(text.split()) > 1:
            self.secrets.learn_any(text.strip()[len(verb) :])
            return f"{verb} {REDACTED}"
        return text

    def _send(self, verb: str) -> None:
        """Note that ``verb`` was sent, and whether it was too early."""
        if self.pending and verb not in _LEAVING and not self.lacks_implicit_tls:
            before = self.pending[-1]
            shown = verb if verb != "*" else "a line that is not a command"
            if before == _GREETING:
                self._note(before_greeting=True)
            if "PIPELINING" not in self._offered:
                self._note(ahead=(*self.conduct.ahead, shown)[:20])
            elif before in _LAST_OF_GROUP:
                self._note(too_eager=(*self.conduct.too_eager, f"{shown} behind {before}")[:20])
        self.pending.append(verb)

    def _content_ended(self) -> None:
        self._mode = "line"
        self._take_content()
        self.pending.append(".")
        self._entry("C", ".")

    def _take_content(self) -> None:
        if self._scan is not None:
            self._content = self._scan.seen()
            self._entry("note", f"[a message of {self._content.octets} octets]")
            self._scan = None

    # The server's side.

    def server(self, octets: bytes) -> None:
        """Take what the server sent."""
        if self.conduct.speaks == "tls" and not self.greeted and octets[:1] in _TLS_ANSWERS:
            self._note(is_opaque=True)
        if self._mode == "opaque" and self.conduct.is_opaque:
            self.server_records.feed(octets)
            return
        self._heard += octets
        while (end := self._heard.find(b"\n")) >= 0:
            raw = bytes(self._heard[:end])
            del self._heard[: end + 1]
            self._server_line(raw.rstrip(b"\r").decode("utf-8", "surrogateescape"))
            if self._mode == "opaque" and self.conduct.is_opaque:
                self.server_records.feed(bytes(self._heard))
                self._heard.clear()
        if len(self._heard) > MAX_LINE:
            self._server_line(self._heard[:MAX_LINE].decode("utf-8", "surrogateescape"))
            self._heard.clear()

    def _server_line(self, line: str) -> None:
        line = MARK.sub(REDACTED, line)
        match = _REPLY.match(line)
        if match is None:
            self._entry("S", line)
            return
        code, is_last = match[1], match[2] != "-"
        if not self.pending and self._scan is not None and self._scan.looks_ended:
            self._content_ended()  # the server takes LF for a line end
        verb = self.pending[0] if self.pending else ""
        if verb == "AUTH":
            head, text = line[:4], line[4:]
            if code != "334":
                line = head + self.answers.ended(text, refused=code >= "4") if is_last else line
            else:
                line = head + self.answers.challenged(text)
        self._entry("S", line)
        self._reply.append(line)
        if is_last:
            lines, self._reply = tuple(self._reply), []
            self._replied(verb, lines)

    def _replied(self, verb: str, lines: tuple[str, ...]) -> None:
        code = int(lines[-1][:3])
        self.greeted = True
        if verb == "AUTH" and code == 334:
            return
        if not verb and self._scan is None:
            if code != 421:
                self._note(unasked=self.conduct.unasked + 1)
            return
        if verb:
            self.pending.popleft()
        if verb in ("EHLO", "LHLO"):
            self._offered = parse_capabilities(parse_reply(lines))
        elif verb == "DATA":
            self._data_answered(code)
        elif verb == "STARTTLS":
            self._starttls_answered(code)

    def _data_answered(self, code: int) -> None:
        if self._said:
            self._note(too_eager=(*self.conduct.too_eager, "the message behind DATA")[:20])
        if code == 354:
            self._scan, self._mode = ContentScan(), "content"
        else:
            self._mode = "line"
            if self._said:  # lines of a message, which are not shown
                self._entry("note", f"[{len(self._said)} octets behind DATA]")
                self._said.clear()
        self._go_on()

    def _starttls_answered(self, code: int) -> None:
        self.starttls_taken = 200 <= code < 300
        if self.starttls_taken:
            self._offered = Capabilities()
            if not self._opens:
                self._note(is_opaque=True)
                self._mode = "opaque"
                self.client_records.feed(bytes(self._said))
                self._said.clear()
                self._entry("note", "[TLS, passed on encrypted]")
                return
            self._said.clear()
        self._mode = "line"
        self._go_on()

    def _go_on(self) -> None:
        while self._said and self._step():
            pass

    def secured(self) -> None:
        """Note that TLS is up with both sides: what comes now was sent inside it."""
        self._entry("tls")
        self._note(handshakes=self.conduct.handshakes + 1)
        self._mode = "line"

    # The end.

    @property
    def awaits_starttls(self) -> bool:
        """STARTTLS is the client's last command, and waits for its reply."""
        return bool(self.pending) and self.pending[-1] == "STARTTLS"

    @property
    def lacks_implicit_tls(self) -> bool:
        """The client speaks without TLS to a server that requires implicit TLS."""
        return self.began_with_tls and self.client_records.hello is None

    def note(self, **facts: object) -> None:
        """Add what only the connection shows to the client's conduct."""
        self._note(**facts)

    def finish(self) -> None:
        """Note that nothing more comes."""
        if self._said and self._mode == "line":
            text = self._said.decode("utf-8", "surrogateescape")
            self._said.clear()
            if self.answers.open or not _is_command(text):
                self.answers.stray(text)
                text = f"[{len(text)} octets without a line end]"
            else:
                text = self._shown(_verb(text), text)
            self._entry("note", MARK.sub(REDACTED, text))
        if self._scan is not None:
            self._take_content()
        hello = self.client_records.hello
        self._note(content=self._content)
        if hello is not None:
            self._note(tls_version=hello.version, tls_name=hello.server_name)

    def _note(self, **facts: object) -> None:
        self.conduct = replace(self.conduct, **facts)  # type: ignore[arg-type]  # its own fields

    def _entry(self, kind: Literal["C", "S", "other", "note", "tls"], text: str = "") -> None:
        if self._kept < MAX_KEPT:
            self._kept += len(text) + 16
            self.entries.append(Entry(kind, text))


def _verb(text: str) -> str:
    """Return the command of a line in upper case; empty if it has none."""
    if text.strip() == "*":
        return "*"
    match = _COMMAND.match(text)
    return match[1].upper() if match else ""


def _is_command(text: str) -> bool:
    return bool(_verb(text))
