"""The configuration that replaces ACS Email: valid for every provider, and complete."""

from typing import Any

import pytest

from gatepost.config.load import parse_config
from gatepost.config.settings import EntraDirectorySettings
from gatepost.errors import ConfigError
from gatepost.migrate.exit_configuration import ExitApplication, ExitPlan, exit_configuration
from gatepost.migrate.exit_targets import inside_target, outside_target
from gatepost.model.route import GraphTarget, HttpApiTarget, SendAs, SmarthostTarget
from gatepost.profiles import load_profile
from tests.unit.migrate.recorded_azure import APP, OTHER_APP, SERVICE, TENANT

HVE = {"hve_account": "news@contoso.com", "hve_client_id": APP, "hve_secret_file": "hve"}
GRAPH = {"outside": "graph", "outside_client_id": APP, "outside_secret_file": "s"}
PROVIDERS: dict[str, dict[str, Any]] = {
    "ses": {"outside": "ses", "settings": {"region": "eu-west-1"}, "access_key_id": "AKIA",
            "secret_access_key_file": "aws"},
    "mailgun": {"outside": "mailgun", "settings": {"domain": "mg.contoso.com"},
                "api_key_file": "k"},
    "sparkpost": {"outside": "sparkpost", "api_key_file": "k"},
    "infobip": {"outside": "infobip", "settings": {"account": "abc"}, "api_key_file": "k"},
    "graph": GRAPH,
    "graph with a mailbox": {**GRAPH, "mailbox": "app@contoso.com"},
    "exchange": {**GRAPH, "outside": "exchange", "mailbox": "app@contoso.com"},
    "a server": {"outside": "smtp.example.net:465", "outside_username": "u",
                 "outside_password_file": "p"},
    "a server without a login": {"outside": "relay.example.net:25"},
}  # fmt: skip


def plan(choices: dict[str, Any], **more: Any) -> ExitPlan:
    choices = {"tenants": [TENANT], **choices}
    usual: dict[str, Any] = {
        "hostname": "relay.contoso.com",
        "listen": "127.0.0.1:2587",
        "storage": "relay",
        "tenants": (TENANT,),
        "applications": (ExitApplication(APP, ("app@contoso.com",), ("Newsletter",)),),
        "outside": outside_target(choices),
        "inside": inside_target({**choices, **HVE}),
        "accepted_domains": ("contoso.com", "*.contoso.com"),
    }
    return ExitPlan(**{**usual, **more})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_gives_a_valid_configuration(provider: str) -> None:
    config = parse_config(exit_configuration(plan(PROVIDERS[provider])))
    bounces, inside, outside = config.routes
    assert bounces.match.senders == ("<>",)
    assert inside.match.recipients == ("contoso.com", "*.contoso.com")
    [target] = inside.chain
    assert isinstance(target, SmarthostTarget)
    assert target.send_as == SendAs("news@contoso.com")
    assert target.limits.recipients == 50
    assert not outside.match.recipients
    kind = {"graph": GraphTarget, "exchange": SmarthostTarget}.get(provider.split(maxsplit=1)[0])
    assert isinstance(outside.chain[0], kind or (HttpApiTarget, SmarthostTarget))


def test_logins_stay_as_they_are() -> None:
    others = ExitApplication(OTHER_APP, ("@contoso.com",), tenant=TENANT, name='The "other"\n')
    both = (ExitApplication(APP, ("app@contoso.com",), ("Newsletter",)), others)
    config = parse_config(exit_configuration(plan(PROVIDERS["graph"], applications=both)))
    directory, _ = config.directories
    assert isinstance(directory, EntraDirectorySettings)
    assert directory.tenants == (TENANT,)
    assert directory.own_senders == {APP: ("app@contoso.com",), OTHER_APP: ("@contoso.com",)}
    assert directory.usernames == {"newsletter": (APP, TENANT)}


def test_applications_are_refused_what_acs_refused() -> None:
    config, acs = parse_config(exit_configuration(plan(PROVIDERS["ses"]))), load_profile("acs")
    assert config.listeners[0].replies == "acs"
    assert config.limits.message_size == acs.limits.message_size
    assert config.limits.recipients == acs.limits.recipients


def test_with_the_api_it_is_served() -> None:
    text = exit_configuration(plan(PROVIDERS["ses"], api="127.0.0.1:2443", certificate="c.pem"))
    config = parse_config(text)
    assert len(config.directories) == 2
    assert config.apis[0].port == 2443
    assert config.listeners[0].tls == "starttls"


def test_a_sender_of_microsofts_domain_is_replaced_outside() -> None:
    choices = {**PROVIDERS["ses"], "managed_sender": "app@contoso.com"}
    target = outside_target(choices, has_managed_domain=True)
    config = parse_config(exit_configuration(plan(PROVIDERS["ses"], outside=target)))
    [outside] = config.routes[-1].chain
    assert isinstance(outside, HttpApiTarget)
    assert outside.send_as == SendAs("app@contoso.com", ("*.azurecomm.net",))


def test_delivery_events_keep_their_topic() -> None:
    config = parse_config(exit_configuration(plan(PROVIDERS["ses"], topic=SERVICE)))
    assert config.events is not None
    assert config.events.topic == SERVICE


@pytest.mark.parametrize(
    ("choices", "missing"),
    [
        ({}, "--outside"),
        ({"outside": "ses"}, "region"),
        ({"outside": "ses", "settings": {"region": "x"}}, "--secret-access-key-file"),
        ({"outside": "mailgun"}, "--api-key-file"),
        ({"outside": "exchange"}, "--mailbox"),
        ({"outside": "graph", "tenants": [TENANT]}, "--outside-secret-file"),
        ({"outside": "graph"}, "--tenant"),
        ({"outside": "h:25", "outside_username": "u"}, "--outside-password-file"),
    ],
)
def test_what_is_missing_is_named(choices: dict[str, Any], missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        outside_target(choices)


def test_values_cannot_break_out_of_their_place() -> None:
    hostile = 'x"\n[limits]\nrecipients = 1\n#'
    text = exit_configuration(plan(PROVIDERS["graph"], storage=hostile))
    assert parse_config(text).storage.directory.name or "[limits]" not in text.split("\n")


@pytest.mark.parametrize("name", ["x\n[limits]\nrecipients = 7\n#", "x\r[limits]\x1b\x00y"])
def test_the_name_of_an_application_stays_a_comment(name: str) -> None:
    named = (ExitApplication(APP, ("app@contoso.com",), name=name),)
    config = parse_config(exit_configuration(plan(PROVIDERS["graph"], applications=named)))
    assert (
        config.limits.recipients
        == parse_config(exit_configuration(plan(PROVIDERS["graph"]))).limits.recipients
    )


@pytest.mark.parametrize(
    ("choices", "what"),
    [
        ({"outside": "sendgrid"}, "--outside sendgrid: must be ses"),
        ({"outside": "smtp.example.net:25", "settings": {"region": "x"}}, "--set is for ses"),
    ],
)
def test_what_would_be_ignored_is_refused(choices: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        outside_target(choices)


@pytest.mark.parametrize("other", ["hve_secret_file", "hve_client_id"])
def test_the_password_and_the_secret_of_hve_exclude_each_other(other: str) -> None:
    choices = {"tenants": [TENANT], "hve_account": "news@contoso.com", "hve_password_file": "p"}
    assert inside_target(choices).credential["kind"] == "password"
    with pytest.raises(ConfigError, match=r"--hve-password-file and --hve-.* cannot be used"):
        inside_target({**choices, other: "x"})
