"""A relay that imitates Azure Communication Services, with a directory full of faults."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatepost.relay.authenticate import shown_name
from gatepost.testing import Emulator
from tests.conformance.acs_cases import build
from tests.conformance.acs_world import TENANT, Login, World, seed
from tests.shell.peer import Peer


@dataclass
class Acs:
    """The relay, and the logins to try."""

    relay: Emulator
    logins: dict[str, Login] = field(default_factory=dict)

    def greeted(self) -> Peer:
        """Return a client that has read the greeting and sent EHLO."""
        return Peer.connect(self.relay.smtp.port, self.relay.ca_file).greet()

    def secured(self) -> Peer:
        """Return a client that has sent STARTTLS and EHLO again."""
        return self.greeted().secure()

    def signed_in(self, login: Login | None = None) -> Peer:
        """Return a client that has signed in."""
        peer, login = self.secured(), login or Login(self.relay.username, self.relay.password)
        said = peer.login(login.username, login.password)
        if said != SIGNED_IN:
            peer.sock.close()
        assert said == SIGNED_IN
        return peer

    def refusal(self, login: Login, *, after: int) -> dict[str, Any]:
        """Return the first report of this login's refusal after the first ``after`` refusals.

        One of an earlier login may still be on its way: the name distinguishes them.
        """
        deadline = time.monotonic() + 30
        while True:
            for told in self.relay.events("auth_refused")[after:]:
                if told["username"] == shown_name(login.username):
                    return told
            assert time.monotonic() < deadline, "no refusal was reported"
            time.sleep(0.005)


SIGNED_IN = "235 2.7.0 Authentication successful"


@pytest.fixture(scope="session")
def acs() -> Iterator[Acs]:
    with tempfile.TemporaryDirectory(prefix="gatepost-acs-") as directory:
        data, logins = Path(directory) / "data", {}

        def make(world: World) -> None:
            logins.update(build(world))

        seed(data, make)
        settings = {"strict.propagation_delay": 7200}
        with Emulator(data=data, settings=settings) as relay:
            yield Acs(relay, logins)


@pytest.fixture(scope="session")
def strict_acs() -> Iterator[Acs]:
    """Yield the same with the provider's limits; each login has its own subscription."""
    with tempfile.TemporaryDirectory(prefix="gatepost-acs-") as directory:
        data, logins = Path(directory) / "data", {}

        def make(world: World) -> None:
            for number, name in enumerate(
                ("connections", "size", "managed", "custom", "catalogue")
            ):
                group = f"bbbbbbbb-0000-0000-0000-00000000000{number}"
                service = world.add_service(f"acs-{name}", subscription=group)
                application = world.add_application()
                world.assign(world.principal_of(application), world.role.id, service.id)
                logins[name] = Login(f"{service.name}.{application.id}.{TENANT}")
            logins["new"] = world.login({"propagating"})

        seed(data, make)
        settings = {"strict.connections": 2, "strict.login_delay": 0, "limits.idle": 3}
        with Emulator(strict=True, data=data, settings=settings) as relay:
            yield Acs(relay, logins)
