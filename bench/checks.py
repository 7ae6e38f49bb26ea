"""Measures the processor time of authentication, without sockets.

The directory has a thousand applications, and each call is for another one. The best of several
batches counts, because other work on the machine only adds time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from starlette.requests import Request

from bench.report import Promise
from bench.requests import Call, bearer_send, signed_send
from bench.world import Login, World, now
from gatepost.directory.azure.login_rules import Rules
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.secret import Secret
from gatepost.profiles import load_profile
from gatepost.rest.email.access import Access, Caller, check_content
from gatepost.rest.request_bodies import Intake
from gatepost.rest.site import Site
from gatepost.sasl.interview import Verifier
from gatepost.testing.memory import MemoryStore

LIMIT_US = 50.0
BATCHES = 20
SENDER = "DoNotReply@mail0.example.com"
HOST = "communication.localhost:2443"
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Case:
    """The same check for many users, and its expected result."""

    name: str
    checks: Sequence[Callable[[], object]]
    good: bool = True


def promises() -> Iterator[Promise]:
    """Yield a row for each way to sign in, and for some ways to fail."""
    world = World()
    for case in (
        *by_secret(world),
        *by_token(world),
        *by_scram(world),
        *by_key(world),
        *by_bearer(world),
    ):
        yield Promise(f"login check: {case.name}", microseconds(case), LIMIT_US, "us")


def microseconds(case: Case) -> float:
    """Return the processor time of one check, in the best of the batches.

    Raises ValueError if one had the wrong result: then nothing was measured.
    """
    size = len(case.checks) // BATCHES
    starts = range(0, size * BATCHES, size)
    return min(_timed(case, case.checks[start : start + size]) for start in starts) / size * 1e6


def _timed(case: Case, checks: Sequence[Callable[[], object]]) -> float:
    start = time.thread_time()
    outcomes = [check() for check in checks]
    elapsed = time.thread_time() - start
    if any(_proves(outcome) != case.good for outcome in outcomes):
        raise ValueError(f"{case.name}: not the outcome that was to be measured")
    return elapsed


def _proves(outcome: object) -> bool:
    if isinstance(outcome, Verifier):
        return outcome.principal is not None
    return isinstance(outcome, Principal | Caller)


def by_secret(world: World) -> Iterator[Case]:
    """Yield AUTH LOGIN, and PLAIN, which ends in the same check."""
    directory, logins = world.directory(), world.logins
    needs = world.directory(Rules(needs_smtp_username=True))
    usual = [Credentials(each.username, each.password) for each in logins]
    named = [Credentials(each.alias, each.password) for each in logins]
    wrong = [Credentials(each.username, Secret("w" * 40)) for each in logins]
    lost = [Credentials(_in_no_tenant(each), each.password) for each in logins]
    for name, asked, claims, good in (
        ("LOGIN", directory, usual, True),
        ("LOGIN, SMTP user name", directory, named, True),
        ("LOGIN, an SMTP user name is required", needs, usual, True),
        ("LOGIN, wrong secret", directory, wrong, False),
        ("LOGIN, unknown tenant", directory, lost, False),
    ):
        yield Case(name, [partial(asked.identify, each, "LOGIN") for each in claims], good)


def _in_no_tenant(login: Login) -> str:
    return f"{login.username.rpartition('.')[0]}.{NOBODY}"


def by_token(world: World) -> Iterator[Case]:
    """Yield XOAUTH2. A user with a new token has sent mail before, with the previous one."""
    directory, sender = world.directory(), parse_address(SENDER)
    for each in world.logins:
        directory.standing(Principal(each.username), sender)
    claims = [Credentials(each.username, token=world.token(each)) for each in world.logins]
    checks = [partial(directory.identify, each, "XOAUTH2") for each in claims]
    yield Case("XOAUTH2, a new token", checks)
    yield Case("XOAUTH2, the same token again", checks)


def by_scram(world: World) -> Iterator[Case]:
    """Yield the lookup of what a SCRAM proof is verified against."""
    directory = world.directory()
    known = [each.username for each in world.logins]
    for name, usernames, good in (
        ("SCRAM-SHA-256", known, True),
        ("SCRAM-SHA-256, unknown tenant", map(_in_no_tenant, world.logins), False),
    ):
        checks = [partial(directory.verifier, each, "SCRAM-SHA-256") for each in usernames]
        yield Case(name, checks, good)


def by_key(world: World) -> Iterator[Case]:
    """Yield a signed request to the e-mail API. Without a name in Host, the keys of all are
    tried."""
    access = Access(_site(world))
    for name, host in (
        ("in Host", f"{{}}.{HOST}"),
        (f"one of {len(world.resources)}", "localhost:2443"),
    ):
        calls = [
            signed_send(host.format(each.entry.name), SENDER, each.key)
            for each in world.resources * 50
        ]
        checks = [partial(_check, access, _request(each), each.body) for each in calls]
        yield Case(f"REST, access key, resource {name}", checks)


def _check(access: Access, request: Request, body: bytes) -> Caller:
    try:
        access.authenticate(request).send(None)
    except StopIteration as done:  # nothing had to be waited for
        caller, signed = done.value
        check_content(body, signed)
        return cast("Caller", caller)
    raise RuntimeError("a key or a token of ours is checked at once")


def by_bearer(world: World) -> Iterator[Case]:
    """Yield the same with a token that was used before; a new one costs what it does with
    XOAUTH2."""
    access, checks = Access(_site(world)), []
    for login in world.logins:
        call = bearer_send(f"{login.service.name}.{HOST}", SENDER, world.token(login))
        checks.append(partial(_check, access, _request(call), b""))
        checks[-1]()
    yield Case("REST, bearer token", checks)


def _site(world: World) -> Site:
    return Site(
        profile=load_profile("acs"),
        directory=world.directory(),
        store=MemoryStore(),
        keys=world.keys,
        report=_ignore,
        now=now,
        tokens=world.tokens,
        intake=Intake(),
        clients_time=now,
    )


def _ignore(event: str, **facts: object) -> None:
    """Ignore an event."""


def _request(call: Call) -> Request:
    """Return a request as uvicorn passes it on."""
    path, _, query = call.target.partition("?")
    return Request(
        {
            "type": "http",
            "method": "POST",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in call.headers.items()],
            "server": ("127.0.0.1", 2443),
            "client": ("127.0.0.1", 50_000),
        }
    )
