"""What front processes keep of what is known here, and give up before it would be wrong.

They keep answers of the directory. A change must be effective at the next command of any session,
wherever that session is. So who changes the directory is told that it is done when every front
process has said that it forgot, or was cut off because it did not.

They keep places of clients that left, for the next ones. Nobody is turned away for want of a place
that nobody has: it is given back first.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, Final

import msgspec

from gatepost.app.rpc import Answers, Operation, decoder
from gatepost.directory.contract import Directory, KeepableDirectory
from gatepost.errors import Disconnected
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.later import Later
from gatepost.model.reply import Reply

FORGET: Final = "forget"
"""What a front process is told of the directory's answers; it says ``gave_up`` and the number."""
VACATE: Final = "vacate"
"""What it is told of places; it says the same."""
PATIENCE: Final = 5.0
"""Seconds that a front process gets. One that hangs would go on with what the directory said."""


class Keepers:
    """Every front process that keeps something."""

    def __init__(self) -> None:
        self._of_answers: set[Keeper] = set()
        self._of_places: set[Keeper] = set()
        """Not those that are still starting, which would not hear."""

    def keep_answers(self, keeper: "Keeper") -> None:
        """Remember who keeps what the directory answers."""
        self._of_answers.add(keeper)

    def keep_places(self, keeper: "Keeper") -> None:
        """Remember who keeps places."""
        self._of_places.add(keeper)

    def leave(self, keeper: "Keeper") -> None:
        """It is gone, and what it kept with it."""
        self._of_answers.discard(keeper)
        self._of_places.discard(keeper)
        keeper.close()

    async def forget(self) -> None:
        """Return when all have forgotten what the directory answered."""
        for late in await self._ask(self._of_answers, FORGET):
            late.cut_off()
        await asyncio.sleep(0)  # until the event loop has cut them off

    async def vacate(self) -> None:
        """Return when all places that nobody has were given back, but for those of one that hangs:
        it is asked again when it has asked for a place itself."""
        for late in await self._ask(self._of_places, VACATE):
            self._of_places.discard(late)

    async def _ask(self, keepers: "Iterable[Keeper]", what: str) -> "list[Keeper]":
        """Tell them to give something up; return who did not in time."""
        asked = {keeper.ask(what): keeper for keeper in keepers}
        if not asked:
            return []
        _, late = await asyncio.wait(asked, timeout=PATIENCE)
        return [asked[each] for each in late]


class Keeper:
    """One front process, on its connection."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._number = 0
        self._asked: dict[int, asyncio.Future[None]] = {}

    def ask(self, what: str) -> "asyncio.Future[None]":
        """Tell it; return what is done when it has given up what it kept, or is gone."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number += 1
        try:
            self._answers.tell(what, self._number)
        except Disconnected:
            future.set_result(None)
        else:
            self._asked[self._number] = future
        return future

    def gave_up(self, number: int) -> None:
        """It did."""
        future = self._asked.pop(number, None)
        if future is not None and not future.done():
            future.set_result(None)

    def cut_off(self) -> None:
        """End its connection, without which it does not serve."""
        self._answers.hang_up()

    def close(self) -> None:
        """Nobody is there any more."""
        for number in tuple(self._asked):
            self.gave_up(number)


def keeping_operations(
    directory: Directory, keepers: Keepers, keeper: Keeper
) -> dict[str, Operation]:
    """Return the operations by which answers are asked for to be kept, by name."""
    if not isinstance(directory, KeepableDirectory):
        return {"keep": lambda _: False}

    read_question = decoder(tuple[Credentials, str]).decode
    read_sender = decoder(tuple[Principal, Address]).decode

    def keep(_: msgspec.Raw) -> bool:
        keepers.keep_answers(keeper)
        return True

    def identify(raw: msgspec.Raw) -> "Later[tuple[Any, ...]]":
        answer = directory.identify_kept(*read_question(raw))
        return _later(answer) if isinstance(answer, Awaitable) else _spelled(answer)

    return {
        "keep": keep,
        "identify_kept": identify,
        "standing_kept": lambda raw: directory.standing_kept(*read_sender(raw)),
    }


def _spelled(answer: tuple[Principal | Reply, float]) -> tuple[Any, ...]:
    verdict, until = answer
    return (verdict, None, until) if isinstance(verdict, Principal) else (None, verdict, until)


async def _later(answer: "Awaitable[tuple[Principal | Reply, float]]") -> tuple[Any, ...]:
    return _spelled(await answer)
