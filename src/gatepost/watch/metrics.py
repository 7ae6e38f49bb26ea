"""The state of the upstreams in Prometheus's text format 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gatepost.watch.snapshot import ServerOffer, ServerSnapshot

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class UpstreamStatus:
    """The current state of one upstream."""

    name: str
    target: str
    last: ServerSnapshot | None = None
    """None until the first check is done."""
    probes: dict[str, int] = field(default_factory=dict)
    """Number of checks by verdict, since the start."""
    changes: int = 0


Sample = tuple[Mapping[str, str], float]

_HELP: Final = {
    "up": ("gauge", "1 when the upstream answered at the last check."),
    "healthy": ("gauge", "1 when everything that was tried works."),
    "finding": ("gauge", "1 for each finding of the last check."),
    "auth_mechanism": ("gauge", "1 for each mechanism that EHLO lists, in clear or over TLS."),
    "size_limit_bytes": ("gauge", "The value of SIZE in EHLO."),
    "login_accepted": ("gauge", "1 when the login was accepted, 0 when it was not."),
    "certificate_not_before_timestamp_seconds": ("gauge", "Start of the certificate's validity."),
    "certificate_not_after_timestamp_seconds": ("gauge", "End of the certificate's validity."),
    "certificate_age_seconds": ("gauge", "Age of the certificate."),
    "certificate_left_seconds": (
        "gauge",
        "Remaining validity of the certificate; negative when it has expired.",
    ),
    "last_probe_timestamp_seconds": ("gauge", "Time of the last check."),
    "probe_duration_seconds": ("gauge", "Duration of the last check."),
    "probes_total": ("counter", "Checks since the start, by verdict."),
    "changes_total": ("counter", "Changes between checks since the start."),
}


def render(statuses: Iterable[UpstreamStatus], now: datetime) -> str:
    """Return all metrics."""
    samples: dict[str, list[Sample]] = {name: [] for name in _HELP}
    for status in statuses:
        for name, labels, value in _of(status, now):
            samples[name].append(({"upstream": status.name, **labels}, value))
    lines: list[str] = []
    for name, (kind, text) in _HELP.items():
        full = f"gatepost_watch_{name}"
        lines += [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
        lines += [f"{full}{_labels(labels)} {value!r}" for labels, value in samples[name]]
    return "\n".join(lines) + "\n"


def _of(status: UpstreamStatus, now: datetime) -> Iterator[tuple[str, dict[str, str], float]]:
    for verdict, count in sorted(status.probes.items()):
        yield "probes_total", {"verdict": verdict}, count
    yield "changes_total", {}, status.changes
    last = status.last
    if last is None:
        return
    yield "up", {"server": status.target}, int(last.is_reachable)
    yield "healthy", {}, int(last.verdict == "healthy")
    for finding in last.findings:
        yield "finding", {"finding": finding.id, "confidence": finding.confidence}, 1
    yield from _offered(last.in_clear, "clear")
    yield from _offered(last.over_tls, "tls")
    if last.signed_in is not None:
        yield "login_accepted", {}, int(last.signed_in)
    if last.certificate is not None:
        begins, ends = last.certificate.not_before, last.certificate.not_after
        yield "certificate_not_before_timestamp_seconds", {}, begins.timestamp()
        yield "certificate_not_after_timestamp_seconds", {}, ends.timestamp()
        yield "certificate_age_seconds", {}, round((now - begins).total_seconds())
        yield "certificate_left_seconds", {}, round((ends - now).total_seconds())
    yield "last_probe_timestamp_seconds", {}, last.taken_at.timestamp()
    yield "probe_duration_seconds", {}, last.seconds


def _offered(
    offer: ServerOffer | None, channel: str
) -> Iterator[tuple[str, dict[str, str], float]]:
    if offer is None:
        return
    for name in dict.fromkeys(offer.mechanisms):
        yield "auth_mechanism", {"mechanism": name, "channel": channel}, 1
    if offer.size is not None:
        yield "size_limit_bytes", {"channel": channel}, offer.size


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}"


def _escaped(value: str) -> str:
    text = value.encode("utf-8", "replace").decode()
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
