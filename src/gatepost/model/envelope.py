"""The envelope: sender, recipients, and the parameters of extensions (RFC 5321 2.3.1)."""

from dataclasses import field
from typing import Literal

from gatepost.model.address import Address
from gatepost.model.fast_dataclass import dataclass

BodyType = Literal["7BIT", "8BITMIME", "BINARYMIME"]
Ret = Literal["FULL", "HDRS"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One forward path with its own DSN parameters (RFC 3461 4.1, 4.2)."""

    address: Address
    notify: frozenset[str] = frozenset()
    """NEVER, or any of SUCCESS, FAILURE, DELAY; empty: not specified."""
    orcpt: str | None = None
    """``addr-type;xtext`` as it was sent."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The sender, recipients and parameters of a transaction. ``sender`` None is the null path."""

    sender: Address | None
    recipients: tuple[Recipient, ...] = ()
    body: BodyType = "7BIT"
    smtputf8: bool = False
    size: int | None = None
    """The size in octets that the client declared (RFC 1870 5)."""
    auth: str | None = None
    """The decoded AUTH= parameter; ``<>`` if unknown (RFC 4954 5)."""
    ret: Ret | None = None
    envid: str | None = None
    _is_ascii: bool | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def is_plain(self) -> bool:
        """Whether MAIL had no parameters."""
        return (
            self.body == "7BIT" and not self.smtputf8 and self.size is None and self.auth is None
            and self.ret is None and self.envid is None
        )  # fmt: skip

    @property
    def is_ascii(self) -> bool:
        """Whether no address needs SMTPUTF8 (RFC 6531)."""
        result = self._is_ascii
        if result is None:
            result = False not in [each.address.is_ascii for each in self.recipients]
            result = result and (self.sender is None or self.sender.is_ascii)
            object.__setattr__(self, "_is_ascii", result)
        return result

    def addressed_to(self, recipients: tuple[Recipient, ...]) -> "Envelope":
        """Return the same envelope with these recipients."""
        return Envelope(
            self.sender, recipients, self.body, self.smtputf8, self.size, self.auth, self.ret,
            self.envid,
        )  # fmt: skip
