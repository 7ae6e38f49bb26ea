"""The program of a front process of ``gatepost serve``: SMTP here, the rest behind the socket."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from gatepost.app.certificate_files import CertificateFiles, GivenCertificate
from gatepost.app.front_process import FrontProcess, run_front
from gatepost.app.listeners import ListenerFactory, install_certificates
from gatepost.app.remote_client_counts import RemoteClientCounter
from gatepost.app.smtp_setup import make_ids
from gatepost.app.workers import Instruction
from gatepost.config.load import parse_config
from gatepost.config.settings import Config
from gatepost.net.listen import Listener, adopt, inheritable
from gatepost.relay.context import Relay
from gatepost.relay.spool import Budget
from gatepost.relay.supervise import Supervisor
from gatepost.routing.route import Router


@dataclass(frozen=True, slots=True)
class ServeFront:
    """What a front process is told: the configuration's text, and sockets by descriptor."""

    text: str
    file: str
    data: str
    processes: int
    """Among which the byte budget is divided."""
    listeners: dict[str, tuple[int, ...]]
    """By name."""
    mechanisms: tuple[str, ...]
    """Of the directory that answers when we accept: another one may answer yet."""
    certificates: tuple[GivenCertificate, ...] = ()
    """Those served now: their files may be half renewed."""


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration as it was read: front processes parse its text anew."""

    config: Config
    text: str
    file: str


def instruct(
    written: Written,
    listeners: Mapping[str, Listener],
    mechanisms: Iterable[str],
    number: int,
    certificates: CertificateFiles,
) -> Instruction:
    """Return what makes ``number`` front processes serve a configuration's listeners, each from its
    start with the certificates that are served then."""
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
    """Serve until we are told to stop, or until the store process is gone."""
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
    certificates = CertificateFiles(_unheard)
    certificates.begin_with(front.certificates)
    install_certificates(certificates, states, config.listeners)
    supervisor = Supervisor(relay)
    listeners = [(adopt(each), states[name]) for name, each in front.listeners.items()]
    certificates.watch()
    await process.serve(supervisor, listeners)
    certificates.close()


def _unheard(event: str, **facts: Any) -> None:
    """The store process looks at the same files, and tells."""


def main() -> None:
    """Read what to do from standard input, and do it."""
    run_front(ServeFront, serve)


if __name__ == "__main__":
    main()
