"""Front processes cache the directory's answers, and drop them before a change takes effect."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gatepost.app.make_directories import ServedDirectory
from gatepost.control.socket_server import ControlServer
from gatepost.directory.accounts import REMEMBERED
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.username import CompositeName
from gatepost.directory.contract import Directory
from gatepost.directory.entra import EntraDirectory, EntraRules, Proof
from gatepost.errors import Disconnected
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.model.value_or_future import Later
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.remote_directory import RemoteDirectory
from gatepost.processes.rpc import Calls
from gatepost.testing.memory import MemoryStore
from tests.contract.directories import CASES, Case
from tests.unit.directory.azure.world import NOW


def machine_time() -> float:
    """Return the time, as a test has set it."""
    return time.time()


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use NOW as the time of the front processes, like the directories of the tests."""
    monkeypatch.setattr(time, "time", NOW.timestamp)


@dataclass(frozen=True)
class Front:
    """A front process's view of the directory."""

    calls: Calls
    directory: RemoteDirectory
    case: Case

    def identify(self, password: Secret | None = None) -> Any:
        credentials = Credentials(self.case.username, password or self.case.password)
        return self.directory.identify(credentials, "LOGIN")

    def standing(self, principal: Principal, sender: str = "") -> Any:
        return self.directory.standing(principal, parse_address(sender or self.case.allowed))

    async def learn(self) -> Principal:
        """Ask what is kept from then on."""
        principal = await self.identify()
        assert isinstance(principal, Principal)
        assert await self.standing(principal) is Standing.ALLOWED
        return principal


Steps = Callable[[Case, list[Front]], Awaitable[None]]


def run(tmp_path: Path, steps: Steps, name: str = "azure", fronts: int = 2) -> None:
    """Run steps with front processes of a directory."""

    async def serve() -> None:
        case = await CASES[name]()
        server = await ControlServer(tmp_path, MemoryStore(), case.directory).serve()
        connected = []
        for _ in range(fronts):
            calls = await Calls.connect(tmp_path / SOCKET)
            connected.append(Front(calls, await RemoteDirectory.connect(calls, machine_time), case))
        await asyncio.wait_for(steps(case, connected), 60)
        for front in connected:
            front.calls.close()
            await front.calls.lost.wait()
        server.close()
        await asyncio.sleep(0)

    asyncio.run(serve())


def test_an_answer_is_there_at_once_when_it_was_asked_for_before(tmp_path: Path) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        first, second = fronts
        principal = await first.learn()
        assert first.identify() == principal
        assert first.standing(principal) is Standing.ALLOWED
        assert await first.standing(principal, case.refused) is Standing.SENDER_NOT_REGISTERED
        assert first.standing(principal, case.refused) is Standing.SENDER_NOT_REGISTERED
        assert isinstance(second.identify(), asyncio.Future), "each keeps its own"

    run(tmp_path, steps)


def test_a_change_is_done_when_every_front_process_has_forgotten(tmp_path: Path) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        principals = [await front.learn() for front in fronts]
        await case.take_away()
        for front, principal in zip(fronts, principals, strict=True):
            standing, verdict = front.standing(principal), front.identify()
            assert await standing is Standing.NOT_SIGNED_IN
            assert isinstance(await verdict, Reply)

    run(tmp_path, steps)


def test_an_answer_that_was_on_its_way_at_a_change_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory may answer after a change with what it found before it."""

    async def steps(case: Case, fronts: list[Front]) -> None:
        front, asked, is_over = fronts[0], asyncio.Event(), asyncio.Event()
        principal = await front.identify()
        directory: Any = case.directory
        find = directory.standing_for_cache

        async def answer_late(*question: Any) -> Any:
            found = find(*question)
            asked.set()
            await is_over.wait()
            return found

        monkeypatch.setattr(directory, "standing_for_cache", answer_late)
        late = front.standing(principal)
        await asked.wait()
        await case.take_away()
        is_over.set()
        assert await late is Standing.ALLOWED
        again = front.standing(principal)
        assert isinstance(again, asyncio.Future)
        assert await again is Standing.NOT_SIGNED_IN

    run(tmp_path, steps)


def test_no_refusal_is_kept(tmp_path: Path) -> None:
    """It may become outdated with time: a role takes effect, a secret becomes valid."""

    async def steps(case: Case, fronts: list[Front]) -> None:
        front = fronts[0]
        principal = await front.learn()
        for _ in range(2):
            assert isinstance(await front.identify(Secret("wrong")), Reply)
        await case.take_away()
        for _ in range(2):
            assert await front.standing(principal) is Standing.NOT_SIGNED_IN

    run(tmp_path, steps)


def test_an_answer_is_kept_until_the_secret_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        front = fronts[0]
        principal = await front.learn()
        assert isinstance(case.directory, AzureDirectory)
        _, end = case.directory.standing_for_cache(principal, parse_address(case.allowed))
        monkeypatch.setattr(time, "time", lambda: end - 1)
        assert front.identify() == principal
        assert front.standing(principal) is Standing.ALLOWED
        monkeypatch.setattr(time, "time", lambda: end)
        asked = front.identify(), front.standing(principal)
        assert all(isinstance(each, asyncio.Future) for each in asked)
        await asyncio.gather(*asked)

    run(tmp_path, steps)


def test_a_login_with_an_authzid_is_never_cached(tmp_path: Path) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        front = fronts[0]
        await front.learn()
        other = replace(Credentials(case.username, case.password), authzid="somebody")
        verdict = front.directory.identify(other, "PLAIN")
        assert isinstance(verdict, asyncio.Future)
        assert isinstance(await verdict, Reply)

    run(tmp_path, steps)


def test_no_secret_lies_in_what_is_kept(tmp_path: Path) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        front = fronts[0]
        await front.learn()
        assert case.password.reveal() not in repr(vars(front.directory))

    run(tmp_path, steps)


def test_a_front_process_that_does_not_forget_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.processes.front_caches.PATIENCE", 0.1)

    async def steps(case: Case, fronts: list[Front]) -> None:
        deaf, other = fronts
        principal = await other.learn()
        deaf.calls.hears.clear()
        await case.take_away()
        await deaf.calls.lost.wait()
        assert await other.standing(principal) is Standing.NOT_SIGNED_IN

    run(tmp_path, steps)


def test_a_front_process_that_was_stopped_answers_nothing_from_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads the change and the loss of its connection only after the clients' commands."""
    monkeypatch.setattr("gatepost.processes.front_caches.PATIENCE", 0.1)

    async def steps(case: Case, fronts: list[Front]) -> None:
        stopped, transport = fronts[0], fronts[0].calls._stream._transport
        principal = await stopped.learn()
        assert stopped.identify() == principal
        transport.pause_reading()
        await case.take_away()
        stopped.calls._stream.data_received(b"")  # of much that was sent, what is old comes first
        asked = stopped.identify(), stopped.standing(principal)
        transport.resume_reading()
        for each in asked:
            with pytest.raises(Disconnected):
                await each

    run(tmp_path, steps)


def test_a_change_does_not_wait_for_a_lost_front(tmp_path: Path) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        leaving, other = fronts
        principal = await other.learn()
        leaving.calls.hears.clear()
        change = asyncio.ensure_future(case.take_away())
        await asyncio.sleep(0.05)
        assert not change.done()
        leaving.calls.close()
        await asyncio.wait_for(change, 60)
        assert await other.standing(principal) is Standing.NOT_SIGNED_IN

    run(tmp_path, steps)


NOT_KEPT = {"entra", "token accounts"}


@pytest.mark.parametrize("name", sorted(NOT_KEPT))
def test_a_directory_without_change_notices_is_never_cached(tmp_path: Path, name: str) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        front = fronts[0]
        principal = await front.learn()
        for _ in range(2):
            verdict, standing = front.identify(), front.standing(principal)
            assert isinstance(verdict, asyncio.Future)
            assert isinstance(standing, asyncio.Future)
            assert await verdict == principal
            assert await standing is Standing.ALLOWED

    run(tmp_path, steps, name)


@pytest.mark.parametrize("name", ["accounts", "combined", "configured accounts"])
def test_a_chosen_password_is_kept_as_long_as_it_need_not_be_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        front = fronts[0]
        principal = await front.learn()
        assert await front.identify() == principal, "it was hashed; now it is remembered"
        assert front.identify() == principal
        assert front.standing(principal) is Standing.ALLOWED
        assert isinstance(await front.identify(Secret("wrong")), Reply)
        monkeypatch.setattr(time, "time", lambda: NOW.timestamp() + REMEMBERED)
        again = front.identify()
        assert isinstance(again, asyncio.Future)
        assert await again == principal

    run(tmp_path, steps, name)


@pytest.mark.parametrize("name", ["accounts", "combined"])
def test_a_changed_account_is_asked_about_again(tmp_path: Path, name: str) -> None:
    async def steps(case: Case, fronts: list[Front]) -> None:
        principals = [await front.learn() for front in fronts]
        for front, principal in zip(fronts, principals, strict=True):
            await _answer(front.identify())
            assert front.identify() == principal
        await case.take_away()
        for front, principal in zip(fronts, principals, strict=True):
            for _ in range(2):
                assert await front.standing(principal) is Standing.NOT_SIGNED_IN
                assert isinstance(await front.identify(), Reply)

    run(tmp_path, steps, name)


def test_another_configuration_is_asked_about_again(tmp_path: Path) -> None:
    async def serve() -> None:
        before, after = await CASES["accounts"](), await CASES["configured accounts"]()
        served = ServedDirectory(before.directory)
        server = await ControlServer(tmp_path, MemoryStore(), served).serve()
        calls = await Calls.connect(tmp_path / SOCKET)
        front = Front(calls, await RemoteDirectory.connect(calls, machine_time), before)
        principal = await front.learn()
        assert front.standing(principal) is Standing.ALLOWED
        served.update_from(_nobody())
        await served.forget()
        assert await front.standing(principal) is Standing.NOT_SIGNED_IN
        served.update_from(after.directory)
        served.update_from(before.directory)
        await served.forget()
        assert await front.standing(principal) is Standing.ALLOWED
        await before.take_away()
        assert await front.standing(principal) is Standing.NOT_SIGNED_IN
        calls.close()
        await calls.lost.wait()
        server.close()
        await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(serve(), 60))


def _nobody() -> Directory:
    """Return a directory that knows no name, and does not announce changes."""
    rules = EntraRules(frozenset(), {})
    return EntraDirectory(rules, _proves_nothing, b"k" * 32, lambda: 0.0)


async def _answer(answer: Later[Any]) -> Any:
    """Return an answer that is there, or comes."""
    return await answer if isinstance(answer, asyncio.Future) else answer


async def _proves_nothing(name: CompositeName, secret: Secret) -> Proof:
    return Proof(f"secret_wrong: of {name}, {secret}")
