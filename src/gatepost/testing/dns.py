"""A DNS resolver with answers from a test."""

import ipaddress
from collections.abc import Callable
from typing import Final

from gatepost.model.dns import DnsAnswer, MxRecord, T, local_addresses, merge_families
from gatepost.model.idn import a_labels

TTL: Final = 300
_MOST_ALIASES: Final = 16


class ScriptedResolver:
    """A ``Resolver`` that answers from lines ``NAME TYPE VALUE``; ``#`` begins a comment.

    Types are MX, A, AAAA, TXT, CNAME, and FAIL, whose value is the reason why nothing about
    that name can be found out. ``questions`` lists what was asked, as ``MX example.net``.

    >>> dns = ScriptedResolver("example.net MX 10 mx.example.net")
    >>> import asyncio
    >>> asyncio.run(dns.mx("example.net")).records
    (MxRecord(preference=10, host='mx.example.net'),)
    """

    def __init__(self, zone: str = "", *, ttl: int = TTL) -> None:
        self._ttl = ttl
        self._records: dict[str, list[tuple[str, str]]] = {}
        self.questions: list[str] = []
        self.add(zone)

    def add(self, zone: str) -> None:
        """Add lines. Raises ValueError for an invalid one."""
        for name, kind, value in read_zone(zone):
            self._records.setdefault(name, []).append((kind, value))

    def forget(self, name: str) -> None:
        """Delete all records of a name."""
        self._records.pop(_fold(name), None)

    async def mx(self, domain: str) -> DnsAnswer[MxRecord]:
        """Return the mail exchangers in the order of the lines."""
        return self._ask(domain, "MX", _read_mx)

    async def addresses(self, name: str) -> DnsAnswer[str]:
        """Return the addresses of both families, IPv6 first."""
        try:
            return DnsAnswer("found", (str(ipaddress.ip_address(name)),))
        except ValueError:
            pass
        if local := local_addresses(name):
            return DnsAnswer("found", local)
        return merge_families(self._ask(name, "AAAA", str), self._ask(name, "A", str))

    async def txt(self, name: str) -> DnsAnswer[str]:
        """Return the texts."""
        return self._ask(name, "TXT", str)

    async def cname(self, name: str) -> DnsAnswer[str]:
        """Return the target of the alias."""
        return self._ask(name, "CNAME", lambda each: each.rstrip("."))

    def _ask(self, name: str, kind: str, read: Callable[[str], T]) -> DnsAnswer[T]:
        self.questions.append(f"{kind} {name}")
        if not name or any(not 0 < len(label) < 64 for label in _fold(name).split(".")):
            return DnsAnswer("no_such_name", reason=f"{name!r} is not a valid name in the DNS")
        current = _fold(name)
        for _ in range(_MOST_ALIASES):
            records = self._records.get(current)
            if records is None:
                return DnsAnswer("no_such_name", (), self._ttl, f"the DNS has no name {name}")
            if failures := [value for each, value in records if each == "FAIL"]:
                return DnsAnswer(
                    "failed", reason=f"the DNS did not answer for {name}: {failures[0]}"
                )
            if values := [value for each, value in records if each == kind]:
                return DnsAnswer("found", tuple([read(each) for each in values]), self._ttl)
            aliases = [value for each, value in records if each == "CNAME"]
            if not aliases:
                return DnsAnswer("no_records", (), self._ttl, f"{name} has no {kind} record")
            current = _fold(aliases[0])
        return DnsAnswer("failed", reason=f"the DNS did not answer for {name}: aliases in a circle")


def read_zone(text: str) -> list[tuple[str, str, str]]:
    """Return (name, type, value) of each line. Raises ValueError."""
    records = []
    for line in text.splitlines():
        words = line.partition("#")[0].split(None, 2)
        if not words:
            continue
        if len(words) != 3 or words[1] not in ("MX", "A", "AAAA", "TXT", "CNAME", "FAIL"):
            raise ValueError(f"not NAME TYPE VALUE: {line!r}")
        records.append((_fold(words[0]), words[1], words[2].strip()))
    return records


def _fold(name: str) -> str:
    folded = name.rstrip(".").lower()
    return a_labels(folded)


def _read_mx(value: str) -> MxRecord:
    preference, host = value.split()
    return MxRecord(int(preference), host.rstrip("."))
