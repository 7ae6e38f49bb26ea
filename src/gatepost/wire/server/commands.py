"""The commands: a table with the conditions of each, and handlers for their arguments.

A handler returns a Reply if the protocol decides, an Event if the application must decide, and None
if it has sent everything itself.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gatepost.model.reply import Reply
from gatepost.wire.base64 import decode_base64
from gatepost.wire.server import events
from gatepost.wire.server.parameters import BadParameter, UnknownParameter, parse_mail, parse_rcpt


class State(Enum):
    """What the client has done so far. ``Session`` changes it when an event gets its reply."""

    START = auto()
    """Connected, or TLS has just begun: nothing is known about the client."""
    READY = auto()
    """After EHLO or HELO; no transaction."""
    SENDER = auto()
    """MAIL was accepted."""
    RECIPIENTS = auto()
    """At least one RCPT was accepted."""
    CHUNKS = auto()
    """BDAT began; only BDAT and RSET may follow (RFC 3030 2)."""


States = tuple[State, ...]

ANY: Final[States] = tuple(State)
READY: Final[States] = (State.READY,)
IN_TRANSACTION: Final[States] = (State.SENDER, State.RECIPIENTS)


if TYPE_CHECKING:  # a session finds its handlers in the table, and is passed to them
    from gatepost.wire.server.session import Session

Handler = Callable[["Session", bytes], "Reply | events.Event | None"]

MAX_HELLO: Final = 255
"""Octets of the name in EHLO (RFC 5321 4.5.3.1.2)."""
MAX_CHUNK_DIGITS: Final = 12
"""Maximum digits of a size in BDAT: no chunk has a terabyte, and an endless number would take
time."""
MECHANISM_NAMES: Final = re.compile(
    r"ANONYMOUS|CRAM-MD5|DIGEST-MD5|EXTERNAL|GSSAPI|GSS-SPNEGO|GS2-KRB5(?:-PLUS)?|KERBEROS_V4|LOGIN"
    r"|MSN|NTLM|OAUTH10A|OAUTHBEARER|OTP|PLAIN|PLAIN-CLIENTTOKEN|SAML20|SCRAM-SHA-[0-9]{1,3}"
    r"(?:-[0-9]{3})?(?:-PLUS)?|XOAUTH2?"
)
"""Names of the IANA registry of SASL mechanisms, and others that occur. Any other word after
AUTH may be a part of a response."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its handler, where it is permitted, and its conditions."""

    name: str
    handle: Handler
    states: States
    in_clear: bool = True
    """False: refused without TLS if the profile requires TLS."""
    needs_auth: bool = False
    extension: str = ""
    """The EHLO keyword that must be offered."""
    room: int = 0
    """Octets by which extensions raise the line limit (RFC 1870, 3461, 4954, 6152, 6531)."""


def ehlo(session: "Session", argument: bytes) -> Reply:
    """EHLO domain (RFC 5321 4.1.1.1); it also resets, like RSET."""
    if not _is_name(argument):
        return session.replies.BAD_ARGUMENTS
    session.greet(argument.decode("ascii"), extended=True)
    return _hello(session.hello, session.offer.lines)


@lru_cache(maxsize=256)
def _hello(hello: str, lines: tuple[str, ...]) -> Reply:
    """Return the reply to EHLO; cached, because it is the same for all clients."""
    return Reply(250, "\n".join((hello, *lines)))


def helo(session: "Session", argument: bytes) -> Reply:
    """HELO domain (RFC 5321 4.1.1.1)."""
    if not _is_name(argument):
        return session.replies.BAD_ARGUMENTS
    session.greet(argument.decode("ascii"), extended=False)
    return Reply(250, session.hello)


def _is_name(argument: bytes) -> bool:
    """Accept any printable word: clients send what they are configured with, and the name is no
    proof."""
    return 0 < len(argument) <= MAX_HELLO and argument.isascii() and b" " not in argument


def starttls(session: "Session", argument: bytes) -> Reply | events.Event | None:
    """STARTTLS (RFC 3207 4). Octets after it in the buffer were not sent under TLS."""
    if argument:
        return session.replies.BAD_ARGUMENTS
    if session.encrypted:
        return session.replies.BAD_SEQUENCE.because("STARTTLS under TLS")
    if session.buffered:
        session.close(session.replies.BYTES_BEFORE_TLS)
        return None
    return events.StartTls()


def auth(session: "Session", argument: bytes) -> Reply | events.Event:
    """AUTH mechanism [initial-response] (RFC 4954 4)."""
    words = argument.split()
    if not 1 <= len(words) <= 2:
        return session.replies.BAD_ARGUMENTS
    if session.signed_in_as is not None:
        return session.replies.BAD_SEQUENCE.because("AUTH behind a sign-in that worked")
    mechanism = words[0].decode("ascii", "replace").upper()
    if not session.encrypted and session.profile.requires_tls:
        return session.replies.AUTH_NEEDS_TLS.because("AUTH before STARTTLS")
    if mechanism not in session.offer.mechanisms:
        named = mechanism if MECHANISM_NAMES.fullmatch(mechanism) else "by an unknown mechanism"
        return session.replies.AUTH_UNRECOGNIZED.because(f"AUTH {named} is not offered")
    rules = session.profile.auth
    if len(b"AUTH \r\n") + len(argument) > rules.command_line:
        return session.replies.AUTH_LINE_TOO_LONG
    if len(words) == 1:
        if mechanism in rules.needs_initial_response:
            return session.replies.AUTH_FAILED.because("AUTH without an initial response")
        return events.Auth(mechanism, None)
    if mechanism == "LOGIN" and not session.profile.login_initial_response:
        return session.replies.BAD_ARGUMENTS.because("AUTH LOGIN with an initial response")
    try:
        return events.Auth(mechanism, b"" if words[1] == b"=" else decode_base64(words[1]))
    except ValueError:
        return session.replies.BAD_BASE64


def mail(session: "Session", argument: bytes) -> Reply | events.Event:
    """MAIL FROM:<path> [parameters] (RFC 5321 4.1.1.2)."""
    if argument[:5].upper() != b"FROM:":
        return session.replies.BAD_ARGUMENTS
    try:
        envelope = parse_mail(argument[5:].decode("utf-8"), session.offer.keywords)
    except UnknownParameter as error:
        return session.replies.UNKNOWN_PARAMETER.because(f"{error} is unknown, or not offered")
    except BadParameter as error:
        return session.replies.BAD_ARGUMENTS.because(str(error))
    except ValueError as error:
        return session.replies.BAD_SENDER.because(str(error))
    if envelope.size is not None and envelope.size > session.message_limit:
        return session.replies.MESSAGE_TOO_BIG.because(f"{envelope.size} octets were announced")
    sender = envelope.sender
    if sender is not None and not sender.is_ascii and not envelope.smtputf8:
        return session.replies.NEEDS_SMTPUTF8
    return events.Sender(envelope)


def rcpt(session: "Session", argument: bytes) -> Reply | events.Event:
    """RCPT TO:<path> [parameters] (RFC 5321 4.1.1.3)."""
    if argument[:3].upper() != b"TO:":
        return session.replies.BAD_ARGUMENTS
    try:
        recipient = parse_rcpt(argument[3:].decode("utf-8"), session.offer.keywords)
    except UnknownParameter as error:
        return session.replies.UNKNOWN_PARAMETER.because(f"{error} is unknown, or not offered")
    except BadParameter as error:
        return session.replies.BAD_ARGUMENTS.because(str(error))
    except ValueError as error:
        return session.replies.BAD_RECIPIENT.because(str(error))
    if not recipient.address.domain:
        postmaster = session.setting.postmaster
        if postmaster is None:
            return session.replies.NO_ROUTE.because("no_postmaster: nobody is the postmaster here")
        if postmaster.domain:
            recipient = replace(recipient, address=postmaster)
    if not recipient.address.is_ascii and not session.wants_utf8:
        return session.replies.NEEDS_SMTPUTF8
    if len(session.recipients) >= session.profile.limits.recipients:
        return session.replies.TOO_MANY_RECIPIENTS
    return events.Rcpt(recipient)


def data(session: "Session", argument: bytes) -> Reply | None:
    """DATA (RFC 5321 4.1.1.4)."""
    if argument:
        return session.replies.BAD_ARGUMENTS
    if not session.recipients:
        return session.replies.NO_RECIPIENTS
    session.begin_data()
    return session.replies.START_CONTENT


def bdat(session: "Session", argument: bytes) -> Reply | None:
    """BDAT size [LAST] (RFC 3030 2).

    Its octets follow at once, whatever the reply is. So they are taken from the stream in every
    state, and even if CHUNKING is not offered, so that none of them is run as a command.
    """
    words = argument.split()
    last = len(words) == 2 and words[1].upper() == b"LAST"
    if not words or not words[0].isdigit() or len(words[0]) > MAX_CHUNK_DIGITS:
        session.close(session.replies.BAD_ARGUMENTS)
        return None
    session.begin_chunk(int(words[0]), last=last, well_formed=len(words) == 1 or last)
    return None


def rset(session: "Session", argument: bytes) -> Reply:
    """RSET (RFC 5321 4.1.1.5)."""
    if argument:
        return session.replies.BAD_ARGUMENTS
    session.reset()
    return session.replies.OK


def noop(session: "Session", _argument: bytes) -> Reply:
    """NOOP [string] (RFC 5321 4.1.1.9)."""
    return session.replies.OK


def vrfy(session: "Session", argument: bytes) -> Reply:
    """VRFY: neither confirms nor denies (RFC 5321 3.5.3, 7.3)."""
    return session.replies.CANNOT_VERIFY if argument else session.replies.BAD_ARGUMENTS


def expn(session: "Session", _argument: bytes) -> Reply:
    """EXPN: no lists here (RFC 5321 3.5.2)."""
    return session.replies.NOT_IMPLEMENTED


def help_(session: "Session", _argument: bytes) -> Reply:
    """HELP [string] (RFC 5321 4.1.1.8)."""
    return session.replies.HELP


def quit_(session: "Session", argument: bytes) -> Reply | None:
    """QUIT (RFC 5321 4.1.1.10)."""
    if argument:
        return session.replies.BAD_ARGUMENTS
    session.close(session.replies.GOODBYE)
    return None


def not_smtp(session: "Session", _argument: bytes) -> None:
    """A method of HTTP: a browser was tricked into connecting. Nothing that it sends is a
    command."""
    session.close(session.replies.NOT_SMTP.because("the client speaks HTTP"))


# fmt: off
COMMANDS: Final[Mapping[bytes, Command]] = {each.name.encode(): each for each in (
    Command("EHLO",     ehlo,     ANY),
    Command("HELO",     helo,     ANY),
    Command("STARTTLS", starttls, READY, extension="STARTTLS"),
    Command("AUTH",     auth,     READY),
    Command("MAIL",     mail,     READY, in_clear=False, needs_auth=True, room=672),
    Command("RCPT",     rcpt,     IN_TRANSACTION, room=532),
    Command("DATA",     data,     IN_TRANSACTION),
    Command("BDAT",     bdat,     ANY),
    Command("RSET",     rset,     ANY),
    Command("NOOP",     noop,     ANY),
    Command("VRFY",     vrfy,     ANY),
    Command("EXPN",     expn,     ANY),
    Command("HELP",     help_,    ANY),
    Command("QUIT",     quit_,    ANY),
    *[Command(method,   not_smtp, ANY)
      for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE")],
)}
# fmt: on


_WHEN: Final[Mapping[State, str]] = {
    State.START: "before EHLO",
    State.READY: "outside of a transaction",
    State.SENDER: "after MAIL",
    State.RECIPIENTS: "after RCPT",
    State.CHUNKS: "after BDAT",
}


def missing_condition(session: "Session", command: Command) -> Reply | None:
    """Return the reply if ``command`` is not permitted now; otherwise None."""
    replies, profile = session.replies, session.profile
    if command.extension and command.extension not in session.offer.keywords:
        missing = replies.BAD_SEQUENCE if session.encrypted else replies.NOT_IMPLEMENTED
        return missing.because(f"{command.name} is not offered here")
    if not command.in_clear and profile.requires_tls and not session.encrypted:
        return replies.TLS_REQUIRED.because(f"{command.name} before STARTTLS")
    if command.needs_auth and profile.requires_auth and session.signed_in_as is None:
        return replies.AUTH_REQUIRED.because(f"{command.name} without a sign-in")
    if session.state not in command.states:
        return replies.BAD_SEQUENCE.because(f"{command.name} {_WHEN[session.state]}")
    return None
