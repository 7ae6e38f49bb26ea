"""A reload that breaks off ends the relay: half of a configuration is nobody's."""

import asyncio
from pathlib import Path
from typing import Any

from gatepost.app.serve import Options, Service


class Breaking(Service):
    """Prepares nothing, and cannot put it in place."""

    async def _prepare(self) -> Any:
        return None

    async def _take(self, following: Any) -> None:  # noqa: ARG002
        raise LookupError("secret words")


def test_a_configuration_that_cannot_be_put_in_place_ends_the_relay() -> None:
    told: list[str] = []

    def report(event: str, **facts: Any) -> None:
        told.append(event)

    async def main() -> str:
        no: Any = None
        failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        options = Options(Path("gatepost.toml"))
        service = Breaking(
            options, report, Path(), no, no, no, no, no, no, no, no, no, failed
        )  # fmt: skip
        assert not await service.reload()
        return await failed

    reason = asyncio.run(main())
    assert reason.startswith("the configuration could not be put in place: LookupError at ")
    assert "secret" not in reason
    assert told == []
