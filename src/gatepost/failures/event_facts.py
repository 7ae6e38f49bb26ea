"""What is known about an event in a session, when rules are asked about it."""

from gatepost.failures.grammar import Stage
from gatepost.model.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """Facts that stay the same for many events of a session."""

    session: str
    """Its id."""
    listener: str = ""
    lane: str = ""
    peer: str = ""


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One event; what is not known is empty."""

    stage: Stage
    session: SessionFacts
    tls: str = ""
    """``1.2``, ``1.3``; empty without TLS."""
    ehlo: str = ""
    command: str = ""
    """The verb, in upper case."""
    user: str = ""
    shown_user: str = ""
    """What may be shown of a claimed user name, which may be a secret; empty: ``user``."""
    application: str = ""
    """The id of the application, or the name of an account."""
    mechanism: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    """At ``rcpt`` the one of this command."""
    subject: str = ""
    """Decoded."""
    header: tuple[tuple[str, str], ...] = ()
    """Names in lower case, and decoded values."""
    size: int = 0
    message_id: str = ""
    """The content of the Message-ID field."""
    message: str = ""
    """The id of the message that will be stored."""
    counted: tuple[str, ...] = ()
    """Rules that have been counted for this content, at ``body``."""
