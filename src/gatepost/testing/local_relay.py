"""A local relay in another process, as a test sees it: its addresses, its mail, its clock."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from gatepost.app.data_directory import open_clock, open_failures, open_mailbox
from gatepost.model.message import StoredMessage
from gatepost.queue.message_selection import decode_subject
from gatepost.queue.store_contract import Selection, Store
from gatepost.testing.dialogue import Values
from gatepost.testing.scripted_failure import Operate, ScriptedFailure

T = TypeVar("T")

OUTPUT: Final = "up.jsonl"
"""In the directory of a relay: what it reports."""


@dataclass(frozen=True, slots=True)
class ListenerAddress:
    """The address of a listener."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Captured:
    """One message that the relay accepted."""

    id: str
    received_at: datetime
    """UTC."""
    mail_from: str
    """Empty for the null sender."""
    rcpt_to: tuple[str, ...]
    subject: str
    """Decoded."""
    message_id: str
    principal: str
    """The user name that had signed in."""
    content: bytes
    """What the client sent, octet by octet, without our trace fields."""

    def parse(self) -> EmailMessage:
        """Return the content as a message of the standard library."""
        parsed: EmailMessage = message_from_bytes(self.content, policy=policy.default)
        return parsed


class EmulatorError(RuntimeError):
    """The relay did not start or stop as it should; the text contains its output."""


class LocalRelay(ABC):
    """A relay that behaves like Azure Communication Services, or another profile.

    ``Emulator`` is one with a process of its own; the fixtures of pytest are some that share a
    process (``EmulatorServer``). Every method may be called from a test with or without a running
    event loop; each blocks until it has its answer.
    """

    data: Path
    """Its directory: what ``--data`` of the command line takes."""
    ready: dict[str, Any]
    """The document ``ready.json``."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it; a second call does nothing. Raises EmulatorError if it does not end properly."""

    @abstractmethod
    def kill(self) -> None:
        """Stop it without waiting for its clients."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    # Where and who.

    @property
    def smtp(self) -> ListenerAddress:
        """SMTP with STARTTLS."""
        return ListenerAddress(self.ready["smtp"]["host"], self.ready["smtp"]["port"])

    @property
    def smtps(self) -> ListenerAddress:
        """SMTP with implicit TLS."""
        return ListenerAddress(self.ready["smtps"]["host"], self.ready["smtps"]["port"])

    @property
    def pid(self) -> int:
        """The id of its process; with workers, of the one that started them."""
        return int(self.ready["pid"])

    @property
    def ca_file(self) -> str:
        """PEM file of the authority that signed its certificate."""
        return str(self.ready["ca_file"])

    @property
    def username(self) -> str:
        """The user name that can sign in."""
        return str(self.ready["username"])

    @property
    def password(self) -> str:
        """Its password; empty if it was deleted or has expired, or if the provider accepts none."""
        return str(self.ready["password"] or "")

    @property
    def token(self) -> str:
        """An access token with which it can also sign in; empty if the profile has none."""
        return str(self.ready["access_token"] or "")

    @property
    def sender(self) -> str:
        """An address that it may send from (``from`` in ready.json)."""
        return str(self.ready["from"])

    @property
    def values(self) -> Values:
        """The values of a dialogue's placeholders at this relay; ``{host}`` matches any name."""
        return Values("...", "127.0.0.1", self.username, self.password, self.sender)

    # What it captured.

    def messages(self) -> list[Captured]:
        """Return the captured messages, newest first."""

        async def answer(store: Store) -> list[Captured]:
            return [await _capture(store, each) for each in await store.list()]

        return self._ask(answer)

    def count(self) -> int:
        """Return the number of messages."""
        return self._ask(lambda store: store.count())

    def wait(self, to: str = "", subject: str = "", timeout: float = 10.0) -> Captured:
        """Return the newest message to ``to`` whose subject matches the expression ``subject``.

        Waits at most ``timeout`` seconds; raises TimeoutError, which says what came instead.
        """

        async def answer(store: Store) -> Captured | None:
            matches = await store.wait(Selection(to, subject), timeout)
            return await _capture(store, matches) if matches else None

        message = self._ask(answer)
        if message is None:
            named = f" to {to}" * bool(to) + f" with a subject like {subject!r}" * bool(subject)
            wanted = f"no message{named} within {timeout:g} s"
            raise TimeoutError(missed(wanted, self.messages(), self.events()))
        return message

    def clear(self) -> int:
        """Delete all messages and return how many there were."""
        return self._ask(lambda store: store.delete(None))

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """Return what the relay has reported, oldest first; ``kind`` selects by ``event``.

        A report is written a moment after the event: see ``wait_event``.
        """
        lines = (self.data / OUTPUT).read_text("utf-8", "replace").splitlines()
        matches = [
            json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")
        ]
        return [each for each in matches if not kind or each.get("event") == kind]

    def wait_event(self, kind: str, timeout: float = 5.0) -> dict[str, Any]:
        """Return the newest report of ``kind``: why a login failed, in ``auth_refused``.

        Waits at most ``timeout`` seconds for the first one; raises TimeoutError.
        """
        deadline = time.monotonic() + timeout
        while not (matches := self.events(kind)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {kind} was reported within {timeout:g} s")
            time.sleep(0.01)
        return matches[-1]

    def advance(self, by: timedelta) -> None:
        """Move its clock forward: secrets expire, leases and rate windows end.

        Raises ValueError for negative times.
        """

        async def advance() -> None:
            async with open_clock(self.data) as operate:
                await operate("advance", {"seconds": by.total_seconds()})

        _run(advance)

    # What it does to its clients.

    def fail(
        self,
        line: str = "",
        *,
        when: Mapping[str, Any] | None = None,
        do: Mapping[str, Any] | None = None,
        id: str = "",
    ) -> ScriptedFailure:
        """Add a rule of scripted failures, in one line, or with ``when`` and ``do`` as in JSON.

        >>> relay.fail("rcpt attempt=1-2 -> reply 451 4.7.1 Try later")   # doctest: +SKIP
        >>> relay.fail(when={"stage": "rcpt"}, do={"delay": 2})           # doctest: +SKIP

        With the fixtures of pytest, it ends with the test. Raises ValueError with every mistake.
        """
        fields: dict[str, Any] = {"id": id}
        if line:
            fields["line"] = line
        else:
            fields["rule"] = {"when": when or {}, "do": do or {}}
        self._has_failures = True
        document = self._ask_rules(lambda operate: operate("add", fields))
        return ScriptedFailure(document, self._ask_rules)

    _has_failures = False

    def forget_failures(self) -> None:
        """Delete the rules that ``fail`` has added, and all others."""
        if self._has_failures:
            self._ask_rules(lambda operate: operate("delete", {}))
            self._has_failures = False

    def _ask_rules(self, work: Callable[[Operate], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        async def ask() -> dict[str, Any]:
            async with open_failures(self.data) as operate:
                return await work(operate)

        return _run(ask)

    def _ask(self, answer: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        async def ask() -> T:
            async with open_mailbox(self.data) as store:
                return await answer(store)

        return _run(ask)


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    with ThreadPoolExecutor(1) as thread:  # the caller may be in an event loop
        return thread.submit(lambda: asyncio.run(work())).result()


async def _capture(store: Store, message: StoredMessage) -> Captured:
    body = await store.body(message.id)
    return Captured(
        id=message.id,
        received_at=message.received_at,
        mail_from=message.mail_from,
        rcpt_to=message.rcpt_to,
        subject=decode_subject(message.subject),
        message_id=message.message_id,
        principal=message.principal,
        content=b"".join(body.chunks()),
    )


MOST: Final = 5
"""Maximum number of lines of each kind, the newest ones."""
REFUSALS: Final = frozenset({"auth_refused", "refused", "message_refused", "not_stored"})


def missed(wanted: str, messages: Sequence[Captured], events: Sequence[Mapping[str, Any]]) -> str:
    """Return some lines. ``messages`` newest first, ``events`` oldest first."""
    here = (f"{each.subject!r} to {', '.join(each.rcpt_to)}" for each in messages)
    refused = (
        f"{each['reply']} ({each['reason']})"
        for each in reversed(events)
        if each.get("event") in REFUSALS
    )
    lines = [*_newest("captured", here, len(messages)), *_newest("refused", refused)]
    return "\n".join([wanted, *(lines or ["nothing was captured, and nothing was refused"])])


def _newest(word: str, lines: Iterable[str], count: int = 0) -> list[str]:
    newest = [f"  {word}: {each}" for each in islice(lines, MOST)]
    return [*newest, f"  ... and {count - MOST} older"] if count > MOST else newest
