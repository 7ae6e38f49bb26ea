"""Sign-in with a token: every reason for a failure, in the order of the checks."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from gatepost.directory.azure.directory import REFUSED, AzureDirectory
from gatepost.directory.azure.entries import Entry, ServicePrincipal
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from tests.processor_time import run_within
from tests.rsa_keys import rsa_key
from tests.unit.directory.azure.world import (
    APPLICATION,
    DOMAIN_NAME,
    KEY,
    NOW,
    OTHER,
    SERVICE,
    SUBSCRIPTION,
    TENANT,
    USERNAME,
    Change,
    changed,
    principal,
    smtp_username,
)
from tests.unit.directory.memory import MemoryRecords

ACS = "https://communication.azure.com"
NO_CHANGE = Change()
SCOPE = f"{ACS}/.default"


class Sign:
    """A directory after a change, its tokens, and a clock that can be set."""

    def __init__(self, change: Change = NO_CHANGE, rules: Rules | None = None) -> None:
        self.now = NOW
        self.tokens = AccessTokens(rsa_key(), self.clock)
        self.directory = AzureDirectory(
            MemoryRecords(), digest_key=KEY, clock=self.clock, rules=rules, tokens=self.tokens
        )
        asyncio.run(self.directory.save([*changed(change).values(), *change.added]))

    def clock(self) -> datetime:
        return self.now

    def token(self, audience: str = ACS, **changes: Any) -> str:
        return self.tokens.issue(replace(principal(), **changes), audience, "issuer").token.reveal()

    def sign_in(
        self, token: str | None = None, username: str = USERNAME, mechanism: str = "XOAUTH2"
    ) -> Principal | Reply:
        proof = Secret(self.token() if token is None else token)
        return self.directory.identify(Credentials(username, token=proof), mechanism)

    def reason(self, token: str | None = None, username: str = USERNAME) -> str:
        verdict = self.sign_in(token, username)
        assert isinstance(verdict, Reply)
        assert verdict == REFUSED
        return verdict.reason


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("username", [USERNAME, USERNAME.upper().replace(".", "|"), "smtp-login"])
@pytest.mark.parametrize("audience", [ACS, f"{ACS}/"])
def test_signed_in(mechanism: str, username: str, audience: str) -> None:
    sign = Sign(Change(added=(smtp_username("smtp-login"),)))
    verdict = sign.sign_in(sign.token(audience), username, mechanism)
    assert isinstance(verdict, Principal)
    assert verdict.application_id == APPLICATION
    assert verdict.resource_id == SERVICE
    assert verdict.subscription_id == SUBSCRIPTION
    assert verdict.secret_id == ""
    sending = sign.directory.standing(verdict, parse_address(f"DoNotReply@{DOMAIN_NAME}"))
    assert sending is Standing.ALLOWED


def foreign() -> str:
    return jwt.encode({"aud": ACS}, rsa_key("foreign"), "RS256")


TOKENS: dict[str, tuple[Any, str]] = {
    "Graph": (
        lambda sign: sign.token("https://graph.microsoft.com"),
        "token_audience_wrong: the token is for Microsoft Graph; ask for the scope " + SCOPE,
    ),
    "Exchange": (
        lambda sign: sign.token("https://outlook.office365.com"),
        "token_audience_wrong: the token is for Exchange Online; ",
    ),
    "ARM": (lambda sign: sign.token("https://management.azure.com"), "token_audience_wrong: "),
    "own origin": (lambda sign: sign.token("https://localhost:2443"), "token_audience_wrong: "),
    "another key": (lambda _: foreign(), "token_signature: another key signed the token"),
    "altered": (lambda sign: sign.token()[:-9] + "AAAAAAAAA", "token_"),
    "no token": (lambda _: "secret", "token_malformed: that is not a token"),
    "empty": (lambda _: "", "token_malformed: "),
    "another application": (
        lambda sign: sign.token(application_id=OTHER),
        "token_application_mismatch: the token is of another application than",
    ),
    "another tenant": (lambda sign: sign.token(tenant_id=OTHER), "token_tenant_mismatch: "),
    "a principal that was deleted": (lambda sign: sign.token(id=OTHER), "token_principal_gone: "),
}


@pytest.mark.parametrize(("make", "reason"), TOKENS.values(), ids=TOKENS)
def test_tokens_that_are_not_taken(make: Any, reason: str) -> None:
    sign = Sign()
    token = make(sign)
    said = sign.reason(token)
    assert said.startswith(reason)
    assert not token or token not in said


def test_a_token_ends() -> None:
    sign = Sign()
    token = sign.token()
    assert isinstance(sign.sign_in(token), Principal)
    sign.now = NOW + timedelta(seconds=3598)
    assert isinstance(sign.sign_in(token), Principal)
    sign.now = NOW + timedelta(seconds=3599)
    assert sign.reason(token) == "token_expired: the token expired at 2026-05-04 12:59:59 UTC"


def test_a_token_that_begins_later() -> None:
    sign = Sign()
    sign.now = NOW + timedelta(hours=1)
    token = sign.token()
    sign.now = NOW
    assert sign.reason(token).startswith("token_not_yet_valid: ")


# fmt: off
OBJECTS = [
    # change                                   good token                   bad token
    (Change(without=("tenant",)),              "tenant_unknown",            "tenant_unknown"),
    (Change(without=("application",)),         "application_unknown",       "application_unknown"),
    (Change(without=("service",)),             "resource_unknown",          "resource_unknown"),
    (Change(without=("service_principal",)),   "service_principal_missing", "token_malformed"),
    (Change(without=("assignment",)),          "role_missing",              "token_malformed"),
    (Change(without=("role",)),                "role_missing",              "token_malformed"),
    (Change(without=("secret",)),              "",                          "token_malformed"),
]
# fmt: on


@pytest.mark.parametrize(("change", "good", "bad"), OBJECTS)
def test_the_order_of_the_checks(change: Change, good: str, bad: str) -> None:
    sign = Sign(change)
    verdict = sign.sign_in()
    assert (verdict.reason.partition(":")[0] if isinstance(verdict, Reply) else "") == good
    assert sign.reason("a.b").partition(":")[0] == bad


@pytest.mark.parametrize("username", ["", "nobody", "a.b.c", f"other.{APPLICATION}.{TENANT}"])
def test_the_user_name_comes_first(username: str) -> None:
    for token in (None, "a.b"):
        assert Sign().reason(token, username).startswith(("username_format: ", "resource_unknown"))


def test_a_role_that_takes_its_time() -> None:
    sign = Sign(rules=Rules(propagation_delay=timedelta(seconds=75)))
    assert sign.reason().startswith("propagating: ")
    sign.now += timedelta(seconds=15)
    assert isinstance(sign.sign_in(), Principal)


def test_an_smtp_username_that_must_be_there() -> None:
    rules = Rules(needs_smtp_username=True)
    assert Sign(rules=rules).reason().startswith("smtp_username_missing: ")
    there = Change(added=(smtp_username("smtp-login"),))
    assert isinstance(Sign(there, rules).sign_in(), Principal)


def test_a_new_service_principal_does_not_inherit_an_old_token() -> None:
    sign = Sign()
    old = sign.token()
    assert isinstance(sign.sign_in(old), Principal)
    again = ServicePrincipal(OTHER, APPLICATION, TENANT)
    role = replace(changed(NO_CHANGE)["assignment"], id=OTHER, principal_id=OTHER)  # type: ignore[call-arg]
    added: list[Entry] = [again, role]
    asyncio.run(sign.directory.save(added, [principal()]))
    assert sign.reason(old).startswith("token_principal_gone: ")
    assert isinstance(sign.sign_in(sign.token(id=OTHER)), Principal)


@pytest.mark.parametrize("name", ["assignment", "application", "service_principal", "tenant"])
def test_removals_count_at_once(name: str) -> None:
    sign = Sign()
    token = sign.token()
    verdict = sign.sign_in(token)
    assert isinstance(verdict, Principal)
    asyncio.run(sign.directory.save([], [changed(NO_CHANGE)[name]]))
    assert sign.reason(token)
    standing = sign.directory.standing(verdict, parse_address(f"DoNotReply@{DOMAIN_NAME}"))
    assert standing is Standing.NOT_SIGNED_IN


def test_xoauth2_is_not_offered_without_tokens() -> None:
    token = Sign().token()
    made = AzureDirectory(MemoryRecords(), digest_key=KEY, clock=lambda: NOW)
    asyncio.run(made.save(changed(NO_CHANGE).values()))
    assert "XOAUTH2" not in made.mechanisms
    verdict = made.identify(Credentials(USERNAME, token=Secret(token)), "XOAUTH2")
    assert isinstance(verdict, Reply)
    assert verdict.reason.startswith("mechanism_unsupported: ")


def test_a_password_is_no_token_and_a_token_no_password() -> None:
    sign = Sign()
    token = Secret(sign.token())
    for credentials, mechanism in (
        (Credentials(USERNAME, token), "XOAUTH2"),
        (Credentials(USERNAME, token), "LOGIN"),
        (Credentials(USERNAME, token=token), "LOGIN"),
    ):
        assert isinstance(sign.directory.identify(credentials, mechanism), Reply)


def test_a_login_with_a_known_token_is_quick() -> None:
    """50 microseconds are promised; the bound here is for slow machines."""
    sign = Sign()
    credentials = Credentials(USERNAME, token=Secret(sign.token()))
    sign.directory.identify(credentials, "XOAUTH2")
    run_within(0.1, lambda: [sign.directory.identify(credentials, "XOAUTH2") for _ in range(100)])
