"""The server of a profile in a thread, with the account that `gatepost up` would make for it."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatepost.app.make_listeners import ListenerFactory, certificates_of, install_certificates
from gatepost.app.provision_accounts import ProvisionedAccount, draw_account
from gatepost.certificates.local_ca import ensure_certificates, make_flawed
from gatepost.config.preset import emulating
from gatepost.config.settings import Emulation
from gatepost.directory.accounts import AccountDirectory, Protection, StoredAccount, TokenAccounts
from gatepost.directory.contract import Directory
from gatepost.directory.scram_verifiers import GENERATED_ITERATIONS, make_scram
from gatepost.model.profile import Profile
from gatepost.model.secret import Secret
from gatepost.net.listen import listen
from gatepost.relay.connection_supervisor import Supervisor
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Budget
from gatepost.sasl.verifiers import cram_md5_state
from gatepost.testing.memory import MemoryStore
from tests.contract.directories import QuickHasher, azure
from tests.unit.directory.azure.world import KEY
from tests.unit.directory.memory import MemoryRecords

PATIENCE = 60.0


@dataclass(frozen=True)
class ProfileServer:
    """A served profile, and the credentials of its user."""

    profile: Profile
    port: int
    tls_port: int
    ca_file: str
    given: ProvisionedAccount
    store: MemoryStore
    loop: asyncio.AbstractEventLoop

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self) -> int:
        """Return the number of captured messages."""
        counting = asyncio.run_coroutine_threadsafe(self.store.count(), self.loop)
        return counting.result(PATIENCE)


def _unheard(event: str, **facts: object) -> None:
    """Ignore the relay's reports."""
    del event, facts


class Host:
    """A thread with an event loop, and certificates, to serve one profile after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificates = ensure_certificates(directory, datetime.now(UTC))
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="profiles", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()

    @contextmanager
    def serve(self, profile: Profile) -> Iterator[ProfileServer]:
        """Serve a profile during the ``with``."""
        start = asyncio.run_coroutine_threadsafe(self._start(profile), self.loop)
        provided, supervisor = start.result(PATIENCE)
        try:
            yield provided
        finally:
            drain = supervisor.drain(0.1)
            asyncio.run_coroutine_threadsafe(drain, self.loop).result(PATIENCE)

    async def _start(self, profile: Profile) -> tuple[ProfileServer, Supervisor]:
        directory, given = await _who_may_sign_in(profile)
        store, numbers = MemoryStore(), itertools.count(1)
        relay = Relay(
            directory=directory,
            store=store,
            quotas=None,
            budget=Budget(self.directory),
            report=_unheard,
            next_id=lambda: f"1-{next(numbers)}",
            now=lambda: datetime.now(UTC),
        )
        supervisor = Supervisor(relay)
        flaw = profile.server.certificate
        certificate = self.certificates.server_file
        if flaw != "valid":
            certificate = make_flawed(self.directory, flaw, datetime.now(UTC))
        places = dict.fromkeys(("smtp", "smtps"), ("127.0.0.1", 0))
        emulation = Emulation(profile, places, certificate=str(certificate))
        config = emulating(emulation, self.directory)
        factory = ListenerFactory(config, directory.mechanisms)
        states = {each.name: factory.state(each) for each in config.listeners}
        install_certificates(certificates_of(config, _unheard), states, config.listeners)
        listeners: dict[str, Any] = {}
        for port, state in states.items():
            listeners[port] = listen("127.0.0.1", 0)
            await supervisor.serve(listeners[port], state)
        return ProfileServer(
            profile, listeners["smtp"].port, listeners["smtps"].port,
            str(self.certificates.ca_file), given, store, self.loop,
        ), supervisor  # fmt: skip


async def _who_may_sign_in(profile: Profile) -> tuple[Directory, ProvisionedAccount]:
    if profile.directory.kind == "azure":
        case = await azure()
        token = case.token or Secret("")
        return case.directory, ProvisionedAccount(case.username, case.password, case.allowed, token)
    given = draw_account(profile)
    hasher = QuickHasher()
    password = given.password or Secret("nobody's")
    account = StoredAccount(
        given.username,
        hasher.hash(password.reveal().encode()),
        ("@" + given.sender.rpartition("@")[2],),
        make_scram(password, GENERATED_ITERATIONS),
        cram_md5_state(password)[::-1],
    )
    protection = Protection(KEY, hasher, unseal=lambda sealed: sealed[::-1])
    directory = AccountDirectory(MemoryRecords(), protection, lambda: 0.0)
    await directory.load()
    await directory.save([account])
    tokens = {given.username: given.token} if given.token else {}
    return TokenAccounts(directory, tokens), given
