"""Pasted logs: from text to Evidence, for any program's format.

``read_log`` first removes secrets, recognises the format, reconstructs the dialogue, and keeps
other lines as remarks. It draws no conclusions.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Final

from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.relevance import is_about_mail
from gatepost.doctor.logs.dialogue import MAX_OF_A_KIND, DialogueReader, add_dialogue
from gatepost.doctor.logs.find_server import port_in, read_server, server_in
from gatepost.doctor.logs.formats import BARE, recognise_format
from gatepost.doctor.logs.log_format import CODE, VERB, Format
from gatepost.doctor.logs.long_pastes import is_failure, shortened, with_line_ends, without_margins
from gatepost.doctor.logs.prose import phase_in_traceback, replies_in
from gatepost.doctor.logs.recognise_client import is_go_log, recognise_client
from gatepost.doctor.logs.redaction import MARK, MECHANISM_NAMES, redact_log, unmarked
from gatepost.doctor.logs.wrapping import unwrapped
from gatepost.model.evidence import Evidence, Stray
from gatepost.model.transcript import REDACTED

__all__ = ["MAX_LOG", "decode_log", "read_log"]

MAX_LOG: Final = 1024 * 1024
"""Maximum octets of a log that are read."""
MAX_REMARKS: Final = 400
SUBMISSION: Final = 587
_IMPLICIT: Final = re.compile(
    r"(?i)smtp_ssl|\bssl://|\bsmtps://|isssl true|secure: true|smtps\b.{0,80}transport|"
    r"secure connection established|implicit ?tls: true"
)
_IMPLICIT_PORTS: Final = (465, 2465, 994)
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SPEAKER: Final = re.compile(r"(?<![\w])[CS]: ")
_SPLIT: Final = re.compile(r"(?<=\S)\s+(?=[CS]: (?:\d{3}[ -]|EHLO|HELO|AUTH|MAIL|RCPT|STARTTLS))")
_HEADING: Final = re.compile(
    rf"(?i)^\s*(?P<side>client|server)\s*:\s*(?!{VERB.pattern[4:]})(?!\d{{3}}[ -]|[>\[*]|$)"
    r"(?P<name>[\w(\"'][^\n]{1,200})$"
)
_IS_ERROR: Final = re.compile(
    r"(?i)\b(?:does not|doesn't|not supported|error|fail\w*|refus\w*|cannot|can't)\b"
)
_EHLO_NOTE: Final = re.compile(r"(?i)^\s*EHLO(?: offers| lists|:| reply:?| response:?)[: ]++(.*)")
_BLANK_BEHIND: Final = re.compile(
    r"\b(?:ENOTFOUND|[Uu]nknown host:?|resolve host:?|UnknownHostException:) [\w.-]+ +$|"
    r"host, port: [\w.-]+ +,"
)
_OFFER: Final = re.compile(
    r"(?i)(?:\b250[- ]|^\s*(?=AUTH:)|\bcapabilities:?\s*|"
    r"\b(?:offers?|lists?|advertises?|announces?|supports?)\b[\w\s]{0,20}:?\s*)"
    rf"AUTH[ =:]+(?P<names>{MECHANISM_NAMES}(?:[ ,/]+(?:and )?{MECHANISM_NAMES})*)\b|"
    r"\bserver (?:only )?(?:offers|lists|advertises|announces|supports)(?: only)?\W{1,3}"
    rf"(?P<listed>{MECHANISM_NAMES}(?:[ ,/]+(?:and )?{MECHANISM_NAMES})*)\b"
)
"""A sentence that says what the server offers."""
_PATH_ALONE: Final = re.compile(
    r"(?i)(?:MAIL FROM|RCPT TO):\s*<[^>]*>(?:\s+[A-Z0-9-]+(?:=\S*)?)*\s*$"
)


def read_log(text: str, server: str = "", client: str = "", *, skipped: int = 0) -> Evidence:
    """Return what ``text`` shows. ``server`` and ``client`` are the user's names for them.

    ``text`` may be anything; nothing in it is an error. Of a long one, less is read (see
    ``cutting``). ``skipped``: octets before it that the caller left out.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # without surrogates
    original, left_out = shortened(text.replace("\r\n", "\n").replace("\r", "\n"), skipped)
    text, server, client = _read_headings(MARK.sub(REDACTED, _clean(original)), server, client)
    redacted = redact_log(text, original)
    redacted_text = without_margins(redacted.text)
    lines, shown = redacted_text.split("\n"), unmarked(redacted_text)
    written_in = recognise_format(lines)
    target, server_name = read_server(server)
    target = target or server_in(shown) or server_in(client)
    port = (target.port if target else 0) or port_in(server) or port_in(shown) or port_in(client)
    if target is None:
        server_name = server_name or server.strip() or (f"port {port}" if port else "")
    is_implicit = port in _IMPLICIT_PORTS or bool(_IMPLICIT.search(shown))
    dialogue = DialogueReader(redacted.responses, tls=is_implicit)
    remarks = _read_lines(written_in.split_replies(lines), written_in, dialogue)
    if not dialogue.lines:
        dialogue.phase = phase_in_traceback(shown) or dialogue.phase
    evidence = Evidence(
        "log",
        target=replace(target, port=port or SUBMISSION) if target else None,
        client=recognise_client(shown, client, written_in if dialogue.lines else None, dialogue),
        server_name=server_name,
        log_format=written_in.name if dialogue.lines else "",
        left_out=left_out,
    )
    evidence = add_dialogue(evidence, dialogue, _strays(dialogue, remarks), tuple(remarks))
    if evidence.client.library or evidence.client.product or not is_go_log(original):
        return evidence
    # Only the times in the log indicate Go. Which of its libraries it is, is not known, so no rule
    # may conclude anything from it.
    if not is_about_mail(Reading(evidence)):
        return evidence
    return replace(evidence, client=replace(evidence.client, product="Go"))


def decode_log(raw: bytes) -> str:
    """Return a log's text in the encodings of editors and PowerShell; empty if it is not text."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    sample = raw[:_BINARY_SAMPLE]
    if len(_CONTROLS.findall(sample)) * _FEW_CONTROLS > len(sample):
        return ""
    return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")


_BINARY_SAMPLE: Final = 64 * 1024
_FEW_CONTROLS: Final = 30
_CONTROLS: Final = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def _clean(text: str) -> str:
    """Remove what terminals, HTML and JSON add to a log."""
    text = _ANSI.sub("", text)
    for _ in range(2):  # a log in HTML may have been escaped once more
        if _IS_HTML.search(text):
            import html  # noqa: PLC0415 - a big table, and few logs need it

            text = re.sub(r"<br\s*/?>\n?", "\n", _TAGS.sub("", text))
            text = html.unescape(_NO_REFERENCE.sub("", text))
    text = unwrapped(text.replace("\xa0", " "))
    if "\\n" in text:
        text = "\n".join(map(with_line_ends, text.split("\n")))
    if "type: 'client'" in text:
        text = _OBJECT.sub(_as_lines, text)
    if _TREE in text:
        text = "\n".join(_without_tree(text.split("\n")))
    if "<CRLF>" in text:
        text = "\n".join(_without_crlf_marks(text.split("\n")))
    text = _BROKEN.sub(r"\1 \3", _JOINED.sub(r"\n\1", text))
    return "\n".join(map(_divided, text.split("\n")))


_BROKEN: Final = re.compile(
    r"(\(\d{3}, b?(['\"])(?:(?!\2)[^\n]){0,400})\n[ \t>|]*+((?:(?!\2)[^\n]){0,400}\2\))"
)
"""A reply in Python's quotes that a mail program or a terminal broke over two lines."""
_IS_HTML: Final = re.compile(r"&(?:gt|lt|quot|amp|nbsp|apos|#x?[0-9a-fA-F]{2,4});|<br\b|</pre>")
_NO_REFERENCE: Final = re.compile(r"&#x?[0-9a-fA-F]{8,}")
"""A number for which there is no character."""
_TAGS: Final = re.compile(r"</?(?:pre|code|p|div|span)(?: [^<>]*)?>")
_JOINED: Final = re.compile(
    r"(?<=[^\s>:'\"])(250[- ](?:PIPELINING|SIZE|AUTH|STARTTLS|8BITMIME|ENHANCEDSTATUSCODES|"
    r"CHUNKING|DSN|SMTPUTF8|HELP|VRFY|ETRN|BINARYMIME)(?![A-Za-z]))"
)
"""The lines of the reply to EHLO, printed as one."""


_OBJECT: Final = re.compile(
    r"\{\s*type: '(?P<side>client|server)',\s*message: '(?P<text>(?:\\.|[^'\\])*)'\s*\}"
)
"""What nodemailer printed before it had lines."""


_TREE: Final = "\n\u2514\u2500\u2500"
_SIDE: Final = re.compile(r"(CLIENT|SERVER) \d+:$")


def _without_tree(lines: list[str]) -> Iterator[str]:
    """Mark the speaker in each line of what nodemailer printed still earlier, as a tree."""
    side = ""
    for line in lines:
        heading = _SIDE.match(line)
        branch = line.startswith(_TREE.strip())
        if heading is not None:
            side = heading[1][0]
        elif side and (branch or line.startswith("   ")):
            yield f"{side}: {line.strip(f' {_TREE}')}"
        else:
            side = ""
            yield line


def _as_lines(match: re.Match[str]) -> str:
    side = "C" if match["side"] == "client" else "S"
    text = match["text"].replace("\\r", "").replace("\\n", "\n").strip("\n")
    return "\n".join(f"{side}: {line}" for line in text.split("\n"))


def _without_crlf_marks(lines: list[str]) -> Iterator[str]:
    """Replace lettre's <CRLF> by line ends; each of its lines repeats the reply so far."""
    before = ""
    for line in lines:
        head, arrow, reply = line.partition("<< ")
        if not arrow:
            yield line.replace("<CRLF>", "")
            continue
        parts = [each for each in reply.removeprefix(before).split("<CRLF>") if each]
        before = reply if parts and re.match(r"\d{3}-", parts[-1]) else ""
        yield from (f"{head}{arrow}{each}" for each in parts)


def _read_headings(text: str, server: str, client: str) -> tuple[str, str, str]:
    """Read lines such as ``Client: nodemailer 6`` and ``Server: HOST`` as headings, not as
    dialogue."""
    lines = []
    for line in text.split("\n"):
        heading = _HEADING.match(line)
        if heading is None or _IS_ERROR.search(heading["name"]):
            lines.append(line)
        elif heading["side"].lower() == "client":
            client = client or heading["name"]
        else:
            server = server or heading["name"]
    return "\n".join(lines), server, client


def _divided(line: str) -> str:
    """Divide a line with both sides of the dialogue, as in a session pasted into a sentence."""
    return _SPLIT.sub("\n", line) if len(_SPEAKER.findall(line)) > 1 else line


def _read_lines(lines: list[str], written_in: Format, dialogue: DialogueReader) -> list[str]:
    """Pass lines to the dialogue; return the others, without duplicates."""
    remarks: dict[str, None] = {}
    after_server = False
    last_dot = max((at for at, line in enumerate(lines) if line == "."), default=0)
    for at, line in enumerate(lines):
        in_message = dialogue.is_in_content and written_in is BARE and at < last_dot and line != "."
        if in_message or _SUCCEEDED.search(line) or _is_code(lines, at):
            continue
        _read_success(line.lower(), written_in, dialogue)
        parsed = written_in.parse_line(line)
        if parsed is None and after_server and re.match(r"\s*\d{3}[ -]", line):
            parsed = ("S", line.strip())
        if parsed is not None and _is_dialogue(parsed, written_in):
            for part in parsed[1].split("\n"):
                (dialogue.feed_client if parsed[0] == "C" else dialogue.feed_server)(part)
            after_server = parsed[0] == "S"
        elif note := _EHLO_NOTE.match(line):
            _feed_offer(dialogue, filter(None, map(str.strip, re.split(r"[;,|]", note[1]))))
        elif line.strip():
            offer = None if dialogue.hellos else _OFFER.search(line)
            if offer is not None:
                listed = offer["names"] or offer["listed"]
                _feed_offer(dialogue, ["AUTH " + " ".join(re.split(r"[ ,/]+|and ", listed))])
            blank = " (the name ends in a blank)" if _BLANK_BEHIND.search(line) else ""
            remarks.setdefault(unmarked(line.strip()) + blank)
            after_server = False
    dialogue.finish()
    return _most_telling(list(remarks))


def _feed_offer(dialogue: DialogueReader, extensions: Iterable[str]) -> None:
    """Add the reply to EHLO that a sentence stands for."""
    for line in ("250-server", *(f"250-{each}" for each in extensions), "250 OK"):
        dialogue.feed_server(line)


def _most_telling(remarks: list[str]) -> list[str]:
    """Return the first ones, the last ones, those that look like failures, and as many others as
    there is room for, the last of them."""
    if len(remarks) <= MAX_REMARKS:
        return remarks
    quarter = MAX_REMARKS // 4
    end = len(remarks) - quarter

    def rank(at: int) -> tuple[bool, int]:
        return at < end and not is_failure(remarks[at]), -at

    others = sorted(range(quarter, len(remarks)), key=rank)[: MAX_REMARKS - quarter]
    return [remarks[at] for at in sorted((*range(quarter), *others))]


_FRAME: Final = re.compile(r"^\s*File \"[^\"]*\", line \d+")
_EXCEPTION: Final = re.compile(
    r"^\s*[\w.]+(?:Error|Exception|Warning|Refused|Disconnected|[Tt]imeout)\b(?!=)"
)


def _is_code(lines: list[str], at: int) -> bool:
    """Tell whether this is a line of the program, which a traceback shows below its frame."""
    line = lines[at]
    if not at or not line.strip() or _FRAME.match(line) or _EXCEPTION.match(line):
        return False
    if _FRAME.match(lines[at - 1]) is not None or not line.strip("^~ "):
        return True
    for before in reversed(lines[max(0, at - _STATEMENT) : at]):  # complete since 3.13
        if _FRAME.match(before):
            return _indent(line) > _indent(before)
        if _indent(before) < _CODE_INDENT:
            return False
    return False


_STATEMENT: Final = 12
"""Lines of one statement that are looked through."""
_CODE_INDENT: Final = 4


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _read_success(low: str, written_in: Format, dialogue: DialogueReader) -> None:
    """Take the client's text if it replaces the server's reply."""
    if any(words in low for words in written_in.tls_begins):
        dialogue.begin_tls()
    if written_in.signed_in and re.match(written_in.signed_in, low):
        dialogue.feed_server("235 (so says the client)")


_SUCCEEDED: Final = re.compile(
    r"\bstatus=sent \(2|^(?:[\d:.]+ )?reply: retcode \([23]\d\d\); Msg:|"
    r"\"(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) \S+ HTTP/[\d.]+\" \d{3}"
)
"""Delivered mail, smtplib's repetition of a success, requests to a web server: not faults."""


def _is_dialogue(parsed: tuple[str, str], written_in: Format) -> bool:
    """Distinguish a line of the dialogue from a sentence with the same beginning."""
    speaker, text = parsed
    if speaker == "S":
        return CODE.match(text) is not None or written_in is not BARE
    if written_in is BARE and "<" in text and text[:4].upper() in ("MAIL", "RCPT"):
        return _PATH_ALONE.match(text) is not None
    return (
        written_in is not BARE
        or VERB.match(text) is not None
        or bool(MARK.match(text))
        or (text in ("*", "."))
    )


def _strays(dialogue: DialogueReader, remarks: list[str]) -> tuple[Stray, ...]:
    """Return replies without a command: of the dialogue, and those that remarks quote."""
    hellos = (hello for _, hello in dialogue.hellos)
    commands = (*dialogue.attempts, *dialogue.rcpt, dialogue.mail, *hellos)
    replies = (*(each.reply for each in commands if each), dialogue.content, dialogue.starttls)
    paired = {(each.code, each.text) for each in replies if each}
    strays: dict[tuple[int, str], Stray] = {}
    quoted = (each for line in remarks for each in replies_in(line))
    for each in islice(chain(dialogue.strays, quoted), _MOST_QUOTED):
        key = (each.reply.code, each.reply.text)
        if key not in paired and (key not in strays or strays[key].position is None):
            strays[key] = each
    return tuple(strays.values())[:MAX_OF_A_KIND]


_MOST_QUOTED: Final = 2_000
"""Maximum quoted replies that are compared with the dialogue's."""
