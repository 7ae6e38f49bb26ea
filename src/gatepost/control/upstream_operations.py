"""``gatepost upstream`` and its API: the targets of mail, whether they can be used, and why not."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from gatepost.control.doctor_jobs import HTTPS, DoctorJobs
from gatepost.control.next_hop_operations import pause_document
from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import operate_queue
from gatepost.model.host_port import join_host_port
from gatepost.model.rfc3339 import utc_text
from gatepost.model.route import (
    ApiTarget,
    Capture,
    HopTls,
    MxTarget,
    NextHop,
    Route,
    SmarthostTarget,
    Target,
    parse_next_hop,
)
from gatepost.relay.target_health import LoginHealth
from gatepost.relay.transport.seen_certificates import SeenCertificate, SeenCertificates

Document = dict[str, Any]
_A_DAY: Final = 86_400
_LONGEST_DOMAIN: Final = 253
"""Octets of a name (RFC 1035 2.3.4)."""
_MODES: Final[Mapping[HopTls, str]] = {
    "required": "starttls", "opportunistic": "auto", "implicit": "implicit", "none": "none",
}  # fmt: skip
"""How the doctor connects to a server of a target with this TLS."""


@dataclass(frozen=True, slots=True)
class UpstreamControl:
    """What the operations work on."""

    queue: QueueControl
    routes: Callable[[], Sequence[Route]]
    """Returns the routes of the configuration."""
    jobs: DoctorJobs
    exchangers: Callable[[str], Awaitable[Sequence[str]]]
    """Returns the mail exchangers of a domain, best first. Raises ValueError if there are none."""
    certificates: SeenCertificates = field(default_factory=SeenCertificates)
    """What servers have shown when mail was sent to them."""
    _probes: dict[str, str] = field(default_factory=dict)
    """The last check of each target: the id of its job."""

    async def operate(self, operation: str, fields: Mapping[str, Any]) -> Document:
        """``list``; ``probe`` or ``retry`` the target with ``name``.

        Raises KeyError, ValueError, TooManyRequests and QueueError.
        """
        targets = self._targets()
        if operation == "list":
            counts = await self.queue.deliveries.count()
            hops = [parse_next_hop(key) for key in counts]
            return {"upstreams": [await self._document(*each, hops) for each in targets.values()]}
        if operation not in ("probe", "retry"):
            raise ValueError(f"unknown operation {operation[:40]!r}")
        name = str(fields["name"])
        if name not in targets:
            raise KeyError(f"upstream {name[:80]}")
        if operation == "probe":
            return await self._probe(targets[name][0], str(fields.get("server") or "").strip())
        return await self._retry(targets[name][1])

    def _targets(self) -> dict[str, tuple[Target, list[Route]]]:
        """Return the targets with their routes, by name, in the order of the routes."""
        targets: dict[str, tuple[Target, list[Route]]] = {}
        for route in self.routes():
            for target in route.chain:
                targets.setdefault(target.name, (target, []))[1].append(route)
        return targets

    async def _probe(self, target: Target, server: str) -> Document:
        """Let the doctor check a server of a target: the first, unless it is named; of MX, the best
        exchanger of a domain. It gets no password, and connects as the relay would; to an API, no
        further than the certificate."""
        servers, mode, ca_file = servers_of(target), HTTPS, ""
        if isinstance(target, Capture):
            raise ValueError(f"{target.name} keeps mail here: there is no server to check")  # noqa: TRY004
        if isinstance(target, MxTarget):
            server, mode = await self._exchanger(target, server), _MODES[target.tls]
        elif server and server not in servers:
            raise ValueError(f"{target.name} has no server {server[:80]}: {', '.join(servers)}")
        if isinstance(target, SmarthostTarget):
            mode, ca_file = _MODES[target.tls], target.ca_file or ""
        job = self.jobs.start(server or servers[0], mode, ca_file=ca_file)
        self._probes[target.name] = str(job["id"])
        return job

    async def _exchanger(self, target: MxTarget, wanted: str) -> str:
        """Return HOST:PORT of a server, or of the best exchanger of a domain."""
        if not wanted:
            raise ValueError(
                f"{target.name} has the mail exchangers of each domain: say which domain or server"
            )
        if ":" in wanted:
            return wanted
        return join_host_port((await self.exchangers(wanted[:_LONGEST_DOMAIN]))[0], target.port)

    async def _retry(self, routes: Sequence[Route]) -> Document:
        """Try now what waits for the next hops of these routes, and end their pauses."""
        names = {each.name for each in routes}
        counts = await self.queue.deliveries.count()
        hops = [each for key in counts if (each := parse_next_hop(key)).route in names]
        retried = 0
        for each in hops:
            done = await operate_queue(self.queue, "retry", {"next_hop": each.key})
            retried += int(done["retried"])
        if self.queue.deliverer is not None:
            self.queue.deliverer.forgive(hops or [NextHop(each) for each in sorted(names)])
        return {"retried": retried, "next_hops": [each.key for each in hops]}

    async def _document(
        self, target: Target, routes: Sequence[Route], keys: Sequence[NextHop]
    ) -> Document:
        names = {each.name for each in routes}
        hops = [each for each in keys if each.route in names]
        deliverer, now = self.queue.deliverer, self.queue.now()
        health = None if deliverer is None else deliverer.health_of(target)
        job = await self._last_job(target.name)
        pauses = [] if deliverer is None else [deliverer.pause_of(each) for each in hops]
        pause = next((each for each in pauses if each is not None), None)
        login = None if health is None else health.login
        is_bad = login is not None and login.state in ("paused", "refused")
        return {
            "name": target.name,
            "kind": type(target).__name__.removesuffix("Target").lower(),
            "routes": sorted(names),
            "next_hops": [each.key for each in hops],
            "servers": list(servers_of(target)),
            "tls": getattr(target, "tls", None),
            "state": "paused" if pause is not None or is_bad else "working",
            "pause": None if pause is None else pause_document(pause),
            "connections": 0 if health is None else health.connections,
            "most_connections": 0 if health is None else health.most_connections,
            "login": None if login is None else _login_document(login),
            "circuits": [
                {
                    "what": each.what,
                    "state": each.state,
                    "seconds": round(each.seconds, 1),
                    "reason": each.reason,
                }
                for each in (health.circuits if health is not None else ())
            ],
            "certificates": list(self._certificates(target.name, job, now)),
            "can_be_probed": not isinstance(target, Capture),
            "last_probe": None if job is None else _probe_document(job),
        }

    async def _last_job(self, name: str) -> Document | None:
        """Return the last check; None: there was none, or it was forgotten."""
        if name in self._probes:
            with suppress(KeyError):
                return await self.jobs.operate("job", {"id": self._probes[name]})
        return None

    def _certificates(self, name: str, job: Document | None, now: datetime) -> Iterator[Document]:
        """Yield the certificates that were seen when mail was sent, and in the last check."""
        newest = None if job is None else _checked_certificate(job, now)
        for each in self.certificates.of(name):
            document = _certificate_document(each, now)
            if newest is not None and newest["server"] == document["server"]:
                document = max(document, newest, key=lambda one: str(one["seen_at"]))
                newest = None
            yield document
        if newest is not None:
            yield newest


def _probe_document(job: Document) -> Document:
    """Return what a check found."""
    report, named = job["report"], ("id", "confidence", "summary")
    return {
        **{key: job[key] for key in ("id", "host", "state", "started_at", "ended_at", "error")},
        "verdict": report and report["verdict"],
        "findings": [
            {key: each[key] for key in named} for each in (report["findings"] if report else ())
        ],
    }


def servers_of(target: Target) -> Sequence[str]:
    """Return HOST:PORT of the servers that a target names itself."""
    if isinstance(target, ApiTarget):
        url = urlsplit(target.endpoint)
        return [join_host_port(url.hostname or "", url.port or 443)]
    if not isinstance(target, SmarthostTarget):
        return ()
    return [join_host_port(each.host, each.port) for each in target.servers]


def _login_document(login: LoginHealth) -> Document:
    return {
        "credential": login.credential,
        "state": login.state,
        "seconds": round(login.seconds, 1),
        "reason": login.reason or None,
        "finding": login.finding or None,
        "advice": login.advice or None,
    }


def _certificate_document(seen: SeenCertificate, now: datetime) -> Document:
    """Return a server's certificate; null for what cannot be read in it."""
    from gatepost.doctor.certificate_facts import read_certificate  # noqa: PLC0415 - cryptography

    read = read_certificate(seen.der)
    names = (None, None, None) if read is None else (read.subject, read.issuer, read.not_after)
    return _described(str(seen.server), names, seen.verified, utc_text(seen.seen_at), now)


def _checked_certificate(job: Document, now: datetime) -> Document | None:
    """Return the certificate that a check has seen; None: it has seen none."""
    evidence = (job["report"] or {}).get("evidence", {})
    tls, target = evidence.get("tls", {}).get("value") or {}, evidence.get("target")
    certificate = tls.get("certificate")
    if not certificate or not target:
        return None
    end = datetime.fromisoformat(certificate["not_after"])
    names = certificate["subject"], certificate["issuer"], end
    server = join_host_port(target["host"], target["port"])
    return _described(server, names, bool(tls["verified"]), job["ended_at"], now)


def _described(
    server: str,
    names: tuple[str | None, str | None, datetime | None],
    verified: bool,
    seen_at: str,
    now: datetime,
) -> Document:
    """Return a certificate with its subject, its issuer and its end."""
    subject, issuer, end = names
    return {
        "server": server,
        "subject": subject,
        "issuer": issuer,
        "expires_at": None if end is None else utc_text(end, "seconds"),
        "days": None if end is None else int((end - now).total_seconds() // _A_DAY),
        "verified": verified,
        "seen_at": seen_at,
    }
