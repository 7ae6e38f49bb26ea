"""Mail by domain: the order of exchangers, and when another one gets the mail."""

import asyncio

import pytest

from gatepost.errors import (
    Phase,
)
from gatepost.model.delivery import Lease
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import ServerAddress
from gatepost.net.dial import is_here
from gatepost.relay.server_lookup import Own
from tests.simulated_delivery import (
    GREYLISTED,
    OK,
    UNKNOWN,
    Answer,
    Upstream,
    World,
    limits,
    mx,
    route,
    smarthost,
    steady,
    unreachable,
)

ZONE = """
    example.net MX 10 mx1.example.net
    example.net MX 20 mx2.example.net
    mx1.example.net A 192.0.2.1
    mx1.example.net AAAA 2001:db8::1
    mx2.example.net A 192.0.2.2
    null.example MX 0 .
    broken.example FAIL SERVFAIL
"""


def test_the_exchangers_of_a_domain_are_tried_in_their_order() -> None:
    direct = Upstream(
        mx(), lambda _, server: Answer() if server.host == "mx2.example.net" else unreachable()
    )
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1)

    world.run(scenario)
    assert [server for _, server, _ in direct.tries] == [
        "mx1.example.net:25", "mx1.example.net:25", "mx2.example.net:25",
    ]  # fmt: skip
    assert direct.taken == [("m1", "bob@example.net")]


NOT_NOW = [
    # the best exchanger says              at      who is asked
    (GREYLISTED,                           "rcpt", ["mx1.example.net:25", "mx2.example.net:25"]),
    (Reply(451, "broken", Esc(4, 3, 0)),   "content", ["mx1.example.net:25", "mx2.example.net:25"]),
    (Reply(452, "no room"),                "rcpt", ["mx1.example.net:25", "mx2.example.net:25"]),
    (Reply(451, "too fast", Esc(4, 3, 0)), "mail", ["mx1.example.net:25"]),
    (UNKNOWN,                              "rcpt", ["mx1.example.net:25"]),
]  # fmt: skip


@pytest.mark.parametrize(("said", "phase", "asked"), NOT_NOW)
def test_mail_deferred_by_the_best_exchanger_goes_to_another(
    said: Reply, phase: Phase, asked: list[str]
) -> None:
    """RFC 5321 5.1: until one takes it. Not at another address of the same; not all of many."""
    direct = Upstream(mx(), Answer((said,), phase))
    third = "example.net MX 30 mx3.example.net\nmx3.example.net A 192.0.2.3\n"
    world = World([direct], [route(direct.target)], dns=ZONE + third)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)

    world.run(scenario)
    assert [server for _, server, _ in direct.tries] == asked


def test_a_recipient_deferred_beside_an_accepted_one_goes_to_the_next_exchanger_at_once() -> None:
    """RFC 5321 5.1 is for each recipient. Whom the next one defers, too, the schedule has wait."""

    def say(lease: Lease, server: ServerAddress) -> Answer:
        names = [str(each.address) for each in lease.delivery.waiting]
        grey = "grey" if server.host == "mx1.example.net" else "grey2"
        return Answer(tuple([GREYLISTED if grey in each else OK for each in names]), "content")

    direct = Upstream(mx(), say)
    world = World([direct], [route(direct.target, retry=steady())], dns=ZONE)
    to = ["bob@example.net", "grey1@example.net", "grey2@example.net"]

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=to))
        await asyncio.sleep(1)
        assert [address for _, address in direct.taken] == to[:2]
        delivery = await world.delivery("m1.0")
        assert delivery.attempts == 1
        assert delivery.due is not None
        assert (delivery.due - world.clock.now()).total_seconds() > 50

    world.run(scenario)
    assert [(server, len(names)) for _, server, names in direct.tries] == [
        ("mx1.example.net:25", 3), ("mx1.example.net:25", 2), ("mx2.example.net:25", 2),
    ]  # fmt: skip


def test_without_another_exchanger_it_waits_for_the_schedule() -> None:
    answers = Answer((OK, GREYLISTED), "content")
    direct = Upstream(mx(), answers)
    world = World([direct], [route(direct.target)], dns="example.net MX 10 mx1\nmx1 A 192.0.2.1")

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=["bob@example.net", "grey@example.net"]))
        await asyncio.sleep(1)

    world.run(scenario)
    assert len(direct.tries) == 1


@pytest.mark.parametrize("phase", ["connect", "greeting", "mail", "content"])
def test_the_reply_of_the_best_exchanger_is_reported(phase: Phase) -> None:
    """Not that a lesser one has no time for anybody."""
    busy = Answer((Reply(421, "too many connections", Esc(4, 7, 0)),), phase)
    lesser = unreachable() if phase == "connect" else busy
    best = Answer((GREYLISTED,), "rcpt")
    direct = Upstream(mx(), lambda _, server: best if "mx1" in server.host else lesser)
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)
        delivery = await world.delivery("m1.0")
        assert [each.reply for each in delivery.history] == [GREYLISTED]

    world.run(scenario)
    assert [server for _, server, _ in direct.tries] == ["mx1.example.net:25", "mx2.example.net:25"]


def test_an_exchanger_with_two_names_is_tried_once() -> None:
    direct = Upstream(mx(), Answer((GREYLISTED,), "rcpt"))
    zone = "\n".join(f"example.net MX {each}0 mx{each}\nmx{each} A 192.0.2.1" for each in (1, 2))
    world = World([direct], [route(direct.target)], dns=zone)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)

    world.run(scenario)
    assert len(direct.tries) == 1


TOO_LARGE = Answer(
    (Reply(552, "larger than the server takes", Esc(5, 3, 4)),), "mail", is_remote=False
)


NOBODY = Answer((UNKNOWN,), "rcpt")
LESSER = [
    # the best one                        the other  what becomes of it
    (Answer((GREYLISTED,), "rcpt"),       TOO_LARGE, "message_deferred"),
    (Answer((GREYLISTED,), "rcpt"),       NOBODY,    "message_deferred"),
    (unreachable(),                       NOBODY,    "message_failed"),
    (unreachable(),                       TOO_LARGE, "message_deferred"),
    (TOO_LARGE,                           Answer(),  "message_delivered"),
    (TOO_LARGE,                           TOO_LARGE, "message_failed"),
]  # fmt: skip


@pytest.mark.parametrize(("best", "other", "event"), LESSER)
def test_an_extension_that_one_exchanger_lacks_is_found_at_another(
    best: Answer, other: Answer, event: str
) -> None:
    """Nothing is refused for what a lesser one cannot (RFC 6531 3.2), or does not know, while a
    better one may take it later; where that one says nothing, any other speaks for it."""
    direct = Upstream(mx(), lambda _, server: other if "mx2" in server.host else best)
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender=""))
        await asyncio.sleep(1)

    world.run(scenario)
    outcomes = ("message_delivered", "message_deferred", "message_failed")
    assert [each for each in outcomes if world.told(each)] == [event]


def test_a_recipient_deferred_by_the_best_exchanger_is_not_failed_by_another() -> None:
    def say(lease: Lease, server: ServerAddress) -> Answer:
        return Answer((OK, UNKNOWN)) if "mx2" in server.host else Answer((GREYLISTED,), "rcpt")

    direct = Upstream(mx(), say)
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=["known@example.net", "new@example.net"]))
        await asyncio.sleep(1)
        known, new = (await world.delivery("m1.0")).addressees
        assert (known.fate, new.fate) == ("delivered", "waiting")
        assert new.reply == GREYLISTED

    world.run(scenario)
    assert not world.told("message_failed")


def test_mail_waits_for_a_paused_better_exchanger_if_others_lack_the_extension() -> None:
    direct = Upstream(mx(), lambda _, server: TOO_LARGE if "mx2" in server.host else unreachable())
    world = World([direct], [route(direct.target, retry=steady())], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(300)
        direct.say = lambda _, server: TOO_LARGE if "mx2" in server.host else Answer()
        await asyncio.sleep(3600)

    world.run(scenario)
    assert direct.taken == [("m1", "bob@example.net")]


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("own.example", "A 127.0.0.1"),
        ("own.example", "A 127.0.0.2"),
        ("own.example", "AAAA ::ffff:127.0.0.1"),
        ("[127.0.0.1]", ""),
        ("[IPv6:::ffff:127.0.0.1]", ""),
    ],
)
def test_mail_is_not_sent_to_an_address_of_this_machine_where_we_listen_on_all(
    domain: str, address: str
) -> None:
    direct = Upstream(mx())
    dns = f"own.example. MX 1 other-name.example.\nother-name.example. {address or 'A 192.0.2.1'}"
    world = World([direct], [route(direct.target)], dns=dns, own=Own(is_here=is_here))

    async def scenario(world: World) -> None:
        await world.send(world.mail(to=[f"bob@{domain}"]))
        await asyncio.sleep(0.1)
        [reply] = [each.reply for each in (await world.delivery("m1.0")).addressees]
        assert reply is not None
        assert str(reply).startswith("554 5.4.6 ")

    world.run(scenario)
    assert not direct.tries


def test_busy_exchangers_are_waited_for() -> None:
    direct, backup = (
        Upstream(mx(limits=limits(connections=1)), Answer(seconds=5)),
        Upstream(smarthost("backup")),
    )
    dns = "a.example. MX 1 mx.example.\nb.example. MX 1 mx.example.\nmx.example. A 192.0.2.1"
    world = World([direct, backup], [route(direct.target, backup.target)], dns=dns)

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1", to=["bob@a.example"]))
        await asyncio.sleep(1)
        await world.send(world.mail("m2", to=["bob@b.example"]))
        await asyncio.sleep(60)

    world.run(scenario)
    assert [message for message, _ in direct.taken] == ["m1", "m2"]
    assert not backup.tries


@pytest.mark.parametrize(
    ("domain", "state", "words"),
    [
        ("null.example", "settled", "null MX"),
        ("nowhere.example", "settled", "no name"),
        ("broken.example", "waiting", "SERVFAIL"),
    ],
)
def test_a_domain_without_a_server(domain: str, state: str, words: str) -> None:
    direct = Upstream(mx())
    world = World([direct], [route(direct.target)], dns=ZONE)

    async def scenario(world: World) -> None:
        await world.send(world.mail(sender="", to=[f"bob@{domain}"]))
        await asyncio.sleep(1)
        delivery = await world.delivery("m1.0")
        assert delivery.state == state
        assert words in delivery.history[0].reply.reason

    world.run(scenario)
    assert not direct.tries


def test_domains_with_the_same_servers_share_their_connections() -> None:
    zone = "\n".join(f"d{number}.example MX 10 mx.example" for number in range(40))
    direct = Upstream(mx(limits=limits(connections=4)), Answer(seconds=1))
    world = World([direct], [route(direct.target)], dns=zone + "\nmx.example A 192.0.2.9")

    async def scenario(world: World) -> None:
        for number in range(40):
            await world.send(world.mail(f"m{number}", to=[f"bob@d{number}.example"]))
        await asyncio.sleep(30)

    world.run(scenario)
    assert len(direct.taken) == 40
    assert direct.most_open == 4
