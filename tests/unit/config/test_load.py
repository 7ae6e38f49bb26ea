"""A loaded configuration, and the explanation of its values."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.client.named_secret import NamedSecret
from gatepost.config.effective_values import explain, explanation
from gatepost.config.load import parse_config
from gatepost.config.settings import (
    AccountsDirectory,
    AccountSettings,
    AzureDirectorySettings,
    EntraCredential,
    EntraDirectorySettings,
    NetworkRule,
    PasswordCredential,
    RefreshCredential,
)
from gatepost.config.value_syntax import network
from gatepost.model.route import (
    AcsRestTarget,
    Capture,
    GraphTarget,
    HopLimits,
    Match,
    MxTarget,
    Retry,
    Smarthost,
    SmarthostTarget,
)
from gatepost.net.dial import Server
from tests.processor_time import run_within
from tests.unit.config.small import SMALL, TENANT

LARGE = """\
hostname = "relay.example.com"
workers = 2
postmaster = "ops@example.com"

[[listener]]
name = "submission"
address = "*:587"
certificate = "/etc/gatepost/cert.pem"
key = "/etc/gatepost/key.pem"
mechanisms = ["login", "PLAIN", "CRAM-MD5"]
proxies = "10.9.0.1"
[[listener.network]]
from = ["10.0.0.0/8", "2001:db8::/32"]
mechanisms = ["CRAM-MD5"]
[[listener.network]]
from = "192.168.7.7"
may_relay = true

[[listener]]
address = "[::]:465"
certificate = "/etc/gatepost/cert.pem"

[[listener]]
unix = "/run/gatepost/smtp.sock"

[[directory.account]]
name = "printer"
password = { file = "/etc/gatepost/printer" }
senders = ["example.com", "scan@example.org", "*"]
cram_md5 = true

[credentials.acs]
kind = "password"
username = "res.app.tenant"
password = { systemd = "acs" }
[credentials.graph]
kind = "entra"
tenant = "t"
client_id = "c"
certificate = { file = "/etc/gatepost/app.pem" }
[credentials.gmail]
kind = "refresh-token"
username = "a@gmail.com"
token_endpoint = "https://oauth2.googleapis.com/token"
client_id = "id"
refresh_token = { environment = "REFRESH" }
[credentials.key]
kind = "access-key"
key = { environment = "KEY" }
[credentials.vm]
kind = "managed-identity"
[credentials.workspace]
kind = "google-service-account"
username = "a@example.com"
key = { file = "/etc/gatepost/google.json" }

[target.acs]
kind = "smarthost"
servers = ["smtp.azurecomm.net", "backup.example.net:2587"]
credential = "acs"
mechanisms = "LOGIN"
eight_bit = "bounce"
connections = 3
rate = "100/h"
messages_per_connection = 10
recipients_per_message = 50
[target.hub]
kind = "smarthost"
servers = ["a.example:465", "b.example:465"]
balance = true
[target.world]
kind = "mx"
tls = "required"
[target.rest]
kind = "acs-rest"
endpoint = "https://res.communication.azure.com/"
credential = "key"
[target.graph]
kind = "graph"
credential = "graph"
mailbox = "noreply@example.com"
[target.here]
kind = "capture"

[retry.quick]
table = ["10s", "1m"]
expire = "1h"
warn = "never"

[[route]]
name = "tests"
recipients = ["*.test", "bob@example.net"]
to = "here"
[[route]]
name = "bulk"
senders = ["news@example.com", "<>"]
applications = ["bulk-*"]
to = ["acs", "rest", "graph"]
retry = "quick"
[[route]]
to = ["world"]

[limits]
message_size = "25 MiB"
idle = 120
[storage]
directory = "/data"
[dns]
nameservers = ["127.0.0.1:5353", "2001:db8::53"]
timeout = "3s"
"""


def test_a_small_configuration() -> None:
    config = parse_config(SMALL)
    [listener] = config.listeners
    assert (listener.host, listener.port, listener.tls) == ("127.0.0.1", 2525, "none")
    [route] = config.routes
    assert (route.chain, route.match, route.retry) == ((Capture("here"),), Match(), Retry())
    assert config.directories == (AccountsDirectory(),)


def test_a_large_configuration() -> None:
    config = parse_config(LARGE)
    assert (config.hostname, config.workers) == ("relay.example.com", 2)
    assert config.postmaster == "ops@example.com"
    first, second, third = config.listeners
    assert (first.name, first.host, first.port, first.tls) == ("submission", "::", 587, "starttls")
    assert first.mechanisms == ("LOGIN", "PLAIN", "CRAM-MD5")
    assert first.proxies == (network("10.9.0.1"),)
    assert first.networks == (
        NetworkRule((network("10.0.0.0/8"), network("2001:db8::/32")), ("CRAM-MD5",)),
        NetworkRule((network("192.168.7.7"),), None, may_relay=True),
    )
    assert (second.host, second.port, second.tls) == ("::", 465, "implicit")
    assert (third.unix, third.host, third.tls) == ("/run/gatepost/smtp.sock", "", "none")
    assert config.directories[0] == AccountsDirectory(
        (
            AccountSettings(
                "printer",
                NamedSecret("file", "/etc/gatepost/printer"),
                ("@example.com", "scan@example.org", "*"),
                cram_md5=True,
            ),
        )
    )
    assert config.credentials["acs"] == PasswordCredential(
        "acs", "res.app.tenant", NamedSecret("systemd", "acs")
    )
    assert config.credentials["graph"] == EntraCredential(
        "graph", "t", "c", certificate=NamedSecret("file", "/etc/gatepost/app.pem")
    )
    assert isinstance(config.credentials["gmail"], RefreshCredential)
    assert config.limits.message_size == 25 * 1024 * 1024
    assert config.limits.idle == timedelta(minutes=2)
    assert config.storage.directory == Path("/data")
    assert config.dns.nameservers == (Server("127.0.0.1", 5353), Server("2001:db8::53", 53))
    assert config.dns.timeout == timedelta(seconds=3)


def test_routes_and_targets() -> None:
    tests, bulk, world = parse_config(LARGE).routes
    assert tests.match == Match(recipients=("*.test", "bob@example.net"))
    assert bulk.match == Match(senders=("news@example.com", "<>"), applications=("bulk-*",))
    assert bulk.chain == (
        SmarthostTarget(
            "acs",
            (Smarthost("smtp.azurecomm.net", 587, 0), Smarthost("backup.example.net", 2587, 1)),
            credential="acs",
            mechanisms=("LOGIN",),
            eight_bit="bounce",
            limits=HopLimits(3, 100 / 60, 10, 50),
        ),
        AcsRestTarget("rest", "https://res.communication.azure.com", "key"),
        GraphTarget("graph", "graph", "noreply@example.com"),
    )
    table = (timedelta(seconds=10), timedelta(minutes=1))
    assert bulk.retry == Retry(table=table, expire=timedelta(hours=1), warn=None)
    assert (world.name, world.chain) == ("default", (MxTarget("world", tls="required"),))


def test_a_port_says_how_tls_begins() -> None:
    route = '[target.hub]\nkind = "smarthost"\nservers = ["a:465", "b:465"]\nbalance = true\n'
    config = parse_config(route + SMALL.replace('to = "here"', 'to = "hub"'))
    [target] = config.routes[0].chain
    assert isinstance(target, SmarthostTarget)
    assert target.tls == "implicit"
    assert {each.priority for each in target.servers} == {0}


@pytest.mark.parametrize(
    ("lines", "directory"),
    [
        ('kind = "azure"', AzureDirectorySettings()),
        ('kind = "azure"\nprofile = "acs"\nstrict = true', AzureDirectorySettings(strict=True)),
        (
            f'kind = "entra"\ntenants = "{TENANT.upper()}"\nsenders = ["@x.org"]\ncache = "1m"',
            EntraDirectorySettings((TENANT,), (), ("@x.org",), cache=timedelta(minutes=1)),
        ),
        (
            (
                f'kind = "entra"\ntenants = "{TENANT}"\n'
                f'[[directory.application]]\nid = "{TENANT}"\nsenders = "a@x.org"'
            ),
            EntraDirectorySettings((TENANT,), (), (), {TENANT: ("a@x.org",)}),
        ),
    ],
)
def test_directories(lines: str, directory: object) -> None:
    assert parse_config(f"{SMALL}[directory]\n{lines}\n").directories == (directory,)


def test_several_directories_keep_their_order() -> None:
    text = f'{SMALL}[directory]\nkind = ["azure", "accounts"]\n'
    assert parse_config(text).directories == (AzureDirectorySettings(), AccountsDirectory())


def test_every_value_is_explained_with_its_origin() -> None:
    config = parse_config(SMALL, "g.toml")
    by_key: dict[str, Any] = {each.key: (each.value, each.origin) for each in config.effective}
    assert by_key["listener[0].address"] == ("127.0.0.1:2525", "g.toml:2")
    assert by_key["listener[0].certificate"] == ("", "default")
    assert by_key["limits.idle"] == (300.0, "default")
    assert by_key["route[0].to"] == (["here"], "g.toml:7")
    assert by_key["retry.default.expire"] == (432_000.0, "default")
    assert any(line.startswith('listener[0].tls = "none" ') for line in explain(config))
    assert all("  # " in line for line in explain(config))
    document = explanation(config)
    assert document["valid"] is True
    assert {"key": "listener[0].tls", "value": "none", "origin": "g.toml:3"} in document["values"]


def test_a_place_is_shown_for_a_secret() -> None:
    config = parse_config(LARGE)
    shown = {each.key: each.value for each in config.effective}
    assert shown["credentials.acs.password"] == "systemd credential acs"


@pytest.mark.parametrize(("tls", "port"), [("required", 587), ("implicit", 465)])
def test_a_smarthost_without_a_port_has_that_of_its_tls(tls: str, port: int) -> None:
    target = f"kind = 'smarthost'\nservers = 'smtp.example.com'\ntls = '{tls}'"
    config = parse_config(SMALL.replace('kind = "capture"', target))
    assert [each.port for each in config.routes[0].chain[0].servers] == [port]  # type: ignore[union-attr]


def test_effective_values_are_written_as_in_a_file() -> None:
    config = parse_config(f"{SMALL}[retry.default]\nwarn = 'never'\n")
    shown = {each.key: each.value for each in config.effective}
    assert shown["retry.default.warn"] == "never"
    assert len(shown) == len(config.effective)


def test_a_key_that_is_left_out_is_shown_with_what_that_means() -> None:
    target = "kind = 'smarthost'\nservers = 'smtp.example.com'"
    network = "[[listener.network]]\nfrom = '10.0.0.0/8'\n[target"
    text = SMALL.replace('kind = "capture"', target).replace("[target", network)
    lines = [" ".join(each.split()) for each in explain(parse_config(text))]
    assert 'listener[0].network[0].mechanisms = "" # default: those of the listener' in lines
    assert "route[0].senders = [] # default: everybody" in lines
    assert 'target.here.rate = "" # default: no limit' in lines


def test_thousands_of_routes_are_read_in_linear_time() -> None:
    def routes(count: int) -> str:
        return SMALL.partition("[target.here]")[0] + "".join(
            f'[target.t{number}]\nkind = "smarthost"\nservers = ["192.0.2.1"]\n'
            f'[[route]]\nrecipients = ["{number}.example"]\nto = "t{number}"\n'
            for number in range(count)
        )

    def seconds(text: str) -> float:
        begun = time.thread_time()
        assert len(parse_config(text, "g.toml").routes) == 400
        return time.thread_time() - begun

    few, many = routes(400), routes(2000)
    least = min(seconds(few) for _ in range(3))  # other processes take their share
    # With each pair compared it would take 25 times as long.
    config = run_within(12 * least, lambda: parse_config(many, "g.toml"))
    assert len(config.routes) == 2000
