"""Reads what passes between a client and a server, and turns it into evidence.

Takes octets in any pieces; keeps nothing of a message, and of a secret only its form.
"""

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Literal

from gatepost.doctor.logs.redaction import MARK
from gatepost.doctor.recording.auth_redaction import LoginRedactor, Secrets
from gatepost.doctor.recording.message_content import ContentScan
from gatepost.model.capabilities import Capabilities
from gatepost.model.evidence import Conduct, ContentFormat
from gatepost.model.transcript import REDACTED
from gatepost.wire.ehlo_reply import parse_capabilities
from gatepost.wire.reply_reader import parse_reply
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
class TapLine:
    """One redacted line. ``kind``: a side's, not a command, a remark, or TLS begins."""

    kind: Literal["C", "S", "other", "note", "tls"]
    text: str = ""


class Tap:
    """One session. ``is_decrypted``: TLS is terminated here; otherwise it passes unread."""

    def __init__(self, *, is_decrypted: bool = False, tls: bool = False) -> None:
        self._is_decrypted = is_decrypted
        self.lines: list[TapLine] = []
        self.secrets = Secrets()
        self.logins = LoginRedactor(self.secrets)
        self.conduct = Conduct()
        self.pending: deque[str] = deque([_GREETING])
        """Verbs that wait for their replies."""
        self.began_with_tls = tls
        self.client_records = RecordReader()
        self.server_records = RecordReader()
        self.has_greeting = False
        """The server's first reply has come."""
        self.starttls_taken = False
        self.client_octets = 0
        self.last_verb = ""
        self._octets_kept = 0
        self._mode: Literal["line", "content", "chunk", "held", "opaque", "hidden"] = "line"
        self._from_client = bytearray()
        self._from_server = bytearray()
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

    def feed_client(self, octets: bytes) -> None:
        """Take what the client sent, without or inside TLS."""
        self.client_octets += len(octets)
        if self._mode == "opaque":
            self.client_records.feed(octets)
            return
        self._from_client += octets
        if self.conduct.speaks == "nothing":
            self._recognise_protocol()
        self._take_steps()

    def _recognise_protocol(self) -> None:
        first = bytes(self._from_client[:16])
        if not first:
            return
        if first[0] == _HANDSHAKE:
            if len(first) > 1:
                is_tls = first[1] == 3
                self.note(speaks="tls" if is_tls else "other")
                self._mode = "opaque" if is_tls else "line"
                self._add_line("note", "[a TLS ClientHello]")
                self.client_records.feed(bytes(self._from_client))
                self._from_client.clear()
        elif b"\n" in self._from_client or len(self._from_client) >= MAX_LINE:
            line = bytes(self._from_client).split(b"\n")[0].strip().decode("latin-1")
            if _HTTP_VERB.match(line):
                self.note(speaks="http")
            else:
                self.note(speaks="smtp" if _is_command(line) else "other")

    def _try_step(self) -> bool:
        """Take the next piece of what is held; False if more is needed."""
        match self._mode:
            case "content" if self._scan is not None:
                rest = self._scan.feed(bytes(self._from_client))
                self._from_client[:] = rest
                if self._scan.ended:
                    self._end_content()
                return True
            case "chunk" if self._scan is not None:
                piece = bytes(self._from_client[: self._chunk])
                del self._from_client[: len(piece)]
                self._scan.skip(piece)
                self._chunk -= len(piece)
                if not self._chunk:
                    self._mode = "line"
                return True
            case "held":
                if len(self._from_client) > _MAX_HELD:
                    self._release_held()
                return False
            case "hidden":
                self._from_client.clear()
                return False
        return self._try_line()

    def _release_held(self) -> None:
        """Treat so much content behind a command without a reply as a message."""
        self._mode = "content"
        self._scan = self._scan or ContentScan()

    def _try_line(self) -> bool:
        end = self._from_client.find(b"\n") + 1
        if not end:
            # A line without end is read up to the maximum length; the rest is ignored.
            self._too_long += max(len(self._from_client) - MAX_LINE, 0)
            del self._from_client[MAX_LINE:]
            return False
        raw, is_whole = bytes(self._from_client[: min(end, MAX_LINE)]), not self._too_long
        if is_whole and not self._from_client.endswith(b"\r\n", 0, end):
            self.note(bare_lf=self.conduct.bare_lf + 1)
        del self._from_client[:end]
        self._too_long = 0
        text = raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
        self._take_line(MARK.sub(REDACTED, text))
        return True

    def _take_line(self, text: str) -> None:
        if self._reply and "PIPELINING" not in self._offered:
            self.note(interrupted=self.conduct.interrupted + 1)
        if self.conduct.speaks == "http":
            self._take_http(text)
        elif self.logins.is_open and self._is_response(text):
            self._add_line("C", self.logins.redact_response(text))
        elif (verb := _verb(text)) == "*":
            self._record_verb("*")
            self._add_line("other", "*")
        elif not verb:
            self._take_stray(text)
        else:
            self._take_command(verb, text)

    def _is_response(self, text: str) -> bool:
        """Tell whether a line is a response, not a command sent instead of one."""
        if self.logins.is_awaited:
            return not re.fullmatch(r"(?i)QUIT|RSET|NOOP|(?:MAIL|RCPT) .*|[EH][HE]LO .*", text)
        return not _is_command(text)

    def _take_http(self, text: str) -> None:
        request = _HTTP_VERB.match(text)
        for waits in (text, *self._from_client[:MAX_LINE].decode("latin-1").splitlines()[:100]):
            self.secrets.learn_any(waits)
        self._add_line("other", f"{request[1]} {REDACTED} {request[2]}" if request else REDACTED)
        self._mode = "hidden"
        self._from_client.clear()
        self.pending.append("*")

    def _take_stray(self, text: str) -> None:
        if self.logins.is_continuation(text):
            self.note(stray_base64=self.conduct.stray_base64 + 1)
        self._record_verb("*")
        self.logins.redact_stray(text)
        self._strange += 1
        if self._strange == _MOST_STRANGE:
            self._add_line("note", "[and more that are not commands]")
        if self._strange >= _MOST_STRANGE:
            return
        self._add_line("other", f"[{len(text)} octets that are not a command]" if text else "")

    def _take_command(self, verb: str, text: str) -> None:
        self._record_verb(verb)
        self.last_verb = verb
        self.note(commands=self.conduct.commands + 1)
        text = self._redact_command(verb, text)
        self._add_line("C", text)
        if verb in ("DATA", "STARTTLS"):
            self._mode = "held"
        elif verb == "BDAT" and (chunk := _CHUNK.match(text)):
            self._scan = self._scan or ContentScan()
            self._chunk = int(chunk[1])
            self._mode = "chunk" if self._chunk else "line"

    def _redact_command(self, verb: str, text: str) -> str:
        """Return a redacted command."""
        if verb == "AUTH":
            return self.logins.redact_command(text, self._offered.mechanisms)
        if verb in _ALONE and len(text.split()) > 1:
            self.secrets.learn_any(text.strip()[len(verb) :])
            return f"{verb} {REDACTED}"
        return text

    def _record_verb(self, verb: str) -> None:
        """Note that ``verb`` was sent, and whether it was too early."""
        if self.pending and verb not in _LEAVING and not self.is_missing_implicit_tls:
            before = self.pending[-1]
            what = verb if verb != "*" else "a line that is not a command"
            if before == _GREETING:
                self.note(before_greeting=True)
            if "PIPELINING" not in self._offered:
                self.note(ahead=(*self.conduct.ahead, what)[:20])
            elif before in _LAST_OF_GROUP:
                self.note(too_eager=(*self.conduct.too_eager, f"{what} behind {before}")[:20])
        self.pending.append(verb)

    def _end_content(self) -> None:
        self._mode = "line"
        self._take_content()
        self.pending.append(".")
        self._add_line("C", ".")

    def _take_content(self) -> None:
        if self._scan is not None:
            self._content = self._scan.result()
            self._add_line("note", f"[a message of {self._content.octets} octets]")
            self._scan = None

    # The server's side.

    def feed_server(self, octets: bytes) -> None:
        """Take what the server sent."""
        if self.conduct.speaks == "tls" and not self.has_greeting and octets[:1] in _TLS_ANSWERS:
            self.note(is_opaque=True)
        if self._mode == "opaque" and self.conduct.is_opaque:
            self.server_records.feed(octets)
            return
        self._from_server += octets
        while (end := self._from_server.find(b"\n")) >= 0:
            raw = bytes(self._from_server[:end])
            del self._from_server[: end + 1]
            self._server_line(raw.rstrip(b"\r").decode("utf-8", "surrogateescape"))
            if self._mode == "opaque" and self.conduct.is_opaque:
                self.server_records.feed(bytes(self._from_server))
                self._from_server.clear()
        if len(self._from_server) > MAX_LINE:
            self._server_line(self._from_server[:MAX_LINE].decode("utf-8", "surrogateescape"))
            self._from_server.clear()

    def _server_line(self, line: str) -> None:
        line = MARK.sub(REDACTED, line)
        match = _REPLY.match(line)
        if match is None:
            self._add_line("S", line)
            return
        code, is_last = match[1], match[2] != "-"
        if not self.pending and self._scan is not None and self._scan.looks_ended:
            self._end_content()  # the server takes LF for a line end
        verb = self.pending[0] if self.pending else ""
        if verb == "AUTH":
            head, text = line[:4], line[4:]
            if code == "334":
                line = head + self.logins.redact_challenge(text)
            elif is_last:
                line = head + self.logins.redact_result(text, refused=code >= "4")
        self._add_line("S", line)
        self._reply.append(line)
        if is_last:
            lines, self._reply = tuple(self._reply), []
            self._take_reply(verb, lines)

    def _take_reply(self, verb: str, lines: tuple[str, ...]) -> None:
        code = int(lines[-1][:3])
        self.has_greeting = True
        if verb == "AUTH" and code == 334:
            return
        if not verb and self._scan is None:
            if code != 421:
                self.note(unasked=self.conduct.unasked + 1)
            return
        if verb:
            self.pending.popleft()
        if verb in ("EHLO", "LHLO"):
            self._offered = parse_capabilities(parse_reply(lines))
        elif verb == "DATA":
            self._take_data_reply(code)
        elif verb == "STARTTLS":
            self._take_starttls_reply(code)

    def _take_data_reply(self, code: int) -> None:
        if self._from_client:
            self.note(too_eager=(*self.conduct.too_eager, "the message behind DATA")[:20])
        if code == 354:
            self._scan, self._mode = ContentScan(), "content"
        else:
            self._mode = "line"
            if self._from_client:  # lines of a message, which are not shown
                self._add_line("note", f"[{len(self._from_client)} octets behind DATA]")
                self._from_client.clear()
        self._take_steps()

    def _take_starttls_reply(self, code: int) -> None:
        self.starttls_taken = 200 <= code < 300
        if self.starttls_taken:
            self._offered = Capabilities()
            if not self._is_decrypted:
                self.note(is_opaque=True)
                self._mode = "opaque"
                self.client_records.feed(bytes(self._from_client))
                self._from_client.clear()
                self._add_line("note", "[TLS, passed on encrypted]")
                return
            self._from_client.clear()
        self._mode = "line"
        self._take_steps()

    def _take_steps(self) -> None:
        while self._from_client and self._try_step():
            pass

    def begin_tls(self) -> None:
        """Note that TLS is up with both sides: what comes now was sent inside it."""
        self._add_line("tls")
        self.note(handshakes=self.conduct.handshakes + 1)
        self._mode = "line"

    # The end.

    @property
    def is_awaiting_starttls(self) -> bool:
        """STARTTLS is the client's last command, and waits for its reply."""
        return bool(self.pending) and self.pending[-1] == "STARTTLS"

    @property
    def is_missing_implicit_tls(self) -> bool:
        """The client speaks without TLS to a server that requires implicit TLS."""
        return self.began_with_tls and self.client_records.hello is None

    def finish(self) -> None:
        """Note that nothing more comes."""
        if self._from_client and self._mode == "line":
            text = self._from_client.decode("utf-8", "surrogateescape")
            self._from_client.clear()
            if self.logins.is_open or not _is_command(text):
                self.logins.redact_stray(text)
                text = f"[{len(text)} octets without a line end]"
            else:
                text = self._redact_command(_verb(text), text)
            self._add_line("note", MARK.sub(REDACTED, text))
        if self._scan is not None:
            self._take_content()
        hello = self.client_records.hello
        self.note(content=self._content)
        if hello is not None:
            self.note(tls_version=hello.version, tls_name=hello.server_name)

    def note(self, **facts: object) -> None:
        """Add facts to the client's conduct."""
        self.conduct = replace(self.conduct, **facts)  # type: ignore[arg-type]  # its own fields

    def _add_line(self, kind: Literal["C", "S", "other", "note", "tls"], text: str = "") -> None:
        if self._octets_kept < MAX_KEPT:
            self._octets_kept += len(text) + 16
            self.lines.append(TapLine(kind, text))


def _verb(text: str) -> str:
    """Return the command of a line in upper case; empty if it has none."""
    if text.strip() == "*":
        return "*"
    match = _COMMAND.match(text)
    return match[1].upper() if match else ""


def _is_command(text: str) -> bool:
    return bool(_verb(text))
