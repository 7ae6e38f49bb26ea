"""``gatepost upstream`` and its API: the targets of mail, whether they can be used, and why not."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from gatepost.control.doctor_jobs import DoctorJobs
from gatepost.control.next_hop_operations import pause_document
from gatepost.control.queue_operations import QueueControl, operate_queue
from gatepost.model.host_port import join_host_port
from gatepost.model.rfc3339 import utc_text
from gatepost.model.route import (
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
            return self._probe(targets[name][0], str(fields.get("server") or ""))
        return await self._retry(targets[name][1])

    def _targets(self) -> dict[str, tuple[Target, list[Route]]]:
        """Return the targets with their routes, by name, in the order of the routes."""
        targets: dict[str, tuple[Target, list[Route]]] = {}
        for route in self.routes():
            for target in route.chain:
                targets.setdefault(target.name, (target, []))[1].append(route)
        return targets

    def _probe(self, target: Target, server: str) -> Document:
        """Let the doctor check a server of a target: the first, unless it is named. It gets no
        password, and connects as the relay would."""
        if not isinstance(target, SmarthostTarget | MxTarget):
            raise ValueError(  # noqa: TRY004 - of the operator, not of the code
                f"{target.name} is not an SMTP server, so it cannot be checked"
            )
        servers = servers_of(target)
        if not (server or servers):
            raise ValueError(
                f"{target.name} has the mail exchangers of each domain: say which server"
            )
        if servers and server and server not in servers:
            raise ValueError(f"{target.name} has no server {server[:80]}: {', '.join(servers)}")
        ca_file = target.ca_file if isinstance(target, SmarthostTarget) else None
        job = self.jobs.start(server or servers[0], _MODES[target.tls], ca_file=ca_file or "")
        self._probes[target.name] = str(job["id"])
        return job

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
            "certificates": [
                _certificate_document(each, now) for each in self.certificates.of(target.name)
            ],
            "can_be_probed": isinstance(target, SmarthostTarget),
            "last_probe": await self._last_probe(target.name),
        }

    async def _last_probe(self, name: str) -> Document | None:
        """Return what the last check found; None: there was none, or it was forgotten."""
        job = None
        if name in self._probes:
            with suppress(KeyError):
                job = await self.jobs.operate("job", {"id": self._probes[name]})
        if job is None:
            return None
        report = job["report"]
        named = ("id", "confidence", "summary")
        return {
            **{key: job[key] for key in ("id", "host", "state", "started_at", "ended_at", "error")},
            "verdict": report and report["verdict"],
            "findings": [
                {key: each[key] for key in named} for each in (report["findings"] if report else ())
            ],
        }


def servers_of(target: Target) -> Sequence[str]:
    """Return HOST:PORT of the servers that a target names itself."""
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
    left = None if read is None else (read.not_after - now).total_seconds()
    return {
        "server": str(seen.server),
        "subject": None if read is None else read.subject,
        "issuer": None if read is None else read.issuer,
        "expires_at": None if read is None else utc_text(read.not_after, "seconds"),
        "days": None if left is None else int(left // _A_DAY),
        "verified": seen.verified,
        "seen_at": utc_text(seen.seen_at),
    }
