"""Watches one upstream: checks it, compares, stores the snapshot, and reports changes."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path

from gatepost.config.watch_file import WatchConfig, WatchedServer
from gatepost.diagnosis.announced_endings import Ending, endings_ahead
from gatepost.doctor import Settings, diagnose
from gatepost.doctor.parallel import start
from gatepost.doctor.probe_settings import IdentityOptions
from gatepost.errors import GatepostError
from gatepost.model.finding import Diagnosis
from gatepost.model.operator_event import ReportEvent
from gatepost.model.secret import Secret
from gatepost.watch.differences import complete_snapshot, days_left, days_old, differences
from gatepost.watch.metrics import UpstreamStatus
from gatepost.watch.refused_password import PAUSE, RefusedPassword
from gatepost.watch.snapshot import ServerSnapshot, keeping_login, snapshot_of
from gatepost.watch.snapshot_files import Snapshots

Look = Callable[[WatchedServer, Secret | None], Diagnosis]
"""Checks an upstream; blocks."""


def look(upstream: WatchedServer, password: Secret | None) -> Diagnosis:
    """Run the doctor. Raises GatepostError."""
    settings = Settings(
        upstream.library,
        upstream.tls,
        upstream.ca_file or None,
        identity=IdentityOptions(closed=True),
    )
    name = upstream.username if password is not None else None
    return diagnose(str(upstream.server), name, password, settings=settings)


class Watcher:
    """Remembers earlier results of an upstream."""

    def __init__(
        self,
        upstream: WatchedServer,
        config: WatchConfig,
        report: ReportEvent,
        looking: Look = look,
    ) -> None:
        self.upstream = upstream
        self.status = UpstreamStatus(upstream.name, str(upstream.server))
        self._report = report
        self._look = looking
        self._warning = config.certificate_warning
        self._snapshots = Snapshots(config.directory / upstream.name, config.keep, config.keep_for)
        self._refused = RefusedPassword(config.directory / upstream.name)
        self._warned = False
        self._reported_endings: set[Ending] = set()
        self._previous: ServerSnapshot | None = None

    def remember(self) -> None:
        """Read the results from before this start."""
        self._previous = self._snapshots.last(self._report_damaged)
        self._refused.remember()

    def _report_damaged(self, path: Path, reason: str) -> None:
        self._report(
            "snapshot_unreadable", upstream=self.upstream.name, file=str(path), reason=reason
        )

    async def probe(self) -> ServerSnapshot | None:
        """Check once, and report what has changed; None if the check was impossible."""
        began = time.monotonic()
        try:
            password = self._password()
            work = start(partial(self._look, self.upstream, password))
            diagnosis = await asyncio.wrap_future(work)
        except GatepostError as error:  # a secret or a CA file that is gone
            self._report_failure(str(error))
            return None
        except Exception as error:  # noqa: BLE001 - what one upstream sends must not blind us to all
            self._report_failure(f"{type(error).__name__} of ours")
            return None
        snapshot = snapshot_of(diagnosis, time.monotonic() - began)
        snapshot = self._judge_login(snapshot, password)
        self._count(snapshot.verdict)
        self._tell(snapshot)
        self._keep(snapshot)
        return snapshot

    def _report_failure(self, reason: str) -> None:
        self._report("probe_failed", upstream=self.upstream.name, reason=reason)
        self._count("failed")

    # The password.

    def _password(self) -> Secret | None:
        named = self.upstream.password
        if named is None:
            return None
        password = named.read()
        return None if self._refused.matches(password) else password

    def _judge_login(self, snapshot: ServerSnapshot, password: Secret | None) -> ServerSnapshot:
        if password is None:
            if self.upstream.password is not None and self._previous is not None:
                return keeping_login(snapshot, self._previous)
            return snapshot
        if snapshot.login_refused or snapshot.signed_in:
            with contextlib.suppress(OSError):  # the failure to store the snapshot reports it
                self._refused.begin(password) if snapshot.login_refused else self._refused.end()
        if snapshot.login_refused:
            hours = PAUSE.total_seconds() / 3600
            self._report("login_rests", upstream=self.upstream.name, hours=hours)
        return snapshot

    # Reports and snapshots.

    def _tell(self, now: ServerSnapshot) -> None:
        name, facts = self.upstream.name, {}
        if now.certificate is not None:
            facts = {
                "certificate_days_old": days_old(now.certificate, now.taken_at),
                "certificate_days_left": days_left(now.certificate, now.taken_at),
            }
        self._report(
            "probed", upstream=name, server=now.target, verdict=now.verdict,
            findings=[each.id for each in now.findings], seconds=now.seconds, **facts,
        )  # fmt: skip
        if self._previous is not None:
            for each in differences(self._previous, now):
                self.status.changes += 1
                self._report(
                    "changed", upstream=name, what=each.what, subject=each.subject,
                    sentence=each.sentence,
                )  # fmt: skip
        self._warn(now)
        self._warn_of_endings(now)

    def _warn_of_endings(self, now: ServerSnapshot) -> None:
        """Warn, once after each start, of what the provider will end."""
        host, by_password = self.upstream.server.host, self.upstream.password is not None
        for each in endings_ahead(host, by_password, now.taken_at.date()):
            if each not in self._reported_endings:
                self._reported_endings.add(each)
                self._report(
                    "upstream_ends", upstream=self.upstream.name, ends_on=str(each.on),
                    days_left=(each.on - now.taken_at.date()).days, what=each.what,
                    source=each.source,
                )  # fmt: skip

    def _warn(self, now: ServerSnapshot) -> None:
        """Warn once for each certificate, and once after each start."""
        certificate = now.certificate
        if certificate is None:
            return
        ends_soon = certificate.not_after - now.taken_at <= self._warning
        if ends_soon and not self._warned:
            self._report(
                "upstream_certificate_expires", upstream=self.upstream.name,
                expires_at=f"{certificate.not_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                days_left=days_left(certificate, now.taken_at),
            )  # fmt: skip
        self._warned = ends_soon

    def _keep(self, snapshot: ServerSnapshot) -> None:
        self._previous = complete_snapshot(filter(None, (snapshot, self._previous)))
        self.status.last = snapshot
        try:
            self._snapshots.add(snapshot)
        except OSError as error:
            reason = error.strerror or str(error)
            self._report("snapshot_not_kept", upstream=self.upstream.name, reason=reason)

    def _count(self, verdict: str) -> None:
        probes = self.status.probes
        probes[verdict] = probes.get(verdict, 0) + 1
