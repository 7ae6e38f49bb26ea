"""What sentences and tracebacks show: replies, and the phase in the dialogue."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from gatepost.model.evidence import DialoguePhase, Stray
from gatepost.model.reply import EnhancedStatus, Reply
from gatepost.wire.reply_reader import parse_reply

_CODES: Final = (
    r"(?:421|43[0-9]|45[0-59]|471|50[0-4]|51[0-9]|521|523|52[0-9]|53[0-9]|541|55[0-7]|571)"
)
_TUPLE: Final = re.compile(rf"\(({_CODES}),\s*u?b?(?P<q>['\"])(?P<text>.*?)(?<!\\)(?P=q)")
_CODED: Final = re.compile(
    rf"(?<![\d.:/,\-\w])(?<!port )(?<!line )({_CODES})"
    r"(?! (?:bytes|octets|ms|milliseconds|seconds|characters|kb|mb)\b)"
    rf"(?P<text>[ -]+(?:[245]\.\d{{1,3}}\.\d{{1,3}}\b.*|[\w<(#*].*)|\s*$)"
)
_ENHANCED: Final = re.compile(
    r"(?:^|[:#(\[]\s*|error\s|status\s|['\"])(?P<status>[45]\.[0-7]\.\d{1,3})\b[ :,-]*(?P<text>.*)"
)
_MAILISH: Final = re.compile(
    r"(?i)smtp|server|said|respon|repl|auth|mail|login|rcpt|recipient|sender|relay|error|code|fail|"
    r"tls|deny|denied|reject|refus|^\W*[245]\d\d|expected"
)
_OF_THE_WEB: Final = re.compile(
    r"\bHTTP/[123]\b|\bmethod=\W?(?:GET|POST|PUT)\b|\bstatus_code=\d{3}"
)
_CODE_FOR: Final = {
    "5.7.57": 530, "5.7.139": 535, "5.7.3": 535, "5.7.8": 535, "5.7.9": 534, "5.7.4": 504,
    "5.1.7": 501, "5.7.0": 530, "5.7.60": 550, "4.7.0": 454, "4.3.2": 432, "4.5.3": 452,
    "5.2.252": 554, "4.7.66": 421,
}  # fmt: skip
"""Codes that a status usually comes with, for clients that leave the code out."""
_MOST_OF_A_LINE: Final = 20
"""Maximum replies of one line that are read: one for each of some recipients."""
_PHASES: Final[tuple[tuple[DialoguePhase, re.Pattern[str]], ...]] = tuple(
    (phase, re.compile(words, re.IGNORECASE))  # type: ignore[misc]  # the table is literal
    for phase, words in (
        ("data", (r"end of data|after data|data command|smtpdataerror|message failed|data failed|"
                 r"writing message|data not accepted|dotstuff|in reply to end")),
        ("rcpt", (r"rcpt|recipients? (?:was |were |address )?(?:refused|rejected|failed)|"
                 r"smtprecipientsrefused|all recipients were rejected|failed ?recipient")),
        ("mail", (r"mail from|sender ?refused|smtpsenderrefused|from address failed|mail command|"
                 r"eenvelope")),
        ("starttls", r"starttls (?:failed|command|error)|after starttls|convert socket to tls"),
        ("ehlo", r"\b(?:ehlo|helo)\b|smtpheloerror|greeting"),
        ("auth", (r"auth(?:entication|enticate|enticator)?\b|log ?in|sasl|eauth|credential|"
                 r"username and password")),
    )
)  # fmt: skip
_BY_CODE: Final[dict[int, DialoguePhase]] = {
    534: "auth", 535: "auth", 538: "auth", 432: "auth", 435: "auth", 454: "auth", 530: "mail",
}  # fmt: skip


def replies_in(line: str) -> Iterator[Stray]:
    """Yield the replies quoted in a sentence, each with its phase, if known."""
    tuples = list(islice(_TUPLE.finditer(line), _MOST_OF_A_LINE))
    for match in tuples:
        yield _stray(_reply(match[1], match["text"]), line)
    if tuples or not _MAILISH.search(line) or _OF_THE_WEB.search(line):
        return
    if coded := _CODED.search(line):
        text = re.split(r"['\"]?\)?,? (?:in reply to|code: '|command: ')|\"\.?$", coded["text"])[0]
        yield _stray(_reply(coded[1], text.strip(" -'\"")), line)
    elif enhanced := _ENHANCED.search(line):
        status = EnhancedStatus(*map(int, enhanced["status"].split(".")))
        code = _CODE_FOR.get(enhanced["status"], 550 if status.klass == 5 else 450)
        yield _stray(Reply(code, enhanced["text"].strip(), status), line)


def _stray(reply: Reply, line: str) -> Stray:
    """Return the reply with the phase that its line, or its code, indicates."""
    before = line.partition(str(reply.code))[0] + " " + " ".join(_tail(line))
    for phase, words in _PHASES:
        if words.search(before):
            return Stray(reply, phase)
    return Stray(reply, phase_of(reply))


def phase_of(reply: Reply) -> DialoguePhase | None:
    """Return the phase of a reply by itself: by its code, then by its text."""
    if reply.code in _BY_CODE:
        return _BY_CODE[reply.code]
    text = reply.text[:_BEGINNING]
    if reply.code == 504 and str(reply.status) in ("5.7.4", "5.5.4"):
        return "auth"
    for phase, words in _PHASES:
        if phase in ("auth", "ehlo", "data", "rcpt") and words.search(text):
            wants_login = phase == "auth" and reply.code in _OF_MAIL
            return None if wants_login and not _LOGIN_FAILED.search(text) else phase
    return None


_BEGINNING: Final = 120
"""Characters of a reply that are about the command; further ones give advice."""
_OF_MAIL: Final = frozenset({550, 551, 552, 553, 554})
"""Codes of refused mail: where these speak of a login, it is mostly one that did not happen."""
_LOGIN_FAILED: Final = re.compile(
    r"(?i)(?:auth\w{0,20}|log ?[io]n|credentials?|password)\b.{0,40}?\b(?:fail|invalid|incorrect|"
    r"unsuccess|bad|wrong|disabled|not (?:accepted|correct|valid|supported|available|enabled))|"
    r"(?:fail\w{0,3}|invalid|incorrect|bad|wrong|unable|could not|cannot)\b.{0,40}?"
    r"\b(?:auth|log ?[io]n|credential|password)"
)


def _tail(line: str) -> Iterator[str]:
    """Yield what follows a quoted reply and indicates the command."""
    for match in re.finditer(r"in reply to [^)]*|command: ?['\"]?[\w ]+|after [A-Z ]{4,}", line):
        yield match[0]


def _reply(code: str, text: str) -> Reply:
    lines = re.split(r"\\n|\n", text.strip(" -"))
    return parse_reply(tuple(f"{code} {each.strip()}" for each in lines))


_FUNCTIONS: Final[tuple[tuple[DialoguePhase, str], ...]] = (
    ("data", r"data|bdat|message|finishdata|sendbdat|actionmessage|datastream"),
    ("rcpt", r"rcpt|rcptto|rcpttocommand|recipientcommand|actionrcpt"),
    ("mail", r"mail|mailfrom|mailfromcommand|mailcommand|actionmail"),
    ("auth", r"login|(?:handle|action)?auth|auth_?(?:plain|login|cram_?md5)|authenticate"),
    ("starttls", r"starttls|starttlscommand|actionstarttls"),
    ("ehlo", r"(?:do_?|action)?(?:ehlo|helo)|(?:ehello|ehlo|helo)command|ehlo_or_helo_if_needed"),
    ("greeting", r"connect|readgreeting|actiongreeting"),
    ("connect", r"_?get_?socket|_?create_connection"),
)  # fmt: skip
"""Names of functions that send a command, lower case."""
_PYTHON_FRAME: Final = re.compile(r"(?:smtplib\.py|aiosmtplib/\w+\.py)\"?, line \d+, in (\w+)")
_OTHER_FRAME: Final = re.compile(
    r"smtp\.rb:\d+:in [`'](?:Net::SMTP#)?(\w+)'|auth_\w{1,40}\.rb:\d+:in [`'].{0,80}?(auth)'|"
    r"SMTPTransport(?:\$\w+)?\.(\w+)\(|SMTPConnection\._"
    r"(action(?:[A-Z]{4,8}(?=[A-Z_][a-zA-Z]|\b)|Greeting))|"
    r"Net\.Smtp\.SmtpClient\.(\w+?)(?:Async)? ?\(|Net\.Mail\.(?:SmtpConnection\.)?"
    r"(?:ConnectAndHandshakeAsyncResult\.)?(\w+?)(?:Callback)?(?:Continue)?(?:\.Send)?\(|"
    r"(?:Smtp|Esmtp)Transport(?:->|::)(?:do)?(\w+)\("
)


def phase_in_traceback(text: str) -> DialoguePhase | None:
    """Return the command of a library's innermost frame; None without frames.

    Python prints the innermost frame last, all others first.
    """
    names = [name for match in _OTHER_FRAME.finditer(text) for name in match.groups() if name]
    names += reversed(_PYTHON_FRAME.findall(text))
    return next(
        (phase for name in names for phase, functions in _FUNCTIONS
         if re.fullmatch(functions, name.lower())), None)  # fmt: skip
