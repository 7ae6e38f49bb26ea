"""Applications of real tenants: which are verified, and how long an answer counts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gatepost.directory import proof_cache
from gatepost.directory.azure.username import CompositeName
from gatepost.directory.entra import REFUSAL_HOLDS, EntraDirectory, EntraRules, Proof
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret

TENANT = "00000000-0000-4000-8000-00000000000a"
APPLICATION = "77777777-0000-4000-8000-000000000001"
OTHER = "77777777-0000-4000-8000-000000000002"
NAME = f"res.{APPLICATION}.{TENANT}"
BARS = f"res|{APPLICATION.upper()}|{TENANT}"
RIGHT, WRONG = Secret("right"), Secret("wrong")


class Endpoint:
    """A token endpoint, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = Proof()
        self.gate: asyncio.Event | None = None
        self.now = 1_000.0

    async def __call__(self, name: CompositeName, secret: Secret) -> Proof:
        self.asked.append(str(name))
        if self.gate is not None:
            await self.gate.wait()
        wrong = Proof("secret_wrong: AADSTS7000215, the secret is wrong")
        return self.answer if secret == RIGHT else wrong

    def directory(self, rules: EntraRules | None = None) -> EntraDirectory:
        usual = EntraRules(frozenset({TENANT}), {APPLICATION: ("@contoso.com",)}, cache=60)
        return EntraDirectory(rules or usual, self, bytes(32), lambda: self.now)


def run(steps: Callable[[Endpoint], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(steps(Endpoint()), 60)

    asyncio.run(bounded())


async def sign_in(directory: EntraDirectory, name: str, secret: Secret) -> Principal | Reply:
    answer = directory.identify(Credentials(name, secret), "LOGIN")
    return await answer if isinstance(answer, asyncio.Future) else answer


@pytest.mark.parametrize("name", [NAME, BARS])
def test_both_forms_of_the_name_sign_in(name: str) -> None:
    async def steps(endpoint: Endpoint) -> None:
        verdict = await sign_in(endpoint.directory(), name, RIGHT)
        assert verdict == Principal(name, application_id=APPLICATION)
        assert endpoint.asked == [NAME]

    run(steps)


def test_an_endpoint_that_asks_for_a_pause_is_left_alone_about_that_application() -> None:
    async def steps(endpoint: Endpoint) -> None:
        rules = EntraRules(frozenset({TENANT}), {APPLICATION: (), OTHER: ()}, cache=60)
        directory, busy = endpoint.directory(rules), Proof("entra_unavailable: 429", True, 20.0)
        for answer, seconds, name in (
            (busy, 0, NAME), (busy, 19, NAME), (Proof(), 0, NAME.replace(APPLICATION, OTHER)),
            (Proof(), 1, NAME), (replace(busy, retry_after=1e9), 60, NAME), (Proof(), 300, NAME),
        ):  # fmt: skip
            endpoint.answer, endpoint.now = answer, endpoint.now + seconds
            verdict = await sign_in(directory, name, RIGHT)
            assert isinstance(verdict, Principal) == (answer == Proof())
        assert len(endpoint.asked) == 5

    run(steps)


def test_an_accepted_secret_is_believed_for_a_while() -> None:
    async def steps(endpoint: Endpoint) -> None:
        directory = endpoint.directory()
        for _ in range(3):
            assert isinstance(await sign_in(directory, NAME, RIGHT), Principal)
        assert len(endpoint.asked) == 1
        endpoint.now += 60
        endpoint.answer = Proof("secret_expired: AADSTS7000222")
        assert isinstance(await sign_in(directory, NAME, RIGHT), Reply)
        assert len(endpoint.asked) == 2

    run(steps)


def test_the_same_wrong_secret_is_not_asked_about_again_and_again() -> None:
    async def steps(endpoint: Endpoint) -> None:
        directory = endpoint.directory()
        first = await sign_in(directory, NAME, WRONG)
        assert await sign_in(directory, NAME, WRONG) == first
        assert len(endpoint.asked) == 1
        assert isinstance(await sign_in(directory, NAME, RIGHT), Principal)
        endpoint.now += REFUSAL_HOLDS
        await sign_in(directory, NAME, WRONG)
        assert len(endpoint.asked) == 3

    run(steps)


def test_wrong_secrets_push_no_sound_one_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_cache, "MOST_REMEMBERED", 3)

    async def steps(endpoint: Endpoint) -> None:
        directory = endpoint.directory()
        await sign_in(directory, NAME, RIGHT)
        for number in range(9):
            await sign_in(directory, NAME, Secret(f"guess {number}"))
        asked = len(endpoint.asked)
        assert isinstance(await sign_in(directory, NAME, RIGHT), Principal)
        assert len(endpoint.asked) == asked

    run(steps)


def test_an_endpoint_that_cannot_tell_refuses_for_now_and_is_asked_again() -> None:
    async def steps(endpoint: Endpoint) -> None:
        directory = endpoint.directory()
        endpoint.answer = Proof("entra_unreachable: no answer", is_transient=True)
        verdict = await sign_in(directory, NAME, RIGHT)
        assert isinstance(verdict, Reply)
        assert verdict.code == 454
        assert verdict.reason.startswith("entra_unreachable: ")
        endpoint.answer = Proof()
        assert isinstance(await sign_in(directory, NAME, RIGHT), Principal)

    run(steps)


def test_equal_concurrent_logins_share_one_request() -> None:
    async def steps(endpoint: Endpoint) -> None:
        directory, endpoint.gate = endpoint.directory(), asyncio.Event()
        waiting = [asyncio.ensure_future(sign_in(directory, NAME, RIGHT)) for _ in range(20)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()  # who hangs up ends it for nobody else
        endpoint.gate.set()
        answers = await asyncio.gather(*waiting[1:])
        assert all(isinstance(each, Principal) for each in answers)
        assert len(endpoint.asked) == 1

    run(steps)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        (f"res.{OTHER}.{TENANT}", "application_unknown"),
        (f"res.{APPLICATION}.{OTHER}", "tenant_unknown"),
        ("bob@contoso.com", "username_format"),
        ("", "username_format"),
    ],
)
def test_other_names_are_refused_without_a_request(name: str, slug: str) -> None:
    async def steps(endpoint: Endpoint) -> None:
        directory = endpoint.directory()
        verdict = await sign_in(directory, name, RIGHT)
        assert isinstance(verdict, Reply)
        assert verdict.reason.startswith(f"{slug}: ")
        assert not endpoint.asked
        assert directory.unknown(name).startswith(f"{slug}: ")

    run(steps)


def test_permitted_senders_are_per_application() -> None:
    async def steps(endpoint: Endpoint) -> None:
        rules = EntraRules(
            frozenset({TENANT}), {APPLICATION: ("a@contoso.com",)}, others=("@fabrikam.com",)
        )
        directory = endpoint.directory(rules)
        for application, sender, standing in (
            (APPLICATION, "a@contoso.com", Standing.ALLOWED),
            (APPLICATION, "b@contoso.com", Standing.SENDER_NOT_REGISTERED),
            (APPLICATION, "a@fabrikam.com", Standing.DOMAIN_NOT_LINKED),
            (OTHER, "a@fabrikam.com", Standing.ALLOWED),
            (OTHER, "a@contoso.com", Standing.DOMAIN_NOT_LINKED),
        ):
            who = await sign_in(directory, f"res.{application}.{TENANT}", RIGHT)
            assert isinstance(who, Principal)
            assert directory.standing(who, parse_address(sender)) is standing

    run(steps)


def test_an_answer_from_before_a_reload_is_transient() -> None:
    async def steps(endpoint: Endpoint) -> None:
        directory, endpoint.gate = endpoint.directory(), asyncio.Event()
        answer = asyncio.ensure_future(sign_in(directory, NAME, RIGHT))
        await asyncio.sleep(0.01)
        directory.configure(EntraRules(frozenset({TENANT}), {}))
        endpoint.gate.set()
        verdict = await answer
        assert isinstance(verdict, Reply)
        assert verdict.is_transient

    run(steps)


def test_an_smtp_user_name_stands_for_an_application() -> None:
    async def steps(endpoint: Endpoint) -> None:
        names = {"newsletter": CompositeName("username", APPLICATION, TENANT)}
        rules = EntraRules(frozenset({TENANT}), {APPLICATION: ("@contoso.com",)}, usernames=names)
        directory = endpoint.directory(rules)
        principal = await sign_in(directory, "Newsletter", RIGHT)
        assert principal == Principal("Newsletter", application_id=APPLICATION)
        assert isinstance(await sign_in(directory, "newsletter", WRONG), Reply)
        assert isinstance(await sign_in(directory, "newsletter2", RIGHT), Reply)
        standing = directory.standing(principal, parse_address("a@contoso.com"))
        assert standing is Standing.ALLOWED

    run(steps)


def test_an_smtp_user_name_of_another_tenant_stands_for_nobody() -> None:
    async def steps(endpoint: Endpoint) -> None:
        names = {"newsletter": CompositeName("username", APPLICATION, OTHER)}
        rules = EntraRules(frozenset({TENANT}), {APPLICATION: ("@contoso.com",)}, usernames=names)
        assert isinstance(await sign_in(endpoint.directory(rules), "newsletter", RIGHT), Reply)
        assert endpoint.asked == []

    run(steps)
