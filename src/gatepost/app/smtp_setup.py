"""Builds a process's relay from its settings; the same in the store and front processes."""

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatepost.certificates.files import load_certificate
from gatepost.directory.contract import Directory
from gatepost.model.profile import Profile
from gatepost.policy.quotas import Quotas
from gatepost.profiles import load_profile
from gatepost.queue.contract import Store
from gatepost.relay.context import Relay, Report
from gatepost.relay.descriptors import DescriptorAlarm
from gatepost.relay.listener_state import ListenerState, plain_listener_state
from gatepost.relay.spool import BYTE_BUDGET, Budget
from gatepost.wire.server.session import SessionSettings


@dataclass(frozen=True, slots=True)
class SmtpSetup:
    """The settings with which a process serves SMTP; sent to front processes as JSON."""

    data: str
    profile: Profile
    """In effect and with our host name, so that all processes send the same replies."""
    certificate: str
    """The path of a PEM file with chain and key."""
    processes: int = 1
    """Number of processes that share the byte budget."""


def served_profile(name: str, *, strict: bool, settings: Sequence[str] = ()) -> Profile:
    """Return a profile as it is served; without ``strict``, its strict limits are off.

    ``name`` ending in .toml is a file; ``settings`` are KEY=VALUE. Raises ConfigError.
    """
    path = Path(name) if name.endswith(".toml") else None
    return load_profile(path.stem if path else name, path=path, settings=settings, strict=strict)


def machine_time() -> datetime:
    """Return the machine's time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Backend:
    """Store, directory and quotas: of this process, or remote over the control socket."""

    store: Store
    directory: Directory
    quotas: Quotas | None
    now: Callable[[], datetime] = machine_time


def make_relay(
    serving: SmtpSetup,
    backend: Backend,
    report: Report,
    epoch: int,
    alarm: DescriptorAlarm | None = None,
) -> Relay:
    """Return the relay of this process; ``epoch`` makes its message ids unique."""
    server = serving.profile.server
    return Relay(
        directory=backend.directory,
        store=backend.store,
        quotas=backend.quotas,
        budget=Budget(Path(serving.data), BYTE_BUDGET // serving.processes),
        report=report,
        next_id=make_guids() if server.message_ids == "guid" else make_ids(epoch),
        now=backend.now,
        login_delay=serving.profile.strict.login_delay,
        alarm=alarm,
    )


def make_listener_states(serving: SmtpSetup, directory: Directory) -> dict[str, ListenerState]:
    """Return the listener states of ``gatepost up``, by the names of the ports."""
    profile = serving.profile
    setting = SessionSettings(profile, profile.host, directory.mechanisms)
    certificate = load_certificate(serving.certificate, newest=profile.server.tls_maximum)
    return {
        port: plain_listener_state(setting, certificate, implicit=tls == "implicit")
        for port, tls in tls_of_ports(profile).items()
    }


def tls_of_ports(profile: Profile) -> dict[str, str]:
    """Return how each port begins: ``starttls``, or ``implicit`` with TLS first."""
    kind = profile.server.tls
    if kind == "both":
        return {"smtp": "starttls", "smtps": "implicit"}
    return {"smtp": kind, "smtps": kind}


def make_ids(epoch: int) -> Callable[[], str]:
    """Return a source of ids ``EPOCH-N``: no clock that steps back can repeat one."""
    numbers = itertools.count(1)
    return lambda: f"{epoch}-{next(numbers)}"


def make_guids() -> Callable[[], str]:
    """Return a source of ids that are GUIDs (RFC 9562 5.7, UUIDv7).

    They begin with the time, so that a store's index grows at its end; the rest is random at the
    start of a process, and then counted.
    """
    version, variant, bits = 0x7 << 12, 0b10 << 62, (1 << 62) - 1
    chance = f"{version | secrets.randbits(12):04x}"
    numbers = itertools.count(secrets.randbits(62))

    def make() -> str:
        moment = f"{time.time_ns() // 1_000_000:012x}"
        counted = f"{variant | next(numbers) & bits:016x}"
        return f"{moment[:8]}-{moment[8:]}-{chance}-{counted[:4]}-{counted[4:]}"

    return make
