"""DNS queries with dnspython, on asyncio. A stub resolver: it trusts its name servers.

dnspython is imported at the first query, because most commands need none.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gatepost.errors import ConfigError
from gatepost.model.dns import DnsAnswer, MxRecord, T, local_addresses, merge_families
from gatepost.model.host_port import join_host_port
from gatepost.model.idn import a_labels
from gatepost.net.dial import Server, is_address, parse_server

if TYPE_CHECKING:
    import dns.asyncresolver
    import dns.name
    import dns.resolver

DEADLINE: Final = 10.0
"""Seconds for one question, all nameservers and tries together."""
TRY: Final = 2.5
"""Seconds for one nameserver's answer."""
CACHED: Final = 4096
"""Answers that are kept for as long as they hold."""
PORT: Final = 53
SYSTEM: Final = Path("/etc/resolv.conf")


def parse_nameserver(text: str) -> Server:
    """Parse ``ADDRESS``, ``ADDRESS:PORT`` or ``[IPV6]:PORT``. Raises ConfigError."""
    server = parse_server(text, PORT)
    if not is_address(server.host):
        raise ConfigError(f"a nameserver is given by its address, not by a name: {text!r}")
    return server


class DnsResolver:
    """Implements ``model.dns.Resolver`` with the system's name servers, or with given ones.

    ``deadline`` is in seconds. ``cached=0`` disables the cache. A change of the system's
    configuration is followed.
    """

    def __init__(
        self,
        nameservers: Sequence[Server] = (),
        *,
        deadline: float = DEADLINE,
        cached: int = CACHED,
        system: Path = SYSTEM,
    ) -> None:
        self._nameservers, self._deadline, self._cached = tuple(nameservers), deadline, cached
        self._system = system
        self._asker: dns.asyncresolver.Resolver | None = None
        self._version: object = None

    async def mx(self, domain: str) -> DnsAnswer[MxRecord]:
        return await self._ask(
            domain, "MX", lambda each: MxRecord(each.preference, _text(each.exchange))
        )

    async def addresses(self, name: str) -> DnsAnswer[str]:
        if is_address(name):
            return DnsAnswer("found", (name,))
        if local := local_addresses(name):
            return DnsAnswer("found", local)
        first, second = await asyncio.gather(
            self._ask(name, "AAAA", lambda each: str(each.address)),
            self._ask(name, "A", lambda each: str(each.address)),
        )
        return merge_families(first, second)

    async def txt(self, name: str) -> DnsAnswer[str]:
        return await self._ask(
            name, "TXT", lambda each: b"".join(each.strings).decode("utf-8", "replace")
        )

    async def cname(self, name: str) -> DnsAnswer[str]:
        return await self._ask(name, "CNAME", lambda each: _text(each.target))

    async def _ask(self, name: str, kind: str, read: Callable[[Any], T]) -> DnsAnswer[T]:
        import dns.asyncbackend  # noqa: PLC0415 - slow to import, see above
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            absolute = _parse_name(name)
        except (dns.exception.DNSException, ValueError) as error:
            return DnsAnswer(
                "no_such_name", reason=f"{name!r} is not a valid name in the DNS: {error}"
            )
        try:
            answer = await self._resolver().resolve(
                absolute,
                kind,
                search=False,
                raise_on_no_answer=False,
                lifetime=self._deadline,
                backend=dns.asyncbackend.get_backend("asyncio"),
            )
        except dns.resolver.NXDOMAIN as error:
            if kind == "CNAME" and (alias := _lost_alias(error, absolute)) is not None:
                return DnsAnswer("found", (read(alias),), _negative_ttl(error))
            return DnsAnswer(
                "no_such_name", ttl=_negative_ttl(error), reason=f"the DNS has no name {name}"
            )
        except (dns.exception.DNSException, OSError) as error:
            return DnsAnswer("failed", reason=_failure(name, kind, error))
        ttl = answer.chaining_result.minimum_ttl
        if not answer.rrset:
            return DnsAnswer("no_records", ttl=ttl, reason=f"{name} has no {kind} record")
        return DnsAnswer("found", tuple([read(each) for each in answer.rrset]), ttl)

    def _resolver(self) -> "dns.asyncresolver.Resolver":
        """Return the current resolver, a new one if the system's configuration has changed."""
        version = () if self._nameservers else self._system_version()
        if self._asker is None or version != self._version:
            self._asker, self._version = self._make_resolver(), version
        return self._asker

    def _make_resolver(self) -> "dns.asyncresolver.Resolver":
        """Raises dns.resolver.NoResolverConfiguration."""
        import dns.asyncresolver  # noqa: PLC0415 - as above
        import dns.nameserver  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        made = dns.asyncresolver.Resolver(str(self._system), configure=not self._nameservers)
        if self._nameservers:
            made.nameservers = [
                dns.nameserver.Do53Nameserver(each.host, each.port) for each in self._nameservers
            ]
        made.timeout = min(TRY, self._deadline)
        made.cache = dns.resolver.LRUCache(self._cached) if self._cached else None
        return made

    def _system_version(self) -> object:
        if sys.platform == "win32":
            return None  # the registry; read once
        try:
            status = self._system.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino


def _parse_name(name: str) -> "dns.name.Name":
    """Return the absolute name. Raises DNSException or ValueError."""
    import dns.name  # noqa: PLC0415 - as above

    parsed = dns.name.from_text(a_labels(name), dns.name.root)
    if not name or parsed.is_wild():
        raise ValueError("it is empty" if not name else "a wildcard stands for other names")
    return parsed


def _text(name: "dns.name.Name") -> str:
    return name.to_text(omit_final_dot=True) if len(name) > 1 else ""


def _negative_ttl(error: "dns.resolver.NXDOMAIN") -> int:
    """Return how long the absence of a name may be cached (RFC 2308 5)."""
    responses = error.responses()  # type: ignore[no-untyped-call]
    return min([int(each.resolve_chaining().minimum_ttl) for each in responses.values()], default=0)


def _lost_alias(error: "dns.resolver.NXDOMAIN", name: "dns.name.Name") -> Any:
    """Return the CNAME record of ``name`` if its target does not exist (RFC 6604 3), else None.

    The cache stores "no such name" for all types of a name, after a query of any type.
    """
    import dns.rdatatype  # noqa: PLC0415 - as above

    responses = error.responses()  # type: ignore[no-untyped-call]
    for response in responses.values():
        for rrset in response.answer:
            if rrset.name == name and rrset.rdtype == dns.rdatatype.CNAME:
                return rrset[0]
    return None


def _failure(name: str, kind: str, error: Exception) -> str:
    import dns.exception  # noqa: PLC0415 - as above
    import dns.resolver  # noqa: PLC0415

    question = f"the DNS did not answer for {name} ({kind})"
    if isinstance(error, dns.resolver.NoResolverConfiguration):
        return f"{question}: no nameserver is configured"
    if isinstance(error, dns.resolver.NoNameservers | dns.resolver.LifetimeTimeout):
        tries = error.kwargs.get("errors") or ()
        failures = {f"{_place(server)}: {_brief(what)}" for server, _, _, what, *_ in tries}
        return f"{question}: {'; '.join(sorted(failures))}" if failures else f"{question} in time"
    return f"{question}: {_brief(error)}"


def _place(server: object) -> str:
    """Return the address of a name server; dnspython calls it ``Do53:ADDRESS@PORT``."""
    address, at, port = str(server).removeprefix("Do53:").rpartition("@")
    return join_host_port(address, int(port)) if at and port.isdecimal() else str(server)


def _brief(error: object) -> str:
    import dns.exception  # noqa: PLC0415 - as above

    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    return str(error) or type(error).__name__
