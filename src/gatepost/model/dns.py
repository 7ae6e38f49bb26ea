"""What the DNS says, and who asks it: typed answers, and the plug point Resolver."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AnswerKind = Literal["found", "no_such_name", "no_records", "failed"]
"""Records; NXDOMAIN; the name without such records (RFC 2308 2.2); no answer, ask later."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One question's answer. Only ``found`` has records, only ``failed`` may change by itself."""

    kind: AnswerKind
    records: tuple[T, ...] = ()
    ttl: int = 0
    """Seconds for which it holds; of ``failed`` 0."""
    reason: str = ""
    """Why there are none, or not all, for the operator."""

    @property
    def is_final(self) -> bool:
        """False when asking again may help."""
        return self.kind != "failed"

    def each(self, read: Callable[[T], R]) -> "Answer[R]":
        """Return the same answer with its records read otherwise."""
        return Answer(
            self.kind, tuple([read(each) for each in self.records]), self.ttl, self.reason
        )

    def because(self, reason: str) -> "Answer[T]":
        """Return the same answer with another reason."""
        return replace(self, reason=reason)


@dataclass(frozen=True, slots=True, order=True)
class MxRecord:
    """One mail exchanger (RFC 1035 3.3.9). ``host`` has no dot at its end: the root is empty."""

    preference: int
    host: str


class Resolver(Protocol):
    """Asks the DNS; ``tests/contract/test_resolver.py`` is the specification.

    A name is taken as absolute, with or without its last dot, in any case, with or without
    U-labels; one that cannot be a name in the DNS is ``no_such_name``. Aliases (CNAME) are
    followed, but by ``cname``. Nothing is raised: what fails is an answer. Each question has a
    deadline, after which it has failed.
    """

    async def mx(self, domain: str) -> Answer[MxRecord]:
        """Return the mail exchangers as they came, in no order that means anything."""

    async def addresses(self, name: str) -> Answer[str]:
        """Return the addresses of both families, IPv6 first; of an address itself.

        When one family could not be asked for, the other's addresses are ``found``, and no
        addresses at all are ``failed``: they may be there. Names of this machine
        (``localhost``, RFC 6761 6.3) are not asked for.
        """

    async def txt(self, name: str) -> Answer[str]:
        """Return the texts, each with its strings joined (RFC 7208 3.3)."""

    async def cname(self, name: str) -> Answer[str]:
        """Return what the name itself is an alias of, without a dot at its end."""


def merge_families(first: Answer[str], second: Answer[str]) -> Answer[str]:
    """Return the answer for both address families, as ``Resolver.addresses`` promises."""
    found = [each for each in (first, second) if each.records]
    failed = [each for each in (first, second) if each.kind == "failed"]
    if found:
        return Answer(
            "found",
            tuple(dict.fromkeys(first.records + second.records)),
            min(each.ttl for each in found),
            failed[0].reason if failed else "",
        )
    if failed:
        return failed[0]
    # A name that exists for one family exists (RFC 8020 2): broken servers say otherwise.
    return first if first.kind == "no_records" else second


def local_addresses(name: str) -> tuple[str, ...]:
    """Return the addresses of a name of this machine (RFC 6761 6.3); of any other, none."""
    folded = name.rstrip(".").lower()
    is_local = folded == "localhost" or folded.endswith(".localhost")
    return ("::1", "127.0.0.1") if is_local else ()
