"""The program of a front process: SMTP here, the rest over the control socket."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from gatepost.app.faulty_certificates import FaultyCertificates
from gatepost.app.make_listeners import ListenerFactory, certificates_of, install_certificates
from gatepost.app.message_ids import ids_of, make_ids
from gatepost.certificates.reloaded_files import CertificateFiles, PassedCertificate
from gatepost.config.preset import emulating
from gatepost.config.settings import Configuration, Emulation
from gatepost.net.listen import Listener, adopt, inheritable
from gatepost.processes.front_process import FrontProcess, run_front
from gatepost.processes.remote_client_counts import RemoteClientCounter
from gatepost.processes.remote_directory import RemoteQuotas
from gatepost.processes.remote_failure_rules import RemoteFailureRules
from gatepost.processes.remote_sessions import SessionSender, tell_open_sessions
from gatepost.processes.workers import Instruction
from gatepost.relay.connection_supervisor import Supervisor
from gatepost.relay.session_recorder import SessionRecorder
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Budget
from gatepost.routing.route import Router


@dataclass(frozen=True, slots=True)
class FrontSetup:
    """The instructions for a front process: the configuration's text, and sockets by descriptor."""

    text: str
    file: str
    data: str
    processes: int
    """Number of processes that share the byte budget."""
    listeners: dict[str, tuple[int, ...]]
    """Descriptors by the names of listeners."""
    mechanisms: tuple[str, ...]
    """Those of the directory that is in use once we accept; before, it may be another one."""
    certificates: tuple[PassedCertificate, ...] = ()
    """The certificates in use: their files may be half replaced."""
    has_failures: bool = False
    """Whether rules of scripted failures are allowed."""
    emulation: Emulation | None = None
    """That of the configuration, which then has no text."""
    records_sessions: bool = False

    def read(self) -> Configuration:
        """Return the configuration."""
        if self.emulation is not None:
            return emulating(self.emulation, Path(self.data))
        from gatepost.config.load import parse_config  # noqa: PLC0415 - `up` does without

        return parse_config(self.text, self.file)


def instruct(
    config: Configuration,
    listeners: Mapping[str, Listener],
    mechanisms: Iterable[str],
    certificates: CertificateFiles,
) -> Instruction:
    """Return the instruction that starts front processes for a configuration's listeners, with the
    certificates in use at that time."""
    descriptors = {name: inheritable(each) for name, each in listeners.items()}
    data = str(config.storage.directory.resolve())
    front = FrontSetup(
        config.text, config.file, data, config.workers + 1, descriptors, tuple(sorted(mechanisms)),
        has_failures=config.failures is not None, emulation=config.emulation,
        records_sessions=config.records_sessions,
    )  # fmt: skip
    every = tuple([each for some in descriptors.values() for each in some])

    def text() -> bytes:
        passed = replace(front, certificates=certificates.export())
        return msgspec.json.encode(passed, enc_hook=dict)

    return Instruction("gatepost.app.front_main", text, every)


async def serve(front: FrontSetup) -> None:
    """Serve until told to stop, or until the store process ends."""
    config, emulation = front.read(), front.emulation
    process = await FrontProcess.connect(Path(front.data))
    profile = emulation.profile if emulation else None
    relay = Relay(
        directory=process.directory,
        store=process.store,
        budget=Budget(Path(front.data), config.limits.memory // front.processes),
        report=process.report,
        next_id=ids_of(config, make_ids(await process.store.new_epoch())),
        now=process.clock.now,
        quotas=RemoteQuotas(process.calls) if profile and profile.has_limits else None,
        clients=None if emulation else RemoteClientCounter(process.calls),
        router=None if config.captures else Router(config.routes),
        login_delay=profile.strict.login_delay if profile else 0.0,
    )
    if front.records_sessions:
        send = SessionSender(process.calls).send
        relay.recorder = SessionRecorder(
            relay.now, time.monotonic, lambda recording: send(recording.conclude())
        )
        await tell_open_sessions(process.calls, relay.recorder)
    factory = ListenerFactory(config, frozenset(front.mechanisms))
    states = {each.name: factory.state(each) for each in config.listeners}
    certificates = certificates_of(config, _ignore)
    certificates.begin_with(front.certificates)
    install_certificates(certificates, states, config.listeners)
    if front.has_failures:
        faulty = FaultyCertificates(Path(front.data), lambda: config.listeners)
        relay.failures = await RemoteFailureRules.connect(process.calls, faulty.make)
    supervisor = Supervisor(relay)
    listeners = [(adopt(each), states[name]) for name, each in front.listeners.items()]
    if emulation is None:
        certificates.watch()
    await process.serve(supervisor, listeners)
    certificates.close()


def _ignore(event: str, **facts: Any) -> None:
    """Ignore an event: the store process watches the same files, and reports it."""


def main() -> None:
    """Read the instructions from standard input, and follow them."""
    run_front(FrontSetup, serve)


if __name__ == "__main__":
    main()
