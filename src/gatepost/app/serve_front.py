"""The program of a front process of ``gatepost serve``: SMTP here, the rest over the socket."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from gatepost.app.listeners import ListenerFactory, install_certificates
from gatepost.app.smtp_setup import make_ids
from gatepost.certificates.files import CertificateFiles, GivenCertificate
from gatepost.config.load import parse_config
from gatepost.config.settings import Configuration
from gatepost.net.listen import Listener, adopt, inheritable
from gatepost.processes.front_process import FrontProcess, run_front
from gatepost.processes.remote_client_counts import RemoteClientCounter
from gatepost.processes.workers import Instruction
from gatepost.relay.context import Relay
from gatepost.relay.spool import Budget
from gatepost.relay.supervise import Supervisor
from gatepost.routing.route import Router


@dataclass(frozen=True, slots=True)
class ServeFront:
    """The instructions for a front process: the configuration's text, and sockets by descriptor."""

    text: str
    file: str
    data: str
    processes: int
    """Number of processes that share the byte budget."""
    listeners: dict[str, tuple[int, ...]]
    """Descriptors by the names of listeners."""
    mechanisms: tuple[str, ...]
    """The mechanisms of the directory at the time when we accept; another one may still be in
    use."""
    certificates: tuple[GivenCertificate, ...] = ()
    """The certificates in use: their files may be half replaced."""


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration as a text, which front processes parse again."""

    config: Configuration
    text: str
    file: str


def instruct(
    written: Written,
    listeners: Mapping[str, Listener],
    mechanisms: Iterable[str],
    number: int,
    certificates: CertificateFiles,
) -> Instruction:
    """Return the instruction that starts ``number`` front processes for a configuration's
    listeners, with the certificates in use at that time."""
    descriptors = {name: inheritable(each) for name, each in listeners.items()}
    data = str(written.config.storage.directory.resolve())
    front = ServeFront(
        written.text, written.file, data, number + 1, descriptors, tuple(sorted(mechanisms))
    )
    every = tuple([each for some in descriptors.values() for each in some])

    def text() -> bytes:
        return msgspec.json.encode(replace(front, certificates=certificates.given()))

    return Instruction("gatepost.app.serve_front", text, every)


async def serve(front: ServeFront) -> None:
    """Serve until told to stop, or until the store process ends."""
    config = parse_config(front.text, front.file)
    process = await FrontProcess.connect(Path(front.data))
    relay = Relay(
        directory=process.directory,
        store=process.store,
        budget=Budget(Path(front.data), config.limits.memory // front.processes),
        report=process.report,
        next_id=make_ids(await process.store.new_epoch()),
        now=lambda: datetime.now(UTC),
        clients=RemoteClientCounter(process.calls),
        router=Router(config.routes),
    )
    factory = ListenerFactory(config, frozenset(front.mechanisms))
    states = {each.name: factory.state(each) for each in config.listeners}
    certificates = CertificateFiles(_ignore)
    certificates.begin_with(front.certificates)
    install_certificates(certificates, states, config.listeners)
    supervisor = Supervisor(relay)
    listeners = [(adopt(each), states[name]) for name, each in front.listeners.items()]
    certificates.watch()
    await process.serve(supervisor, listeners)
    certificates.close()


def _ignore(event: str, **facts: Any) -> None:
    """Ignore an event: the store process watches the same files, and reports it."""


def main() -> None:
    """Read the instructions from standard input, and follow them."""
    run_front(ServeFront, serve)


if __name__ == "__main__":
    main()
