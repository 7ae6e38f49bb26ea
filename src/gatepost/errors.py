"""Everything that Gatepost raises.

GatepostError                 .phase .slug .fix .transcript
+-- ConfigError               .where .did_you_mean
+-- NetworkError (OSError)    ResolveError ConnectError NoDescriptor TlsError Disconnected
|                             TimedOut ResponseLost (a Disconnected)
+-- ProtocolError             LocalProtocolError (ours, nothing sent)
|                             RemoteProtocolError (theirs, .line)
+-- NegotiationError          NoSharedMechanism(.offered .usable .plan) TlsUnavailable
|                             MissingExtension
+-- Refused                   .reply .command .is_transient
|   +-- AuthenticationRefused(.mechanism .offered)
|   +-- SenderRefused  RecipientsRefused(.by_address)  ContentRefused
+-- TokenError                .is_transient .status .error .number .grant .retry_after
+-- QueueError                LeaseLost QueueFull Unreadable Unconfirmed
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:  # a command that somebody waits for loads the errors, but not the model
    from gatepost.model.mechanism_plan import Plan
    from gatepost.model.reply import Reply
    from gatepost.model.transcript import Transcript

Phase = Literal[
    "", "resolve", "connect", "greeting", "ehlo", "starttls", "tls", "auth", "mail", "rcpt",
    "data", "content", "quit",
]  # fmt: skip


class GatepostError(Exception):
    """The root. ``phase`` is the step of the dialogue, ``slug`` the id of a finding, if any.

    ``fix`` is what to do, if that differs from the fix of the finding, which is for clients.
    ``diagnosis.errors`` concludes both from the facts of an error that does not have them yet.
    """

    phase: Phase = ""
    slug: str = ""
    fix: str = ""
    transcript: "Transcript | None" = None

    def at(self, phase: Phase, transcript: "Transcript | None" = None) -> Self:
        """Set phase and transcript if they are not set yet, and return the error."""
        self.phase = self.phase or phase
        self.transcript = self.transcript or transcript
        return self


class ConfigError(GatepostError):
    """A mistake in a configuration or an argument."""

    def __init__(self, message: str, *, where: str = "", did_you_mean: str = "") -> None:
        hint = f" (did you mean {did_you_mean}?)" if did_you_mean else ""
        super().__init__(f"{where}: {message}{hint}" if where else f"{message}{hint}")
        self.where = where
        self.did_you_mean = did_you_mean


class NetworkError(GatepostError, OSError):
    """The network failed."""


class ResolveError(NetworkError):
    """The name has no address."""


class ConnectError(NetworkError, ConnectionError):
    """No address of the host accepted a connection."""


class NoDescriptor(NetworkError):
    """This process may open no more files, so it cannot connect; no server is to blame."""


_OF_CERTIFICATE: Final[Mapping[int, str]] = {
    **dict.fromkeys((2, 18, 19, 20, 21), "cert_untrusted"),
    **dict.fromkeys((9, 10), "cert_expired"),
    **dict.fromkeys((62, 64), "cert_hostname_mismatch"),
}
"""The id of the finding for X509_V_ERR_* numbers."""


class TlsError(NetworkError):
    """The handshake failed, or the certificate was refused.

    ``reason`` is OpenSSL's name of the error (``WRONG_VERSION_NUMBER``); ``verify_code``
    (X509_V_ERR_*, 0 for none) and ``verify_error`` tell what is wrong with a certificate.
    """

    reason: str = ""
    verify_code: int = 0
    verify_error: str = ""

    def because(self, reason: str, verify_code: int = 0, verify_error: str = "") -> Self:
        """Set OpenSSL's texts, and the finding that follows from them; return the error."""
        self.reason, self.verify_code, self.verify_error = reason, verify_code, verify_error
        self.slug = _OF_CERTIFICATE.get(verify_code, "")
        if reason == "WRONG_VERSION_NUMBER":
            self.slug = "implicit_tls_on_starttls_port"
        return self


class Disconnected(NetworkError, ConnectionError):
    """The peer closed the connection."""


class ResponseLost(Disconnected):
    """The peer closed the connection before it answered: nobody knows whether it did what it was
    asked to do."""


class TimedOut(NetworkError, TimeoutError):
    """The peer did not answer within the timeout of the phase (RFC 5321 4.5.3.2)."""


class ProtocolError(GatepostError):
    """The protocol was violated."""


class LocalProtocolError(ProtocolError):
    """We violated the protocol, or were asked to; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer violated the protocol. ``line`` is what it sent."""

    def __init__(self, message: str, line: str = "") -> None:
        super().__init__(message)
        self.line = line


class NegotiationError(GatepostError):
    """The server's offer does not include what we need."""


class NoSharedMechanism(NegotiationError):
    """No mechanism is both offered and usable with these credentials on this connection."""

    slug = "mechanism_not_offered"

    def __init__(self, offered: tuple[str, ...], usable: tuple[str, ...], plan: "Plan") -> None:
        offers = " ".join(offered) or "no AUTH at all"
        usual = f"server offers {offers}; usable here: {' '.join(usable) or 'none'}"
        super().__init__(f"{usual}{_objections(offered, plan)}")
        self.offered = offered
        self.usable = usable
        self.plan = plan


def _objections(offered: tuple[str, ...], plan: "Plan") -> str:
    """Return in few words why the offered mechanisms are not used: each reason once, with its
    mechanisms."""
    by_reason: dict[str, list[str]] = {}
    for each in plan.skipped(offered):
        by_reason.setdefault(each.reason, []).append(each.mechanism)
    reasons = [f"{' '.join(names)}: {reason}" for reason, names in by_reason.items()]
    return f" ({'; '.join(reasons)})" if reasons else ""


class TlsUnavailable(NegotiationError):
    """TLS is required and the server does not offer it."""


class MissingExtension(NegotiationError):
    """The message needs an extension that the server does not offer."""


class Refused(GatepostError):
    """The server refused ``command`` with ``reply``."""

    def __init__(self, reply: "Reply", command: str = "") -> None:
        super().__init__(str(reply))
        self.reply = reply
        self.command = command

    @property
    def is_transient(self) -> bool:
        """Whether the same may succeed later; by the code, never by the text."""
        return self.reply.is_transient


class AuthenticationRefused(Refused):
    """AUTH was refused. ``offered`` is the list in EHLO, ``finding`` the same as ``slug``."""

    def __init__(self, reply: "Reply", mechanism: str, offered: tuple[str, ...] = ()) -> None:
        super().__init__(reply, f"AUTH {mechanism}")
        self.args = (reply.reason or str(reply),)
        self.mechanism = mechanism
        self.offered = offered

    @property
    def finding(self) -> str:
        """The id of a finding, if any."""
        return self.slug


class SenderRefused(Refused):
    """MAIL FROM was refused."""


class RecipientsRefused(Refused):
    """Every recipient was refused. ``by_address`` has the reply about each."""

    def __init__(self, by_address: "Mapping[str, Reply]") -> None:
        super().__init__(next(iter(by_address.values())), "RCPT TO")
        self.by_address = dict(by_address)


class ContentRefused(Refused):
    """DATA or the message after it was refused."""


class TokenError(GatepostError):
    """An identity provider issued no access token. The text contains no secret.

    ``is_transient``: the same may succeed later, by codes alone. ``error`` is the OAuth error (RFC
    6749 5.2), ``number`` that of AADSTS, 0 for none; ``retry_after`` is in seconds. ``status`` is
    that of the HTTP response, and ``grant`` the ``grant_type`` of the request.
    """

    phase = "auth"
    status: int = 0
    grant: str = ""

    def __init__(
        self,
        message: str,
        *,
        is_transient: bool,
        error: str = "",
        number: int = 0,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.is_transient = is_transient
        self.error = error
        self.number = number
        self.retry_after = retry_after


class QueueError(GatepostError):
    """The store failed, or refused."""


class LeaseLost(QueueError):
    """Another owner has the lease of the delivery."""


class QueueFull(QueueError):
    """The disk or the store is full; try again later."""


class Unconfirmed(QueueError):
    """The store was lost during a commit: nobody knows whether it was done."""


class Unreadable(QueueError):
    """The store is damaged, locked, or of a newer version."""
