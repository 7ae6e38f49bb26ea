"""Directory and quotas of another process, under the contracts of those in this one."""

import asyncio
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from gatepost.app.rpc import NIL, Calls, decode
from gatepost.errors import Disconnected
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Reply
from gatepost.model.standing import Standing
from gatepost.sasl.interview import Verifier

T = TypeVar("T")


class RemoteDirectory:
    """Implements ``directory.contract.Directory`` over calls; every answer is a future."""

    def __init__(self, calls: Calls, mechanisms: frozenset[str]) -> None:
        self._calls = calls
        self.mechanisms: Final = mechanisms

    @classmethod
    async def connect(cls, calls: Calls) -> "RemoteDirectory":
        """Ask what the directory can verify."""
        return cls(calls, frozenset(await calls.call(list[str], "mechanisms")))

    def identify(
        self, credentials: Credentials, mechanism: str
    ) -> "asyncio.Future[Principal | Reply]":
        def read(raw: msgspec.Raw) -> Principal | Reply:
            fields = decode(raw, dict[str, Any])
            return decode(raw, Reply) if "code" in fields else decode(raw, Principal)

        return self._calls.ask_for(read, "identify", credentials, mechanism)

    def verifier(self, username: str, mechanism: str) -> "asyncio.Future[Verifier]":
        return self._calls.ask_for(
            lambda raw: decode(raw, Verifier), "verifier", username, mechanism
        )

    def standing(self, principal: Principal, sender: Address) -> "asyncio.Future[Standing]":
        return self._calls.ask_for(lambda raw: decode(raw, Standing), "standing", principal, sender)


class RemoteQuotas:
    """Implements ``policy.quotas.Quotas`` over calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def enter(self, principal: Principal) -> "asyncio.Future[Reply | None]":
        return self._calls.ask_for(_optional_reply, "enter", principal)

    def leave(self, principal: Principal) -> None:
        with suppress(Disconnected):  # then all our connections are forgotten anyway
            self._calls.tell("leave", principal)

    def admit(self, principal: Principal, sender: Address) -> "asyncio.Future[Reply | None]":
        return self._calls.ask_for(_optional_reply, "admit", principal, sender)


class RemoteVisitors:
    """Implements ``policy.visitors.Visitors`` over calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def enter(self, address: str) -> "asyncio.Future[bool]":
        return self._calls.ask_for(_truth, "visit", address)

    def leave(self, address: str) -> None:
        with suppress(Disconnected):  # then all our connections are forgotten anyway
            self._calls.tell("visit_over", address)

    def delay(self, address: str) -> "asyncio.Future[float]":
        return self._calls.ask_for(_seconds, "delay", address)


def _truth(raw: msgspec.Raw) -> bool:
    return decode(raw, bool)


def _seconds(raw: msgspec.Raw) -> float:
    return decode(raw, float)


def _optional_reply(raw: msgspec.Raw) -> Reply | None:
    return None if bytes(raw) == NIL else decode(raw, Reply)
