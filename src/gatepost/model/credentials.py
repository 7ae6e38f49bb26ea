"""What a client claims to be (unproven), and what a directory made of it (proven)."""

from dataclasses import field

from gatepost.model.fast_dataclass import dataclass
from gatepost.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """Unproven: a name and what should prove it. Used by the client and by the server's SASL.

    Exactly the parts that are there can be used: ``password`` for PLAIN,
    LOGIN, CRAM-MD5 and SCRAM, ``token`` for XOAUTH2 and OAUTHBEARER,
    ``certificate`` (a TLS client certificate was presented) for EXTERNAL.
    """

    username: str = ""
    password: Secret | None = field(default=None)
    token: Secret | None = field(default=None)
    certificate: bool = False
    authzid: str = ""
    """The identity to act as (RFC 4422 3.4.1); empty for the own one."""
    presented: tuple[str, ...] = ()
    """What the verified client certificate says of its owner; the server's side knows it."""
    peer: str = ""
    """Whom those are counted with who ask to be let in: an address, a network; likewise."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Proven: who signed in, in the directory's words."""

    name: str
    """The user name as the operator knows it (for ACS the composite or SMTP user name)."""
    mechanism: str = ""
    resource_id: str = ""
    """The Communication Services resource that it sends through; empty for plain accounts."""
    application_id: str = ""
    subscription_id: str = ""
    """What its rate windows are counted against."""
    secret_id: str = ""
    """Of the client secret that opened the session, which ends with it; empty for other proofs."""

    def by(self, mechanism: str) -> "Principal":
        """Return the same, proven by ``mechanism``."""
        return Principal(
            self.name, mechanism, self.resource_id, self.application_id, self.subscription_id,
            self.secret_id,
        )  # fmt: skip
