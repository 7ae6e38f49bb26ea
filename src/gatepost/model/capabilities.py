"""The capabilities of a server by its EHLO reply (RFC 5321 4.1.1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Capabilities:
    """An EHLO reply, parsed: upper-case keywords to their parameters, as sent.

    ``AUTH=LOGIN``, an old form that some servers send besides or instead of ``AUTH LOGIN``, counts
    as AUTH.
    """

    greeting: str = ""
    """The first line: the server's name and what follows it."""
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    lines: tuple[str, ...] = ()
    """Every line after the first, as sent."""

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords or keyword.upper() in self.keywords

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms in the server's order, upper case (RFC 4954 3)."""
        return self.keywords.get("AUTH", ())

    @property
    def size(self) -> int | None:
        """The maximum message size in octets; None if the server does not tell (RFC 1870 4)."""
        parameters = self.keywords.get("SIZE", ())
        return int(parameters[0]) if parameters and parameters[0].isdecimal() else None
