"""A reply; also used for refusals and the causes of errors (RFC 5321 4.2, RFC 2034)."""

from dataclasses import field, replace
from typing import NamedTuple

from gatepost.model.fast_dataclass import dataclass


class EnhancedStatus(NamedTuple):
    """An enhanced mail system status code, ``class.subject.detail`` (RFC 3463 2)."""

    klass: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"


Esc = EnhancedStatus


@dataclass(frozen=True, slots=True)
class Reply:
    """The peer gets ``code``, ``status`` and ``text``; the operator also ``reason``.

    ``text`` may have several lines, separated by ``\\n``. ``reason`` is never sent, and ignored in
    comparisons.
    """

    code: int
    text: str = ""
    status: EnhancedStatus | None = None
    reason: str = field(default="", compare=False)
    is_success: bool = field(default=False, init=False, repr=False, compare=False)
    """Whether it is 2yz: done."""
    _wire: bytes = field(default=b"", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Determine, once for all who ask, whether it is a success."""
        object.__setattr__(self, "is_success", 200 <= self.code < 300)

    @property
    def is_intermediate(self) -> bool:
        """Whether it is 3yz: the client must send more."""
        return 300 <= self.code < 400

    @property
    def is_transient(self) -> bool:
        """Whether it is 4yz: the same may succeed later."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """Whether it is 5yz: the same will fail again."""
        return 500 <= self.code < 600

    @property
    def lines(self) -> tuple[str, ...]:
        """The text, line by line."""
        return tuple(self.text.split("\n"))

    def because(self, reason: str) -> "Reply":
        """Return the same reply with another reason for the operator."""
        return replace(self, reason=reason)

    def encode(self) -> bytes:
        """Return the reply as it is sent, with CRLF; the status is on every line (RFC 2034 4)."""
        if not self._wire:
            object.__setattr__(self, "_wire", self._encode())
        return self._wire

    def _encode(self) -> bytes:
        prefix = f"{self.status} " if self.status else ""
        if "\n" not in self.text:
            return f"{self.code} {prefix}{self.text}\r\n".encode("utf-8", "surrogateescape")
        *head, last = self.text.split("\n")
        wire = "".join(f"{self.code}-{prefix}{line}\r\n" for line in head)
        return f"{wire}{self.code} {prefix}{last}\r\n".encode("utf-8", "surrogateescape")

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        text = f" {self.text}" if self.text else ""
        return f"{self.code}{status}{text}"
