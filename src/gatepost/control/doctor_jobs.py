"""The doctor over Gatepost's own API: logs at once or as jobs, servers as jobs; never with a
password."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec

from gatepost.errors import ConfigError, GatepostError
from gatepost.model.evidence import TlsMode
from gatepost.model.operation_errors import TooManyRequests
from gatepost.model.rfc3339 import utc_text

if TYPE_CHECKING:
    from gatepost.model.finding import Diagnosis

Document = dict[str, Any]
MAX_LOG: Final = 1_000_000
"""Characters of a log."""
MAX_HOST: Final = 260
MAX_AT_ONCE: Final = 2
"""Checks of servers, and logs that are read, at the same time."""
SAME_HOST: Final = 10.0
"""Seconds between two checks of a host."""
MAX_JOBS: Final = 100
"""Jobs that are kept; the oldest are forgotten."""
MAX_KEPT: Final = 16_000_000
"""Octets of the reports of all jobs; of the last one, at any size."""
MAX_REMEMBERED: Final = 1_000
"""Hosts of which the last check is remembered."""
_MODES: Final = ("", *get_args(TlsMode))
HTTPS: Final = "https"
"""The TLS mode of a server that is checked no further than its certificate."""


@dataclass(slots=True)
class _Job:
    id: str
    host: str
    started_at: datetime
    ended_at: datetime | None = None
    report: bytes = b""
    """As JSON, so that its size is known; without secrets. Empty: there is none."""
    error: str = ""


@dataclass(slots=True)
class DoctorJobs:
    """Runs the doctor's checks, a few at a time."""

    now: Callable[[], datetime]
    seconds: Callable[[], float]
    on_end: Callable[[Document], None] = lambda _: None
    """Called with each job that has ended."""
    probe: Callable[[str, str, str, str], "Diagnosis"] | None = None
    """Checks a server, with a TLS mode, as a library, and with a CA file; None: the doctor does."""
    _jobs: OrderedDict[str, _Job] = field(default_factory=OrderedDict)
    running: set[asyncio.Task[None]] = field(default_factory=set)
    """The checks of servers that are in progress."""
    _reading: int = 0
    _checked: OrderedDict[str, float] = field(default_factory=OrderedDict)

    async def operate(self, operation: str, fields: Mapping[str, Any]) -> Document:
        """``log`` of ``text``, ``probe`` of ``host``, the ``job`` with ``id`` or its ``evidence``,
        or ``explain`` the finding with ``id``.

        Raises ValueError, KeyError and TooManyRequests.
        """
        if operation == "log":
            return await self._read_log(fields)
        if operation == "evidence":
            return await asyncio.to_thread(_evidence, self._find(str(fields["id"])))
        if operation == "explain":
            return await asyncio.to_thread(
                _explain, str(fields["id"])[:MAX_HOST], str(fields.get("as") or "")[:MAX_HOST]
            )
        if operation == "probe":
            host, tls = str(fields["host"]).strip(), str(fields.get("tls") or "")
            if tls not in _MODES:
                raise ValueError(f"tls is one of {', '.join(_MODES[1:])}")
            return self.start(host, tls, str(fields.get("as") or ""))
        if operation == "job":
            return _document(self._find(str(fields["id"])))
        raise ValueError(f"unknown operation {operation[:40]!r}")

    async def _read_log(self, fields: Mapping[str, Any]) -> Document:
        """Return the report or, with ``keep``, a job that has it."""
        text = str(fields["text"])
        if len(text) > MAX_LOG:
            raise ValueError(f"the log has more than {MAX_LOG} characters")
        if self._reading >= MAX_AT_ONCE:
            raise TooManyRequests(f"{MAX_AT_ONCE} logs are being read already")
        self._reading += 1
        try:
            client, server = str(fields.get("client", "")), str(fields.get("server", ""))
            report = await asyncio.to_thread(_diagnose_log, text, server, client)
        finally:
            self._reading -= 1
        if not fields.get("keep"):
            return report
        job = self._add("")
        self._end(job, report)
        return _document(job)

    def _add(self, host: str) -> _Job:
        job = _Job(secrets.token_hex(8), host, self.now())
        self._jobs[job.id] = job
        if len(self._jobs) > MAX_JOBS:
            self._jobs.popitem(last=False)
        return job

    def _end(self, job: _Job, report: Document | None) -> None:
        job.report = msgspec.json.encode(report) if report is not None else b""
        job.ended_at = self.now()
        jobs = self._jobs
        while len(jobs) > 1 and sum(len(each.report) for each in jobs.values()) > MAX_KEPT:
            jobs.popitem(last=False)

    def _find(self, id_: str) -> _Job:
        job = self._jobs.get(id_)
        if job is None:
            raise KeyError(f"job {id_[:40]} (the last {MAX_JOBS} are kept)")
        return job

    def start(self, host: str, tls: str = "", library: str = "", *, ca_file: str = "") -> Document:
        """Begin to check a server; return the job. ``tls`` is a TlsMode, or HTTPS; ``ca_file`` has
        authorities to trust.

        Raises ValueError and TooManyRequests.
        """
        if not host or len(host) > MAX_HOST or not host.isprintable():
            raise ValueError("host is HOST or HOST:PORT")
        _check(host, library)
        self._admit(host.lower())
        job = self._add(host)
        task = asyncio.create_task(self._run(job, tls, library, ca_file))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return _document(job)

    def _admit(self, host: str) -> None:
        """Raises TooManyRequests."""
        if len(self.running) >= MAX_AT_ONCE:
            raise TooManyRequests(f"{MAX_AT_ONCE} servers are being checked already")
        name, now = host.rpartition(":")[0] or host, self.seconds()
        last = self._checked.get(name)
        if last is not None and now - last < SAME_HOST:
            raise TooManyRequests(f"{name} was checked less than {SAME_HOST:.0f} seconds ago")
        self._checked[name] = now
        self._checked.move_to_end(name)
        if len(self._checked) > MAX_REMEMBERED:
            self._checked.popitem(last=False)

    async def _run(self, job: _Job, tls: str, library: str, ca_file: str) -> None:
        from gatepost.doctor.diagnosis_document import report_document  # noqa: PLC0415 - large

        report = None
        try:
            probe = self.probe or _probe
            diagnosis = await asyncio.to_thread(probe, job.host, tls, library, ca_file)
            report = report_document(diagnosis)
        except GatepostError as error:
            job.error = str(error)
        except Exception as error:  # noqa: BLE001 - the job must end, whatever it is
            job.error = f"an unexpected error in Gatepost: {type(error).__name__}"
        self._end(job, report)
        self.on_end(_document(job))

    async def close(self) -> None:
        """Forget what is in progress; its threads end by their own time-outs."""
        for each in self.running:
            each.cancel()


def _document(job: _Job) -> Document:
    state = "running" if job.ended_at is None else "failed" if job.error else "done"
    return {
        "id": job.id,
        "host": job.host or None,
        "state": state,
        "started_at": utc_text(job.started_at),
        "ended_at": None if job.ended_at is None else utc_text(job.ended_at),
        "report": msgspec.json.decode(job.report) if job.report else None,
        "error": job.error or None,
    }


def _evidence(job: _Job) -> Document:
    """Return the evidence as ``gatepost doctor --save`` writes it. Raises KeyError."""
    from gatepost.doctor.evidence_document import from_json, to_document  # noqa: PLC0415

    if not job.report:
        raise KeyError(f"evidence of the job {job.id}: it has no report")
    return to_document(from_json(job.report))


def _explain(id_: str, library: str) -> Document:
    """Return the page of a finding. Raises KeyError, and ValueError for an unknown library."""
    from gatepost.doctor.explain import explain, fix_in  # noqa: PLC0415 - reads all pages

    try:
        page = explain(id_)
    except ConfigError:
        raise KeyError(f"finding {id_[:40]}") from None
    try:
        fix = fix_in(id_, library) if library else ""
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return {"id": page.partition("\n")[0].removeprefix("# "), "page": page + fix}


def _check(host: str, library: str) -> None:
    """Raise ValueError for a host or a library that cannot be checked."""
    from gatepost.diagnosis.remedies.find_remedies import find_library  # noqa: PLC0415
    from gatepost.net.dial import parse_server  # noqa: PLC0415

    try:
        parse_server(host)
        if library:
            find_library(library)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _diagnose_log(text: str, server: str, client: str) -> Document:
    from gatepost.doctor.conclude import diagnose_log  # noqa: PLC0415 - large
    from gatepost.doctor.diagnosis_document import report_document  # noqa: PLC0415

    return report_document(diagnose_log(text, server, client))


def _probe(host: str, tls: str, library: str, ca_file: str) -> "Diagnosis":
    from gatepost.doctor import Settings, diagnose  # noqa: PLC0415 - large
    from gatepost.doctor.probe_settings import Checks  # noqa: PLC0415

    is_http = tls == HTTPS
    mode: Any = "implicit" if is_http else tls or "auto"
    settings = Settings(library, mode, ca_file or None)
    diagnosis = diagnose(host, settings=settings, checks=Checks(ends_with_tls=is_http))
    seen = diagnosis.evidence.tls.value
    if is_http and not diagnosis.findings and seen is not None and seen.version:
        return replace(diagnosis, verdict="healthy", next_probe="")  # there was nothing else to see
    return diagnosis
