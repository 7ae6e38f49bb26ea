"""What a session asks the application.

A session is paused from the event until ``answer`` (or ``challenge``, ``signed_in``), so pipelined
commands wait. ``Content``, ``ContentDropped``, ``AuthAborted`` and ``Closing`` are only
notifications, and do not pause it.
"""

from gatepost.model.body import Traits
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class StartTls:
    """Answer TLS_READY, send what there is, and start the handshake if ``encrypted`` is now true.

    It is not when the answer was a refusal, or octets had come behind the command meanwhile.
    """


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH with its initial response: None when there was none, ``b""`` when it was empty."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The client's response to a challenge, decoded."""

    response: bytes


@dataclass(frozen=True, slots=True)
class AuthAborted:
    """The client cancelled, or its response was too long or no base64; it was told so."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL: may this sender start a transaction? The envelope has no recipients yet."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT: do we take this recipient?"""

    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of a long message, decoded; more follows."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class ContentDropped:
    """The message was refused by the protocol (``reply``) or given up; forget its pieces."""

    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Message:
    """The whole envelope, the last (mostly only) piece of the content, and what that is like."""

    envelope: Envelope
    chunk: bytes
    traits: Traits


@dataclass(frozen=True, slots=True)
class Closing:
    """The session is over: send what is left, then close. ``reply`` says why."""

    reply: Reply


Event = (
    StartTls | Auth | AuthResponse | AuthAborted | Sender | Rcpt | Content | ContentDropped
    | Message | Closing
)  # fmt: skip
