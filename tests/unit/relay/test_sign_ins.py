"""Refused sign-ins: how often a secret is sent, what is paused, and what is reported."""

import asyncio
import itertools
from dataclasses import replace

import pytest

from gatepost.client.tokens.contract import unreadable
from gatepost.errors import (
    Disconnected,
    NoSharedMechanism,
    Refused,
    RemoteProtocolError,
    TokenError,
)
from gatepost.model.capabilities import Capabilities
from gatepost.model.delivery import Contact, Lease
from gatepost.model.evidence import ClientFacts, EhloExchange, Evidence, Greeting, seen
from gatepost.model.mechanism_plan import Plan
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import AcsRestTarget, ServerAddress
from gatepost.queue.unsettled import UNSETTLED, Unsettled
from gatepost.relay.sign_in_diagnosis import diagnose_refused_mail
from gatepost.relay.transport.reply_verdicts import reply_of
from tests.simulated_delivery import (
    DAY,
    GREYLISTED,
    REFUSED,
    Answer,
    Upstream,
    World,
    one_hub,
    refused_before_mail,
    route,
    smarthost,
    steady,
)

API = AcsRestTarget("api", "https://api.example", "key")


def test_an_api_gets_several_messages_at_once_from_the_beginning() -> None:
    """An attempt there ends with the operation, after minutes perhaps."""
    api = Upstream(API, Answer(seconds=60))
    world = World([api], [route(api.target)])

    async def scenario(world: World) -> None:
        for number in range(8):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(1)
        assert api.open == 8

    world.run(scenario)


@pytest.mark.parametrize("signed_in", [True, False])
def test_an_accepted_message_shows_that_a_login_works_again(signed_in: bool) -> None:
    refused = refused_before_mail(REFUSED)
    api = Upstream(API, refused)
    world = World([api], [route(api.target)])

    async def scenario(world: World) -> None:
        await world.send(world.mail("first"))
        await asyncio.sleep(1)
        error = Unsettled("still Running", signed_in=signed_in)
        api.say = Answer((UNSETTLED,), is_remote=False, seconds=120, error=error)
        for number in range(8):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(0.8 * 3600)
        assert (api.most_open > 1) == signed_in

    world.run(scenario)


def test_a_refused_login_pauses_the_credential_and_is_reported_once() -> None:
    refusal = refused_before_mail(REFUSED)
    world, hub = one_hub(refusal, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(1)
        assert len(hub.tries) == 1
        delivery = await world.delivery("m0.0")
        assert delivery.history[0].finding or delivery.history[0].advice
        pause = world.deliverer.pause_of(delivery.next_hop)
        assert pause is not None
        assert pause.needs_operator
        assert pause.advice == delivery.history[0].advice, "also of what was not tried itself"
        assert pause.what == "credential acs at hub"
        await asyncio.sleep(2 * 3600)
        assert 2 <= len(hub.tries) <= 8
        assert len(world.told("sign_in_stopped")) == 1
        hub.say = Answer()
        world.deliverer.forgive([delivery.next_hop])
        await asyncio.sleep(5)
        assert len(hub.taken) == 20

    world.run(scenario)
    [told] = world.told("sign_in_stopped")
    assert told["credential"] == "acs"
    assert told["reply"] == str(REFUSED)
    assert len(world.told("sign_in_works")) == 1


def test_mail_deferred_at_auth_is_tried_as_soon_as_the_login_works() -> None:
    world, hub = one_hub(refused_before_mail(REFUSED), credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        hub.say = Answer((GREYLISTED,))
        for _ in range(2):  # the second time it waits for something else
            world.deliverer.forgive([(await world.delivery("m1.0")).next_hop])
            await asyncio.sleep(1)
            assert len(hub.tries) == 2

    world.run(scenario)


@pytest.mark.parametrize("status", [Esc(4, 3, 2), Esc(4, 7, 0), None])
def test_after_a_421_to_auth_the_secret_is_not_sent_again_for_each_message(
    status: Esc | None,
) -> None:
    said = refused_before_mail(Reply(421, "too many", status), seconds=0.1)
    world, hub = one_hub(said, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(40)
        assert len(hub.tries) == 1
        hub.say = Answer()
        await asyncio.sleep(600)
        assert len(hub.taken) == 20

    world.run(scenario)


def test_an_attempt_begun_before_the_stop_does_not_report_that_the_login_works() -> None:
    """A connection from before may go on for hours; the next one is what mail waits for."""
    world, hub = one_hub(Answer(), credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail("first"))
        await asyncio.sleep(1)
        hub.say = Answer(seconds=10.0)
        await world.send(world.mail("slow"))
        await asyncio.sleep(1)
        hub.say = refused_before_mail(REFUSED)
        await world.send(world.mail("stopped"))
        await asyncio.sleep(20)
        assert len(hub.taken) == 2
        assert len(world.told("sign_in_stopped")) == 1
        assert not world.told("sign_in_works")
        pause = world.deliverer.pause_of((await world.delivery("stopped.0")).next_hop)
        assert pause is not None
        assert pause.needs_operator
        hub.say = Answer()
        await asyncio.sleep(3 * 3600)
        assert len(hub.taken) == 3

    world.run(scenario)
    assert len(world.told("sign_in_stopped")) == 1
    assert len(world.told("sign_in_works")) == 1


def test_a_refused_secret_is_sent_to_another_provider_but_not_again_to_the_same() -> None:
    refusal = refused_before_mail(REFUSED)
    first = Upstream(smarthost("first", ["One.example"], credential="acs"), refusal)
    port = Upstream(smarthost("port", ["one.example", "three.example"], credential="acs"), refusal)
    other = Upstream(smarthost("other", ["two.example"], credential="acs"))
    chain = route(first.target, port.target, other.target, retry=steady())
    world = World([first, port, other], [chain])

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(1)

    world.run(scenario)
    assert len(first.tries) == 1
    assert not port.tries
    assert len(other.taken) == 20
    assert [each["target"] for each in world.told("sign_in_stopped")] == ["first"]
    assert not world.told("sign_in_works")


def test_an_unproven_secret_is_sent_once_however_much_mail_waits() -> None:
    refused = Answer((REFUSED,), "auth", seconds=0.5)
    world, hub = one_hub(refused, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(60)
        assert (len(hub.tries), hub.most_open) == (1, 1)
        hub.say = Answer(seconds=0.5)
        world.deliverer.forgive([(await world.delivery("m0.0")).next_hop])
        await asyncio.sleep(0.6)
        assert hub.open > 1, "the secret is proven, and all others begin at once"
        await asyncio.sleep(10)
        assert len(hub.taken) == 20

    world.run(scenario)


def test_mail_waits_for_the_first_login_instead_of_failing_over() -> None:
    down = Disconnected("the server cut the connection").at("connect")
    first = Upstream(
        smarthost("first", ["one.example"]),
        Answer((reply_of(down),), "connect", is_remote=False, error=down),
    )
    second = Upstream(smarthost("second", ["two.example"], credential="acs"), Answer(seconds=2.0))
    last = Upstream(smarthost("last", ["three.example"]))
    chain = route(first.target, second.target, last.target, retry=steady())
    world = World([first, second, last], [chain])

    async def scenario(world: World) -> None:
        for number in range(10):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(10)

    world.run(scenario)
    assert (len(second.taken), len(last.taken)) == (10, 0)


def no_fit() -> Answer:
    error = NoSharedMechanism(("XOAUTH2",), ("LOGIN", "PLAIN"), Plan(()))
    reply = Reply(504, "None of the offered mechanisms can be used", Esc(5, 7, 4))
    return Answer((reply.because(str(error)),), "auth", is_remote=False, error=error)


def liar() -> Answer:
    """A server that lets us in without the proof of SCRAM that it knows the password, too."""
    error = RemoteProtocolError("the server reports success without its proof", "235 ok")
    error.slug = "server_auth_backend_bug"
    reply = Reply(451, "The server violated the protocol", Esc(4, 5, 0)).because(str(error))
    return Answer((reply,), "auth", is_remote=False, error=error)


def no_token(*, is_transient: bool) -> Answer:
    error = TokenError("AADSTS7000222: the secret is expired", is_transient=is_transient)
    error.slug = "expired_secret"
    reply = Reply(535, "no token", Esc(5, 7, 8)).because(str(error))
    return Answer((reply,), "auth", is_remote=False, error=error)


def no_secret() -> Answer:
    error = unreadable("no password: the file acs-secret cannot be read: No such file")
    return Answer((reply_of(error),), "auth", is_remote=False, error=error)


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (no_fit(), "mechanism_not_offered"),
        (no_token(is_transient=False), "expired_secret"),
        (no_secret(), "credentials_missing"),
        (liar(), "server_auth_backend_bug"),
    ],
)
def test_the_reason_why_a_login_is_impossible_is_diagnosed_once(
    answer: Answer, finding: str
) -> None:
    world, hub = one_hub(answer, credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(600)
        states = await world.states()
        assert set(states.values()) == {"waiting"}
        assert len(states) == 20
        tried = [each for each in [await world.delivery(id_) for id_ in states] if each.history]
        assert {each.history[0].finding for each in tried} == {finding}

    world.run(scenario)
    assert len(hub.tries) <= 10
    assert [each["finding"] for each in world.told("sign_in_stopped")] == [finding]


LOGIN_REQUIRED = Reply(530, "Authentication required", Esc(5, 7, 0))
TEMPORARY = Reply(454, "Temporary authentication failure", Esc(4, 7, 0))
CLOSING = Reply(421, "Closing", Esc(4, 7, 0))


@pytest.mark.parametrize("reply", [REFUSED, TEMPORARY, CLOSING])
def test_a_refusal_after_an_accepted_login_is_checked_after_seconds(reply: Reply) -> None:
    world, hub = one_hub(credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail("first"))
        await asyncio.sleep(3600)
        hub.say = refused_before_mail(reply)
        await world.send(world.mail("refused"))
        await asyncio.sleep(1)
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
        pause = world.deliverer.pause_of((await world.delivery("m0.0")).next_hop)
        assert pause is not None
        assert (pause.needs_operator, 0 < pause.seconds < 2) == (False, True)
        assert pause.reason == f"{reply}, though this login was accepted before"
        assert len(hub.tries) == 2
        hub.say = Answer(seconds=0.1)
        hub.most_open = 0
        await asyncio.sleep(2)
        assert len(hub.taken) == 22
        assert hub.most_open > 1

    world.run(scenario)
    assert not world.told("sign_in_stopped")
    [deferred] = world.told("message_deferred")
    assert deferred["reply"] == str(reply)


def test_a_secret_that_is_refused_three_times_in_a_row_is_stopped() -> None:
    world, hub = one_hub(credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail("first"))
        await asyncio.sleep(5)
        hub.say = refused_before_mail(REFUSED, seconds=0.1)
        for number in range(30):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(60)
        begun = sorted({tried.timestamp() for tried, _, _ in hub.tries[1:]})
        waits = [round(after - before) for before, after in itertools.pairwise(begun)]
        assert waits in ([2, 10], [2, 11]), "simultaneous ones count once"
        assert len(world.told("sign_in_stopped")) == 1
        number = len(hub.tries)
        await asyncio.sleep(600)
        assert len(hub.tries) == number
        hub.say = Answer()
        await asyncio.sleep(600)
        assert len(hub.taken) == 31

    world.run(scenario)


def test_connections_that_have_signed_in_go_on_when_another_login_is_refused() -> None:
    refusing = False

    def say(_lease: Lease, server: ServerAddress) -> Answer:
        if refusing and hub.open >= 3:
            return refused_before_mail(REFUSED)
        return Answer(seconds=1, is_kept=refusing)

    hub = Upstream(smarthost(credential="acs"), say)
    world = World([hub], [route(hub.target, retry=steady())])

    async def scenario(world: World) -> None:
        nonlocal refusing
        await world.send(world.mail("first"))
        await asyncio.sleep(2)
        refusing = True
        for number in range(40):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(7.5)
        assert len(hub.taken) == 1 + 3 * 7, "three at a time"
        refused = len(hub.tries) - len(hub.taken) - 3
        assert refused == 3 + 1, "at once, and after two seconds"
        last = await world.delivery("m39.0")
        limit = world.deliverer.progress_of(last.id, last.next_hop).limit
        assert limit.startswith("opens no further connection at the moment: 535 ")
        refusing = False
        await asyncio.sleep(30)
        assert len(hub.taken) == 41

    world.run(scenario)
    assert not world.told("sign_in_stopped")


def test_a_message_on_a_kept_connection_does_not_show_that_logins_work() -> None:
    world, hub = one_hub(credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail("first"))
        await asyncio.sleep(1)
        for number in range(3):
            hub.say = refused_before_mail(REFUSED)
            await world.send(world.mail(f"refused{number}"))
            await asyncio.sleep(0.1)
            hub.say = Answer(is_kept=True)
            await asyncio.sleep(15)
        assert len(world.told("sign_in_stopped")) == 1

    world.run(scenario)
    assert not world.told("sign_in_works")


@pytest.mark.parametrize("answer", [
    no_fit(),
    refused_before_mail(Reply(504, "Unrecognized", Esc(5, 7, 4)), has_shown_secret=False),
])  # fmt: skip
@pytest.mark.parametrize("was_accepted", [True, False])
def test_where_no_secret_was_sent_the_next_login_follows_in_seconds(
    answer: Answer, was_accepted: bool
) -> None:
    world, hub = one_hub(credential="acs")

    async def scenario(world: World) -> None:
        if was_accepted:
            await world.send(world.mail("first"))
            await asyncio.sleep(1)
        hub.say = answer
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        hub.say = Answer()
        await asyncio.sleep(2)
        assert ("m1", "bob@example.net") in hub.taken

    world.run(scenario)
    assert len(world.told("sign_in_stopped")) == (not was_accepted)
    assert len(world.told("sign_in_works")) == (not was_accepted)


def test_an_offer_without_our_mechanisms_is_reported_if_it_lasts() -> None:
    world, hub = one_hub(credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail("first"))
        await asyncio.sleep(1)
        hub.say = no_fit()
        await world.send(world.mail("m1"))
        await asyncio.sleep(80)
        assert not world.told("sign_in_stopped")
        await asyncio.sleep(80)
        assert len(world.told("sign_in_stopped")) == 1
        pause = world.deliverer.pause_of((await world.delivery("m1.0")).next_hop)
        assert pause is not None
        assert pause.finding == "mechanism_not_offered"
        hub.say = Answer()
        await asyncio.sleep(400)
        assert len(hub.taken) == 2

    world.run(scenario)
    assert len(world.told("sign_in_works")) == 1


def no_tls(reply: Reply) -> Answer:
    hello = EhloExchange(
        "relay.example", Reply(250, "hub\nSTARTTLS"), Capabilities(keywords={"STARTTLS": ()})
    )
    error = Refused(reply, "STARTTLS").at("starttls")
    evidence = Evidence(
        "probe", client=ClientFacts(tls="starttls", signs_in=True), in_clear=seen(hello),
        greeting=seen(Greeting(Reply(220, "hub"))), starttls=seen(reply), position="starttls",
        failure=str(error),
    )  # fmt: skip
    return Answer((reply,), "starttls", error=error, evidence=evidence)


@pytest.mark.parametrize("was_accepted", [True, False])
@pytest.mark.parametrize(("code", "status"), [(454, Esc(4, 7, 0)), (554, Esc(5, 7, 0))])
def test_a_starttls_that_fails_once_is_reported_only_if_it_will_fail_again(
    code: int, status: Esc, was_accepted: bool
) -> None:
    world, hub = one_hub(credential="acs")
    is_news = code == 554 and not was_accepted

    async def scenario(world: World) -> None:
        if was_accepted:
            await world.send(world.mail("first"))
            await asyncio.sleep(1)
        hub.say = no_tls(Reply(code, "TLS not available", status))
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        last = (await world.delivery("m1.0")).history[-1]
        assert last.finding == ("server_tls_misconfigured" if is_news else "")
        assert world.deliverer.pause_of((await world.delivery("m1.0")).next_hop) is None
        hub.say = Answer()
        await asyncio.sleep(61)
        assert len(hub.taken) == 1 + was_accepted
        hub.say = no_tls(Reply(code, "TLS not available", status))
        told = len(world.told("sign_in_stopped"))
        assert told == is_news
        await world.send(world.mail("m2"))
        await asyncio.sleep(900)
        assert len(world.told("sign_in_stopped")) == told + 1, "it lasts"

    world.run(scenario)


def test_a_refusal_of_mail_that_asks_for_a_login_is_reported_if_it_lasts() -> None:
    world, hub = one_hub(credential="acs")
    asked = refused_before_mail(LOGIN_REQUIRED, "mail")

    async def scenario(world: World) -> None:
        await world.send(world.mail("first"))
        await asyncio.sleep(1)
        hub.say = asked
        await world.send(world.mail("m1"))
        await asyncio.sleep(1)
        hub.say = Answer()
        await asyncio.sleep(90)
        assert len(hub.taken) == 2
        assert not world.told("sign_in_stopped")
        hub.say = asked
        await world.send(world.mail("m2"))
        await asyncio.sleep(600)
        assert len(world.told("sign_in_stopped")) == 1

    world.run(scenario)


def hung_up() -> Answer:
    error = Disconnected("the server cut the connection")
    return Answer((reply_of(error),), "auth", is_remote=False, error=error)


def test_a_server_that_disconnects_at_auth_gets_the_secret_once_and_pauses() -> None:
    world, hub = one_hub(hung_up(), credential="acs")

    async def scenario(world: World) -> None:
        for number in range(20):
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(1)
        assert len(hub.tries) == 1
        await asyncio.sleep(600)
        assert 2 <= len(hub.tries) <= 6

    world.run(scenario)


@pytest.mark.parametrize(
    "answer",
    [
        hung_up(),
        no_token(is_transient=True),
        refused_before_mail(Reply(454, "Temporary authentication failure", Esc(4, 7, 0))),
    ],
)
def test_a_temporary_login_failure_is_reported_once_if_it_lasts(answer: Answer) -> None:
    world, hub = one_hub(answer, credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(45)
        assert not world.told("sign_in_stopped")
        await asyncio.sleep(3 * 3600)
        [told] = world.told("sign_in_stopped")
        assert told["reason"]
        waiting = await world.delivery("m1.0")
        assert waiting.history[-1].advice == told["reason"], "queue why says it, too"
        hub.say = Answer()
        await asyncio.sleep(3600)
        assert len(hub.taken) == 1

    world.run(scenario)
    assert len(world.told("sign_in_works")) == 1


def test_occasional_login_failures_are_not_reported() -> None:
    world, hub = one_hub(hung_up(), credential="acs")

    async def scenario(world: World) -> None:
        for number in range(10):
            hub.say = hung_up()
            await world.send(world.mail(f"m{number}"))
            await asyncio.sleep(5)
            hub.say = Answer()
            await asyncio.sleep(3600)

    world.run(scenario)
    assert len(hub.taken) == 10
    assert not world.told("sign_in_stopped")


TLS_REQUIRED = Reply(530, "Must issue a STARTTLS command first", Esc(5, 7, 0))


@pytest.mark.parametrize(
    ("said", "credential", "finding"),
    [
        (LOGIN_REQUIRED, "", "auth_not_performed"),
        (TLS_REQUIRED, "", "starttls_required"),
        (LOGIN_REQUIRED, "acs", "auth_not_performed"),
        (Reply(503, "Error: need EHLO and AUTH first !"), "", "auth_not_performed"),
        (Reply(535, "Authentication required", Esc(5, 7, 8)), "acs", "auth_not_performed"),
    ],
)
def test_a_reply_to_mail_that_asks_for_a_login_or_tls_is_diagnosed(
    said: Reply, credential: str, finding: str
) -> None:
    """RFC 4954 6, RFC 3207 4: the message waits until an operator solves it."""
    world, hub = one_hub(refused_before_mail(said, "mail"), credential=credential)

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(1800)
        last = (await world.delivery("m1.0")).history[-1]
        assert (last.reply, last.finding) == (said, finding)
        assert last.advice
        told = [each["finding"] for each in world.told("sign_in_stopped")]
        assert told == ([finding] if credential else [])
        hub.say = Answer()
        await asyncio.sleep(2 * 3600)
        assert len(hub.taken) == 1

    world.run(scenario)
    assert len(world.told("sign_in_works")) == bool(credential)


def test_a_server_that_forgets_a_login_is_diagnosed() -> None:
    contact = Contact("hub", "hub.example", "192.0.2.1", "TLSv1.3", mechanism="PLAIN")
    found = diagnose_refused_mail(contact, LOGIN_REQUIRED)
    assert found.finding == "login_forgotten"
    assert "pass on the login" in found.sentence


def test_of_a_long_refusal_only_the_beginning_is_diagnosed() -> None:
    contact = Contact("hub", "hub.example", "192.0.2.1", "TLSv1.3", mechanism="PLAIN")
    found = diagnose_refused_mail(contact, replace(LOGIN_REQUIRED, text="Sign in. " * 7_000))
    assert found.finding == "login_forgotten"
    assert len(found.sentence) < 10_000


def of_machine(said: str) -> Answer:
    error = TokenError(f"managed identity: {said}", is_transient=False)
    return Answer((reply_of(error),), "auth", is_remote=False, error=error)


@pytest.mark.parametrize(
    "causes",
    [  # since somebody mended the wrong thing
        [
            refused_before_mail(Reply(535, "HTTP 403", Esc(5, 7, 8))),
            refused_before_mail(Reply(554, "HTTP 404", Esc(5, 3, 5))),
        ],
        [of_machine("no token: HTTP 400"), of_machine("no token: HTTP 403")],
    ],
    ids=["an API's answers", "what happened here, with the same codes"],
)
def test_a_different_cause_is_reported_even_without_findings(causes: list[Answer]) -> None:
    world, hub = one_hub(causes[0], credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(2 * 3600)
        hub.say = causes[1]
        await asyncio.sleep(DAY.total_seconds())

    world.run(scenario)
    reasons = [each["reason"] for each in world.told("sign_in_stopped")]
    assert reasons == [str(each.error or each.replies[0]) for each in causes]


@pytest.mark.parametrize("answer", [no_fit(), refused_before_mail(REFUSED)])
def test_a_reported_problem_is_not_reported_again_after_a_restart(answer: Answer) -> None:
    world, hub = one_hub(answer, credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(5)
        await world.kill()
        await world.start()
        await asyncio.sleep(DAY.total_seconds())
        assert len(world.told("sign_in_stopped")) == 1
        hub.say = Answer()
        await asyncio.sleep(DAY.total_seconds())
        assert world.alarms == {}

    world.run(scenario)
    assert len(world.told("sign_in_works")) == 1


def test_an_unreachable_token_endpoint_is_not_reported_at_once() -> None:
    world, hub = one_hub(no_token(is_transient=True), credential="acs")

    async def scenario(world: World) -> None:
        await world.send(world.mail())
        await asyncio.sleep(5)
        hub.say = Answer()
        await asyncio.sleep(300)

    world.run(scenario)
    assert len(hub.taken) == 1
    assert not world.told("sign_in_stopped")


def test_the_whole_credential_pauses_after_450_4_5_127() -> None:
    rate = Reply(450, "Excessive message rate from sender", Esc(4, 5, 127))
    world, hub = one_hub(Answer((rate,), "mail"), credential="acs")

    async def scenario(world: World) -> None:
        for number in range(30):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(40)
        assert len(hub.tries) <= 10
        hub.say = Answer()
        await asyncio.sleep(4000)
        assert len(hub.taken) == 30
        hub.say, hub.most_open = Answer(seconds=0.5), 0
        for number in range(30, 40):
            await world.send(world.mail(f"m{number}"))
        await asyncio.sleep(10)
        assert hub.most_open > 1, "one was taken, so the others need not wait for each other"

    world.run(scenario)
