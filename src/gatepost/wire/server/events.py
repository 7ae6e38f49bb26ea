"""What a session reports to the application.

A session pauses after an event until ``reply`` (or ``challenge``, ``accept_login``), so that
pipelined commands wait. ``ContentPiece``, ``ContentDropped``, ``AuthAborted`` and ``Closing`` are
only notifications, and do not pause it.
"""

from gatepost.model.body import Traits
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class StartTls:
    """Reply TLS_READY, send the output, and start the handshake if ``encrypted`` is now true.

    It is false if the reply was a refusal, or if more octets had come after the command.
    """


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH with its initial response: None if there was none, ``b""`` if it was empty."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The client's response to a challenge, decoded."""

    response: bytes


@dataclass(frozen=True, slots=True)
class AuthAborted:
    """The client cancelled, or its response was too long or not base64; the reply was sent."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL: may this sender start a transaction? The envelope has no recipients yet."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT: is this recipient accepted?"""

    recipient: Recipient


@dataclass(frozen=True, slots=True)
class ContentPiece:
    """A piece of a long message, decoded; more follows."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class ContentDropped:
    """The session refused the message (``reply``), or it was interrupted; discard its pieces."""

    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Message:
    """The envelope, the last (usually only) piece of the content, and the traits of the content."""

    envelope: Envelope
    chunk: bytes
    traits: Traits


@dataclass(frozen=True, slots=True)
class Closing:
    """The session is over: send the output, then close. ``reply`` is the reason."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A command that an ``InterruptibleSession`` was told to show first.

    ``proceed`` runs it, ``refuse_command`` replies instead.
    """

    stages: tuple[str, ...]
    """Which of the stages it belongs to, ``command`` first."""
    verb: str
    argument: bytes


Event = (
    StartTls | Auth | AuthResponse | AuthAborted | Sender | Rcpt | ContentPiece | ContentDropped
    | Message | Closing | Interrupted
)  # fmt: skip
