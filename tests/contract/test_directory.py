"""The contract of every directory (``directory.contract.Directory``)."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gatepost.directory.contract import Directory, Standing
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl import mechanisms
from gatepost.sasl.channel import Channel, ChannelBinding
from gatepost.sasl.exchange import ExchangeContext
from gatepost.sasl.interview import Answer, Challenge, Lookup, ServerSide, Verifier, Verify
from tests.contract.directories import CASES, Case

BINDING = ChannelBinding("tls-server-end-point", b"certificate")
TOKENS = {"XOAUTH2", "OAUTHBEARER"}
SCRAM = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
REASON = re.compile(r"[a-z_]+: \S.*")


@pytest.fixture(params=CASES)
def make(request: pytest.FixtureRequest) -> Callable[[], Awaitable[Case]]:
    return CASES[request.param]


def run(make: Callable[[], Awaitable[Case]], steps: Callable[[Case], Awaitable[None]]) -> None:
    async def all_steps() -> None:
        await steps(await make())

    asyncio.run(asyncio.wait_for(all_steps(), 60))


async def settled(answer: Any) -> Any:
    return await answer if isinstance(answer, asyncio.Future) else answer


async def ask(directory: Directory, question: Lookup | Verify) -> Answer:
    if isinstance(question, Lookup):
        answer: Answer = await settled(directory.verifier(question.username, question.mechanism))
    else:
        answer = await settled(directory.identify(question.credentials, question.mechanism))
    return answer


async def sign_in(
    directory: Directory, mechanism: str, credentials: Credentials
) -> Principal | Reply:
    """Let a client sign in with ``mechanism``, as over SMTP but without it."""
    channel = Channel(encrypted=True, verified=True, binding=BINDING)
    side = ExchangeContext(channel, tuple(directory.mechanisms), "c" * 20)
    exchange = mechanisms.client(mechanism, credentials, side).exchange()
    initial = next(exchange)
    server = ServerSide(nonce="s" * 20, bindings=(BINDING,), offered=directory.mechanisms)
    interview = mechanisms.interview(mechanism, initial, server)
    answer: Answer | None = None
    try:
        while True:
            question = next(interview) if answer is None else interview.send(answer)
            if isinstance(question, Challenge):
                answer = exchange.send(question.data) or b""
            else:
                answer = await ask(directory, question)
    except StopIteration as done:
        verdict: Principal | Reply = done.value
        return verdict


def test_the_right_password_signs_in_with_every_mechanism(
    make: Callable[[], Awaitable[Case]],
) -> None:
    async def steps(case: Case) -> None:
        assert {"PLAIN", "LOGIN"} <= case.directory.mechanisms
        for mechanism in case.directory.mechanisms - (set() if case.token else TOKENS):
            right = Credentials(case.username, case.password, case.token)
            verdict = await sign_in(case.directory, mechanism, right)
            assert isinstance(verdict, Principal), (mechanism, verdict)
            assert verdict.name == case.username

    run(make, steps)


def test_a_wrong_password_signs_in_with_none(make: Callable[[], Awaitable[Case]]) -> None:
    async def steps(case: Case) -> None:
        for mechanism in case.directory.mechanisms:
            wrong = Credentials(case.username, Secret("wrong"), Secret("wr.on.g"))
            verdict = await sign_in(case.directory, mechanism, wrong)
            assert isinstance(verdict, Reply), mechanism
            assert REASON.fullmatch(verdict.reason), verdict.reason

    run(make, steps)


def test_a_refusal_does_not_show_its_reason(make: Callable[[], Awaitable[Case]]) -> None:
    async def steps(case: Case) -> None:
        for mechanism in ("PLAIN", "XOAUTH2", "OAUTHBEARER", "NONSENSE"):
            replies = [
                await settled(case.directory.identify(Credentials(name, wrong, wrong), mechanism))
                for name, wrong in (
                    (case.username, Secret("wrong-password")),
                    ("nobody-at-all", Secret("wrong-password")),
                    ("", Secret("")),
                )
            ]
            assert len({reply.encode() for reply in replies}) == 1
            assert {reply.code for reply in replies} == {535}
            for reply in replies:
                assert REASON.fullmatch(reply.reason)
                assert "wrong-password" not in reply.reason
                assert "nobody-at-all" not in reply.reason

    run(make, steps)


def test_authorization_identities_of_others_are_refused(
    make: Callable[[], Awaitable[Case]],
) -> None:
    async def steps(case: Case) -> None:
        for authzid, signed_in in (("", True), (case.username, True), ("root", False)):
            credentials = Credentials(case.username, case.password, authzid=authzid)
            verdict = await settled(case.directory.identify(credentials, "PLAIN"))
            assert isinstance(verdict, Principal) is signed_in
            if case.token:
                with_token = Credentials(case.username, token=case.token, authzid=authzid)
                verdict = await settled(case.directory.identify(with_token, "XOAUTH2"))
                assert isinstance(verdict, Principal) is signed_in

    run(make, steps)


def test_a_decoy_looks_like_a_verifier_and_stays_the_same(
    make: Callable[[], Awaitable[Case]],
) -> None:
    async def steps(case: Case) -> None:
        for mechanism in case.directory.mechanisms & SCRAM:
            real: Verifier = await settled(case.directory.verifier(case.username, mechanism))
            first = await settled(case.directory.verifier("nobody", mechanism))
            again = await settled(case.directory.verifier("nobody", mechanism))
            other = await settled(case.directory.verifier("somebody", mechanism))
            assert real.principal is not None
            assert real.refusal is None
            assert first.principal is None
            assert REASON.fullmatch(first.refusal.reason)
            assert first == again
            assert first.scram.salt != other.scram.salt
            assert real.scram is not None
            decoys = [
                await settled(case.directory.verifier(f"nobody{number}", mechanism))
                for number in range(32)
            ]
            assert real.scram.iterations in {each.scram.iterations for each in decoys}
            assert len(real.scram.salt) == len(first.scram.salt)

    run(make, steps)


def test_the_standing_of_senders(make: Callable[[], Awaitable[Case]]) -> None:
    async def steps(case: Case) -> None:
        who = await settled(
            case.directory.identify(Credentials(case.username, case.password), "PLAIN")
        )
        for sender, expected in (
            (case.allowed, Standing.ALLOWED),
            (case.allowed.lower(), Standing.ALLOWED),
            (case.refused, Standing.SENDER_NOT_REGISTERED),
            ("someone@elsewhere.example", Standing.DOMAIN_NOT_LINKED),
        ):
            standing = await settled(case.directory.standing(who, parse_address(sender)))
            assert standing is expected, sender

    run(make, steps)


def test_a_removed_permission_is_effective_at_once(make: Callable[[], Awaitable[Case]]) -> None:
    async def steps(case: Case) -> None:
        credentials = Credentials(case.username, case.password)
        who = await settled(case.directory.identify(credentials, "PLAIN"))
        await case.take_away()
        assert isinstance(await settled(case.directory.identify(credentials, "PLAIN")), Reply)
        assert (await settled(case.directory.verifier(case.username, "SCRAM-SHA-256"))).refusal
        standing = await settled(case.directory.standing(who, parse_address(case.allowed)))
        assert standing is Standing.NOT_SIGNED_IN

    run(make, steps)
