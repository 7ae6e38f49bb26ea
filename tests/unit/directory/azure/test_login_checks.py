"""Sign-in: each check alone, their order, and equal times for all failures."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatepost.directory.azure.entries import ClientSecret, ServicePrincipal, Tenant
from gatepost.directory.azure.login_checks import Denial, identify, still_allowed
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.secrets import digest_of
from gatepost.model.credentials import Principal
from tests.unit.directory.azure.world import (
    APPLICATION,
    DOMAIN_NAME,
    KEY,
    NOW,
    OTHER,
    PASSWORD,
    PRINCIPAL,
    SECRET,
    SERVICE,
    SUBSCRIPTION,
    TENANT,
    USERNAME,
    Change,
    smtp_username,
    world,
)

SLOW = Rules(propagation_delay=timedelta(seconds=75))
ACCESS_KEY = base64.b64encode(bytes(range(64))).decode()


def sign_in(
    change: Change = Change(),  # noqa: B008 - a constant
    username: str = USERNAME,
    password: str = PASSWORD,
    rules: Rules = Rules(),  # noqa: B008 - a constant
    now: datetime = NOW,
) -> Principal | Denial:
    return identify(world(change), username, password, key=KEY, rules=rules, now=now)


def secret(**fields: Any) -> ClientSecret:
    values: dict[str, Any] = {
        "id": OTHER,
        "application_id": APPLICATION,
        "digest": digest_of("other", KEY),
        "start": NOW - timedelta(days=9),
        "end": NOW + timedelta(days=9),
    }
    return ClientSecret(**{**values, **fields})


@pytest.mark.parametrize(
    "username",
    [USERNAME, USERNAME.replace(".", "|"), USERNAME.upper(), f"ACS-demo.{APPLICATION}.{TENANT}"],
)
def test_the_right_secret_proves_the_application(username: str) -> None:
    assert sign_in(username=username) == Principal(
        USERNAME, "", SERVICE, APPLICATION, SUBSCRIPTION, SECRET
    )


FAILURES: list[tuple[str, Change, dict[str, Any]]] = [
    # In the order of evaluation: the slug, and what alone is wrong.
    ("username_format", Change(), {"username": "acs-demo"}),
    ("resource_unknown", Change(without=("service",)), {}),
    ("tenant_unknown", Change(without=("tenant",)), {}),
    ("application_unknown", Change(without=("application",)), {}),
    ("secret_wrong", Change(), {"password": "s3cr3t~Value.x_y-Z"}),
    ("service_principal_missing", Change(without=("service_principal",)), {}),
    ("role_missing", Change(without=("assignment",)), {}),
    ("propagating", Change(), {"rules": SLOW}),
]  # fmt: skip


SLUGS = [slug for slug, _, _ in FAILURES]


@pytest.mark.parametrize(("slug", "change", "arguments"), FAILURES, ids=SLUGS)
def test_one_thing_wrong(slug: str, change: Change, arguments: dict[str, Any]) -> None:
    verdict = sign_in(change, **arguments)
    assert isinstance(verdict, Denial)
    assert verdict.slug == slug
    assert str(verdict).startswith(f"{slug}: ")


@pytest.mark.parametrize("first", range(len(FAILURES)), ids=SLUGS)
def test_the_first_thing_wrong_is_the_reason(first: int) -> None:
    """Everything from here on is broken, too."""
    change = Change()
    arguments: dict[str, Any] = {}
    for _, more, others in FAILURES[first:]:
        change, arguments = change + more, {**arguments, **others}
    verdict = sign_in(change, **arguments)
    assert isinstance(verdict, Denial)
    assert verdict.slug == FAILURES[first][0]


OF_ANOTHER = Change(fields=(("secret", "application_id", OTHER),), added=(secret(),))
TOO_EARLY = Change(fields=(("secret", "start", NOW + timedelta(1)),))


@pytest.mark.parametrize(
    ("slug", "change", "password"),
    [
        ("secret_missing", Change(), ""),
        ("secret_missing", Change(without=("secret",)), PASSWORD),
        ("secret_wrong", Change(), PASSWORD.swapcase()),
        ("secret_wrong", Change(), f"{PASSWORD}\n"),
        ("secret_wrong", OF_ANOTHER, PASSWORD),
        ("secret_expired", Change(fields=(("secret", "end", NOW),)), PASSWORD),
        ("secret_not_yet_valid", TOO_EARLY, PASSWORD),
        ("secret_id_pasted", Change(), SECRET),
        ("secret_id_pasted", Change(), SECRET.upper()),
        ("secret_id_pasted", Change(), OTHER),
        ("access_key_pasted", Change(), ACCESS_KEY),
        ("access_key_pasted", Change(), f"endpoint=https://x/;accesskey={ACCESS_KEY}"),
    ],
)  # fmt: skip
def test_secret_denials_name_the_cause_and_not_the_secret(
    slug: str, change: Change, password: str
) -> None:
    verdict = sign_in(change, password=password)
    assert isinstance(verdict, Denial)
    assert verdict.slug == slug
    assert not password or password not in str(verdict)


def test_the_matching_secret_of_several_decides() -> None:
    expired = secret(digest=digest_of("old", KEY), end=NOW - timedelta(days=1))
    change = Change(added=(expired,))
    assert isinstance(sign_in(change), Principal)
    verdict = sign_in(change, password="old")
    assert isinstance(verdict, Denial)
    assert verdict.slug == "secret_expired"


class TestTenants:
    """An application is at home in one tenant; others may know it by a service principal."""

    ELSEWHERE = Change(fields=(("application", "tenant_id", OTHER),), added=(Tenant(OTHER),))

    def test_an_application_of_another_tenant(self) -> None:
        verdict = sign_in(self.ELSEWHERE)
        assert isinstance(verdict, Denial)
        assert verdict.slug == "application_unknown"

    def test_a_multitenant_application(self) -> None:
        multitenant = Change(fields=(("application", "multitenant", True),))
        assert isinstance(sign_in(self.ELSEWHERE + multitenant), Principal)

    def test_a_multitenant_application_that_is_not_installed(self) -> None:
        change = Change(
            without=("service_principal",), fields=(("application", "multitenant", True),)
        )
        verdict = sign_in(self.ELSEWHERE + change)
        assert isinstance(verdict, Denial)
        assert verdict.slug == "application_unknown"

    def test_a_service_principal_of_another_tenant(self) -> None:
        change = Change(
            without=("service_principal",), added=(ServicePrincipal(PRINCIPAL, APPLICATION, OTHER),)
        )
        verdict = sign_in(change)
        assert isinstance(verdict, Denial)
        assert verdict.slug == "service_principal_missing"


class TestSmtpUsernames:
    @pytest.mark.parametrize("username", ["smtp-login", "SMTP-Login", f"printer@{DOMAIN_NAME}"])
    def test_found_without_regard_to_case(self, username: str) -> None:
        change = Change(
            added=(smtp_username("smtp-login"), smtp_username(f"printer@{DOMAIN_NAME}", "printer"))
        )
        verdict = sign_in(change, username)
        assert isinstance(verdict, Principal)
        assert verdict.name.lower() == username.lower()
        assert verdict.resource_id == SERVICE

    def test_before_the_composite_form(self) -> None:
        named = smtp_username(USERNAME)
        change = Change(added=(named,), without=("tenant",))
        verdict = sign_in(change)
        assert isinstance(verdict, Denial)
        assert verdict.slug == "tenant_unknown"
        assert sign_in(Change(added=(named,))) == Principal(
            USERNAME, "", SERVICE, APPLICATION, SUBSCRIPTION, SECRET
        )

    def test_an_address_needs_its_domain_linked(self) -> None:
        verdict = sign_in(Change(added=(smtp_username("a@contoso.com"),)), "a@contoso.com")
        assert isinstance(verdict, Denial)
        assert verdict.slug == "smtp_username_domain_not_linked"

    def test_a_username_of_a_deleted_resource_is_denied(self) -> None:
        change = Change(without=("service",), added=(smtp_username("smtp-login"),))
        verdict = sign_in(change, "smtp-login")
        assert isinstance(verdict, Denial)
        assert verdict.slug == "resource_unknown"

    def test_takes_time_to_become_effective(self) -> None:
        change = Change(
            added=(smtp_username("smtp-login"),),
            fields=(("assignment", "created_at", NOW - timedelta(days=1)),),
        )
        verdict = sign_in(change, "smtp-login", rules=SLOW)
        assert str(verdict) == "propagating: the role or SMTP user name takes effect in 15 s"
        assert isinstance(sign_in(change, rules=SLOW), Principal), "the composite does not wait"


def test_a_role_takes_effect_after_the_delay() -> None:
    assert isinstance(sign_in(rules=SLOW, now=NOW + timedelta(seconds=14)), Denial)
    assert isinstance(sign_in(rules=SLOW, now=NOW + timedelta(seconds=15)), Principal)


def test_the_actions_are_configurable() -> None:
    rules = Rules(actions=("Microsoft.Communication/EmailServices/Send/action",))
    verdict = sign_in(rules=rules)
    assert isinstance(verdict, Denial)
    assert verdict.sentence.endswith("grants Microsoft.Communication/EmailServices/Send/action")


@pytest.mark.parametrize("gone", ["service", "tenant", "application", "service_principal", "role"])
def test_a_session_ends_when_something_it_needs_is_removed(gone: str) -> None:
    assert not isinstance(still_allowed(world(), USERNAME, Rules(), NOW), Denial)
    assert isinstance(still_allowed(world(Change(without=(gone,))), USERNAME, Rules(), NOW), Denial)


class _Counting:
    """``hashlib.blake2b`` and ``hmac.compare_digest``, counted."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        return self.function(*arguments, **options)


ANYTHING: list[tuple[str, Change, dict[str, Any]]] = [
    *((slug, change, arguments) for slug, change, arguments in FAILURES),
    ("secret_missing", Change(without=("secret",)), {}),
    ("secret_missing", Change(), {"password": ""}),
    ("secret_id_pasted", Change(), {"password": SECRET}),
    ("success", Change(), {}),
]


@pytest.mark.parametrize(("slug", "change", "arguments"), ANYTHING)
def test_every_attempt_makes_one_digest_and_compares_it(
    monkeypatch: pytest.MonkeyPatch, slug: str, change: Change, arguments: dict[str, Any]
) -> None:
    digests = _Counting(hashlib.blake2b)
    comparisons = _Counting(hmac.compare_digest)
    monkeypatch.setattr(hashlib, "blake2b", digests)
    monkeypatch.setattr(hmac, "compare_digest", comparisons)
    snapshot = world(change)
    digests.calls = comparisons.calls = 0
    options = {"username": USERNAME, "password": PASSWORD, "rules": Rules(), **arguments}
    identify(snapshot, key=KEY, now=NOW, **options)
    assert digests.calls == 1
    assert comparisons.calls in (1, 2), "the decoy, and the one secret that there is"


def test_times_are_utc() -> None:
    verdict = sign_in(Change(fields=(("secret", "end", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),)))
    assert str(verdict) == f"secret_expired: secret {SECRET} expired at 2026-01-02 03:04 UTC"
