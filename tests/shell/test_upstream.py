"""The misbehaving next hop: each fate is what a client sees of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gatepost.client.settings import Options, Timeouts, Tls
from gatepost.errors import ContentRefused, Disconnected, RecipientsRefused, SenderRefused
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.submit import connect_async
from gatepost.testing import Mischief, Upstream
from gatepost.testing.upstream import USUAL, Fate

MESSAGE = b"Message-ID: <1@s.test>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n"
CLEAR = Tls("none")
PATIENT = Options(Timeouts(content=5.0))


def envelope(*to: str, sender: str | None = "a@s.test") -> Envelope:
    recipients = [Recipient(parse_address(each)) for each in to or ["ann@x.test"]]
    return Envelope(parse_address(sender) if sender else None, tuple(recipients))


def run(step: Callable[[Upstream, str], Awaitable[None]], **fates: float) -> Upstream:
    """Run a step with an upstream that has these fates."""

    async def main() -> Upstream:
        upstream = Upstream(1, Mischief(fates, stall=0.3))  # type: ignore[arg-type]
        port = await upstream.start()
        try:
            await step(upstream, f"127.0.0.1:{port}")
        finally:
            upstream.close()
        return upstream

    return asyncio.run(main())


async def send(server: str, envelope_: Envelope, content: bytes = MESSAGE) -> None:
    async with connect_async(server, tls=CLEAR, options=PATIENT) as connection:
        await connection.send(content, envelope_)


REFUSALS = [
    ("defer_mail", SenderRefused, 452, 0),
    ("refuse_mail", SenderRefused, 550, 0),
    ("defer_content", ContentRefused, 451, 0),
    ("refuse_content", ContentRefused, 554, 0),
]


@pytest.mark.parametrize(("fate", "error", "code", "taken"), REFUSALS)
def test_a_refusal(fate: Fate, error: type[Exception], code: int, taken: int) -> None:
    async def step(_upstream: Upstream, server: str) -> None:
        with pytest.raises(error) as caught:
            await send(server, envelope())
        assert caught.value.reply.code == code  # type: ignore[attr-defined]

    assert len(run(step, **{fate: 1}).taken) == taken


@pytest.mark.parametrize(("fate", "taken"), [("cut_early", 0), ("cut_before", 0), ("cut_after", 1)])
def test_a_cut(fate: Fate, taken: int) -> None:
    async def step(_upstream: Upstream, server: str) -> None:
        with pytest.raises(Disconnected):
            await send(server, envelope())

    upstream = run(step, **{fate: 1})
    assert [each.silent for each in upstream.taken] == [True] * taken
    assert upstream.fates == {fate: 1}


def test_some_recipients_only() -> None:
    many = envelope(*[f"u{number}@x.test" for number in range(12)])

    async def step(_upstream: Upstream, server: str) -> None:
        await send(server, many)

    [taken] = run(step, refuse_rcpt=1).taken
    assert 0 < len(taken.recipients) < 12


@pytest.mark.parametrize(("fate", "least"), [("stall", 0.3), ("slow", 0.0), ("accept", 0.0)])
def test_it_takes_mail_in_the_end(fate: Fate, least: float) -> None:
    async def step(_upstream: Upstream, server: str) -> None:
        begun = asyncio.get_running_loop().time()
        await send(server, envelope(), MESSAGE + b"0123456789abcde\r\n" * 20_000)
        assert asyncio.get_running_loop().time() - begun >= least

    [taken] = run(step, **{fate: 1}).taken
    assert (taken.message_id, taken.sender, taken.recipients) == (
        "<1@s.test>", "a@s.test", ("ann@x.test",)
    )  # fmt: skip
    assert taken.answered
    assert len(taken.content) == len(MESSAGE) + 17 * 20_000


def test_a_hopeless_domain_and_a_gentle_way_with_notifications() -> None:
    async def step(_upstream: Upstream, server: str) -> None:
        with pytest.raises(RecipientsRefused) as caught:
            await send(server, envelope("ann@hopeless.test"))
        assert caught.value.reply.code == 450
        with pytest.raises(ContentRefused) as refused:
            await send(server, envelope(sender=None))
        assert refused.value.is_transient

    assert run(step, refuse_content=1).taken == []


def test_the_same_seed_draws_the_same_fates() -> None:
    drawn = [
        [upstream.draw(is_notification=False) for _ in range(200)]
        for upstream in (Upstream(5), Upstream(5), Upstream(6))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert set(drawn[0]) <= set(USUAL)
