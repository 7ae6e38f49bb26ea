"""The identity that a client claims (unproven), and what a directory made of it (proven)."""

from dataclasses import field
from enum import Enum

from gatepost.model.fast_dataclass import dataclass
from gatepost.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """Unproven: a name and what should prove it. Used by the client and by the server's SASL.

    The fields that are set can be used: ``password`` for PLAIN, LOGIN, CRAM-MD5 and SCRAM,
    ``token`` for XOAUTH2 and OAUTHBEARER, ``certificate`` (a TLS client certificate was presented)
    for EXTERNAL.
    """

    username: str = ""
    password: Secret | None = field(default=None)
    token: Secret | None = field(default=None)
    certificate: bool = False
    authzid: str = ""
    """The authorization identity (RFC 4422 3.4.1); empty: the client's own."""
    presented: tuple[str, ...] = ()
    """The names in the verified client certificate; only the server knows them."""
    peer: str = ""
    """The address or network for which failed logins are counted; only the server knows it."""

    def of_peer(self, peer: str, presented: tuple[str, ...]) -> "Credentials":
        """Return the same, as they came from a peer with these names in its certificate."""
        return Credentials(
            self.username, self.password, self.token, self.certificate, self.authzid, presented,
            peer,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Principal:
    """Proven: who signed in, in the directory's terms."""

    name: str
    """The user name as the operator knows it; for ACS the composite or SMTP user name."""
    mechanism: str = ""
    resource_id: str = ""
    """The Communication Services resource that it sends through; empty for plain accounts."""
    application_id: str = ""
    subscription_id: str = ""
    """The subscription whose rate limits apply."""
    secret_id: str = ""
    """The client secret that was used, with which the session ends; empty for other proofs."""

    def by(self, mechanism: str) -> "Principal":
        """Return the same principal, proven by ``mechanism``."""
        return Principal(
            self.name, mechanism, self.resource_id, self.application_id, self.subscription_id,
            self.secret_id,
        )  # fmt: skip


class Standing(Enum):
    """The directory's answer to the question whether a principal may use a sender."""

    ALLOWED = "allowed"
    DOMAIN_NOT_LINKED = "domain_not_linked"
    SENDER_NOT_REGISTERED = "sender_not_registered"
    MAILBOX_NOT_OPENED = "mailbox_not_opened"
    """The principal may sign in as its mailbox, but not open it."""
    NOT_SIGNED_IN = "not_signed_in"
    """The principal no longer exists, or has lost its role."""
