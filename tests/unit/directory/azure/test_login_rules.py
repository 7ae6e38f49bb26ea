"""Further requirements of a profile for a sign-in, and how long a secret is remembered."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.directory import AzureDirectory, RememberedSecrets
from gatepost.directory.azure.entries import ClientSecret, Entry, Permission
from gatepost.directory.azure.login_checks import Denial, identify
from gatepost.directory.azure.login_rules import ACTION_SETS, Rules, rules_of
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.profiles import load_profile
from tests.unit.directory.azure.world import (
    APPLICATION,
    DOMAIN_NAME,
    KEY,
    NOW,
    OTHER,
    PASSWORD,
    SECRET,
    USERNAME,
    Change,
    entries,
    smtp_username,
    world,
)
from tests.unit.directory.memory import MemoryRecords

READ, WRITE, EMAIL_WRITE = SEND_ACTIONS
NAMED = Change(added=(smtp_username("smtp-login"),))


def slug_of(change: Change, rules: Rules, username: str = USERNAME, *, late: float = 0.0) -> str:
    now = NOW + timedelta(seconds=late)
    verdict = identify(world(change), username, PASSWORD, key=KEY, rules=rules, now=now)
    return verdict.slug if isinstance(verdict, Denial) else "signed in"


def granting(*actions: str) -> Change:
    return Change(fields=(("role", "permissions", (Permission(actions),)),))


@pytest.mark.parametrize(
    ("setting", "granted", "outcome"),
    [
        ("current", (READ, WRITE, EMAIL_WRITE), "signed in"),
        ("current", (READ, EMAIL_WRITE), "role_missing"),
        ("legacy-2023", (READ, EMAIL_WRITE), "signed in"),
        ("legacy-2023", (READ, WRITE), "role_missing"),
        ("current", ("Microsoft.Communication/*",), "signed in"),
        ('["Microsoft.Communication/Emails/Send"]', (READ, WRITE, EMAIL_WRITE), "role_missing"),
        ('["Microsoft.Communication/Emails/Send"]', ("*",), "signed in"),
        ("[]", (), "signed in"),
    ],
)
def test_the_actions_that_a_role_must_grant(
    setting: str, granted: tuple[str, ...], outcome: str
) -> None:
    settings = [f"directory.required_actions={setting}"]
    rules = rules_of(load_profile("acs", strict=False, settings=settings))
    assert slug_of(granting(*granted), rules) == outcome


def test_every_named_set_is_one_that_a_profile_may_name() -> None:
    for name, actions in ACTION_SETS.items():
        profile = load_profile("acs", settings=[f"directory.required_actions={name}"])
        assert rules_of(profile).actions == actions


NEEDS = Rules(needs_smtp_username=True)


@pytest.mark.parametrize(
    ("change", "username", "outcome"),
    [
        (Change(), USERNAME, "smtp_username_missing"),
        (NAMED, USERNAME, "signed in"),
        (NAMED, "smtp-login", "signed in"),
        (
            Change(added=(replace(smtp_username("x"), application_id=OTHER),)),
            USERNAME,
            "smtp_username_missing",
        ),
        (
            Change(added=(replace(smtp_username("x"), application_id=APPLICATION.upper()),)),
            USERNAME,
            "signed in",
        ),
        (Change(without=("tenant",)), USERNAME, "smtp_username_missing"),
        (Change(without=("service",)), USERNAME, "resource_unknown"),
    ],
)
def test_a_composite_name_may_need_an_smtp_username(
    change: Change, username: str, outcome: str
) -> None:
    assert slug_of(change, NEEDS, username) == outcome
    assert slug_of(NAMED, Rules(), username) == "signed in"


def test_an_smtp_username_that_is_needed_counts_from_when_it_is_made_until_it_is_gone() -> None:
    there, needed = world(), smtp_username("smtp-login")
    composite = (there, USERNAME, PASSWORD)
    for made, change in ((False, {"put": ()}), (True, {"put": (needed,)}),
                         (False, {"put": (), "delete": (needed,)})):  # fmt: skip
        there.apply(**change)
        verdict = identify(*composite, key=KEY, rules=NEEDS, now=NOW)
        assert isinstance(verdict, Principal) is made


def test_the_smtp_username_that_is_needed_takes_time_as_well() -> None:
    """It was made 60 seconds ago, the role long before."""
    old = Change(fields=(("assignment", "created_at", NOW - timedelta(days=1)),))
    slow = replace(NEEDS, propagation_delay=timedelta(seconds=75))
    assert slug_of(NAMED + old, slow) == "propagating"
    assert slug_of(NAMED + old, slow, late=15) == "signed in"


class Clock:
    """A directory whose time the test sets."""

    def __init__(self, rules: Rules) -> None:
        self.now = NOW
        self.there = entries()
        self.directory = AzureDirectory(
            MemoryRecords(), digest_key=KEY, clock=lambda: self.now, rules=rules
        )
        self.save(*self.there.values())

    def save(self, *put: Entry, delete: tuple[Entry, ...] = ()) -> None:
        asyncio.run(self.directory.save(put, delete))

    def sign_in(self, password: str = PASSWORD) -> Principal | Reply:
        return self.directory.identify(Credentials(USERNAME, Secret(password)), "LOGIN")

    def slug(self, password: str = PASSWORD) -> str:
        verdict = self.sign_in(password)
        return verdict.reason.partition(":")[0] if isinstance(verdict, Reply) else "signed in"

    def secret(self) -> ClientSecret:
        kept = self.directory.get(ClientSecret, SECRET)
        assert kept is not None
        return kept


KEPT = Rules(token_cache=timedelta(minutes=5))


class TestTokens:
    def test_without_a_cache_a_deleted_secret_is_refused_at_once(self) -> None:
        clock = Clock(Rules())
        assert clock.slug() == "signed in"
        clock.save(delete=(clock.secret(),))
        assert clock.slug() == "secret_missing"

    def test_a_kept_token_outlives_its_secret_for_as_long_as_it_was_issued(self) -> None:
        clock = Clock(KEPT)
        principal = clock.sign_in()
        clock.now += timedelta(minutes=4)
        assert clock.slug() == "signed in", "and this does not renew it"
        clock.save(delete=(clock.secret(),))
        clock.now += timedelta(seconds=59)
        assert clock.slug() == "signed in"
        sender = Address("DoNotReply", DOMAIN_NAME)
        assert isinstance(principal, Principal)
        assert clock.directory.standing(principal, sender) is Standing.ALLOWED
        clock.now += timedelta(seconds=1)
        assert clock.slug() == "secret_missing"

    def test_it_is_of_the_secret_that_was_proven(self) -> None:
        clock = Clock(KEPT)
        assert clock.slug() == "signed in"
        assert clock.slug(PASSWORD.swapcase()) == "secret_wrong"
        clock.save(delete=(clock.secret(),))
        assert clock.slug("") == "secret_missing"

    def test_a_remembered_secret_still_needs_the_role(self) -> None:
        clock = Clock(KEPT)
        assert clock.slug() == "signed in"
        clock.save(delete=(clock.there["assignment"],))
        assert clock.slug() == "role_missing"

    def test_no_token_is_kept_of_a_refusal(self) -> None:
        clock = Clock(KEPT)
        clock.save(replace(clock.secret(), end=NOW))
        assert clock.slug() == "secret_expired"
        assert clock.slug() == "secret_expired"

    def test_the_number_of_remembered_secrets_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gatepost.directory.azure.directory._MAX_KEPT", 2)
        kept = RememberedSecrets(timedelta(hours=1))
        for name in ("one", "two", "three"):
            kept.remember(name, b"digest", NOW)
        found = [name for name in ("one", "TWO", "three") if kept.has(name, b"digest", NOW)]
        assert found == ["TWO", "three"]
