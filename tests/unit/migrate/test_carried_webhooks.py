"""Which event subscriptions of ACS become webhooks, whatever Resource Manager says."""

from dataclasses import replace
from typing import Any

import pytest

from gatepost.config.load import parse_config
from gatepost.migrate.carried_webhooks import carried_webhooks, why_not
from gatepost.migrate.exit_configuration import exit_configuration
from gatepost.migrate.inventory import EventGridSubscription, Inventory
from gatepost.model.secret import Secret
from gatepost.rest.events.subscription import BatchSize, EventFilter, RetryPolicy
from tests.unit.migrate.recorded_azure import SERVICE, WEBHOOK
from tests.unit.migrate.test_exit_configuration import PROVIDERS, plan

REPORT = "Microsoft.Communication.EmailDeliveryReportReceived"
HOOK = EventGridSubscription("hook", SERVICE, "WebHook", Secret(WEBHOOK), (REPORT,))


def carried(*some: EventGridSubscription) -> Any:
    webhooks = tuple(carried_webhooks(Inventory(subscriptions=some)))
    config = parse_config(
        exit_configuration(plan(PROVIDERS["graph"], topic=SERVICE, webhooks=webhooks))
    )
    assert config.events is not None
    return config.events.webhooks


def test_everything_that_the_relay_can_do_is_carried() -> None:
    full = replace(
        HOOK, subject_begins="sender/app@", subject_ends="/x", case_sensitive=True,
        schema="CloudEventSchemaV1_0", batch=(10, 128), retry=(5, 60),
    )  # fmt: skip
    [webhook] = carried(full)
    subscription = webhook.subscription
    assert (subscription.name, subscription.scope, subscription.schema) == (
        "hook", SERVICE, "cloudevents",
    )  # fmt: skip
    assert subscription.filter == EventFilter((REPORT,), "sender/app@", "/x", case_sensitive=True)
    assert (subscription.batch, subscription.retry) == (BatchSize(10, 128), RetryPolicy(5, 60))
    assert (webhook.url.kind, webhook.url.name) == ("file", "webhook-hook.url")


def test_the_url_is_in_no_configuration() -> None:
    webhooks = tuple(carried_webhooks(Inventory(subscriptions=(HOOK,))))
    text = exit_configuration(plan(PROVIDERS["graph"], topic=SERVICE, webhooks=webhooks))
    assert "secret-code" not in text + repr(webhooks)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"endpoint_type": "ServiceBusQueue"}, "is a ServiceBusQueue"),
        ({"endpoint_type": "AzureFunction"}, "is a AzureFunction"),
        ({"url": Secret("")}, "could not be read"),
        ({"url": Secret("http://app.contoso.com/")}, "no https:// URL"),
        ({"url": Secret("https://[app.contoso.com/")}, "no https:// URL"),
        ({"url": Secret("https://app.contoso.com:x/")}, "no https:// URL"),
        ({"url": Secret("https://app.contoso.com/\n[api]")}, "no https:// URL"),
        ({"url": Secret("file:///etc/passwd")}, "no https:// URL"),
        ({"url": Secret("https://a/" + "x" * 5_000)}, "no https:// URL"),
        ({"needs_token": True}, "token of Entra"),
        ({"schema": "CustomInputSchema"}, "has the schema"),
        ({"event_types": ("Microsoft.Communication.SMSReceived",)}, "no event of e-mail"),
    ],
)
def test_what_is_not_carried(change: dict[str, Any], reason: str) -> None:
    each = replace(HOOK, **change)
    assert reason.replace("has the schema", "have the schema") in why_not(each)
    assert list(carried_webhooks(Inventory(subscriptions=(each,)))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../etc/cron.d/x"},
        {"name": 'a"]\n[api]\naddress = "0.0.0.0:1'},
        {"name": ""},
        {"name": "\u2066" * 500},
        {"subject_begins": 'x"\n[api]'},
        {"batch": (10**9, -5)},
        {"retry": (0, 10**9)},
        {"event_types": (REPORT.lower(), "x", REPORT)},
    ],
)
def test_hostile_answers_stay_values(change: dict[str, Any]) -> None:
    """Each gives one valid webhook, and a file beside the configuration."""
    each = replace(HOOK, **change)
    [webhook] = carried(each)
    assert webhook.subscription.name.replace("-", "").isalnum()
    [made] = carried_webhooks(Inventory(subscriptions=(each,)))
    assert "/" not in made.file


def test_two_of_a_name_get_two_names() -> None:
    names = [
        each.subscription.name for each in carried(HOOK, replace(HOOK, resource=f"{SERVICE}2"))
    ]
    assert names == ["hook", "hook-2"]
