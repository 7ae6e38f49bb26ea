"""Answers of the DNS with types, and the plug point Resolver."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AnswerKind = Literal["found", "no_such_name", "no_records", "failed"]
"""Records; NXDOMAIN; a name without such records (RFC 2308 2.2); no answer, ask again later."""


@dataclass(frozen=True, slots=True)
class DnsAnswer(Generic[T]):
    """The answer to one question. Only ``found`` has records; only ``failed`` is temporary."""

    kind: AnswerKind
    records: tuple[T, ...] = ()
    ttl: int = 0
    """Seconds for which it is valid; 0 for ``failed``."""
    reason: str = ""
    """Why there are no records, or not all, for the operator."""

    @property
    def is_final(self) -> bool:
        """Whether asking again is useless."""
        return self.kind != "failed"

    def each(self, read: Callable[[T], R]) -> "DnsAnswer[R]":
        """Return the same answer with each record converted by ``read``."""
        return DnsAnswer(
            self.kind, tuple([read(each) for each in self.records]), self.ttl, self.reason
        )

    def because(self, reason: str) -> "DnsAnswer[T]":
        """Return the same answer with another reason."""
        return replace(self, reason=reason)


@dataclass(frozen=True, slots=True, order=True)
class MxRecord:
    """One mail exchanger (RFC 1035 3.3.9). ``host`` has no final dot; it is empty for the root."""

    preference: int
    host: str


class Resolver(Protocol):
    """Asks the DNS; ``tests/contract/test_resolver.py`` is the specification.

    A name is absolute, with or without its final dot, in any case, with or without U-labels; one
    that is not valid in the DNS is ``no_such_name``. Aliases (CNAME) are followed, except by
    ``cname``. Nothing is raised: a failure is an answer. Each question has a deadline, after which
    it has failed.
    """

    async def mx(self, domain: str) -> DnsAnswer[MxRecord]:
        """Return the mail exchangers in the order of the answer, which has no meaning."""

    async def addresses(self, name: str) -> DnsAnswer[str]:
        """Return the addresses of both families, IPv6 first; for an address the address itself.

        If one family could not be asked for, addresses of the other are ``found``, but no addresses
        are ``failed``, because there may be some. Names of this machine (``localhost``, RFC 6761
        6.3) are not asked for.
        """

    async def txt(self, name: str) -> DnsAnswer[str]:
        """Return the texts, the strings of each joined (RFC 7208 3.3)."""

    async def cname(self, name: str) -> DnsAnswer[str]:
        """Return the name that the name itself is an alias of, without a final dot."""


def merge_families(first: DnsAnswer[str], second: DnsAnswer[str]) -> DnsAnswer[str]:
    """Return one answer for both address families, as ``Resolver.addresses`` defines it."""
    successes = [each for each in (first, second) if each.records]
    failed = [each for each in (first, second) if each.kind == "failed"]
    if successes:
        return DnsAnswer(
            "found",
            tuple(dict.fromkeys(first.records + second.records)),
            min(each.ttl for each in successes),
            failed[0].reason if failed else "",
        )
    if failed:
        return failed[0]
    # A name that exists for one family exists (RFC 8020 2), even if a broken server denies it.
    return first if first.kind == "no_records" else second


def local_addresses(name: str) -> tuple[str, ...]:
    """Return the addresses of a name of this machine (RFC 6761 6.3); none for other names."""
    folded = name.rstrip(".").lower()
    is_local = folded == "localhost" or folded.endswith(".localhost")
    return ("::1", "127.0.0.1") if is_local else ()
