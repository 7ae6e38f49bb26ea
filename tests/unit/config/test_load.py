"""What a configuration comes to, and every mistake with its place."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gatepost.client.named_secret import NamedSecret
from gatepost.config.explain import explain, explanation, problems_document
from gatepost.config.load import load_config, parse_config, read_config
from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import (
    AccountsDirectory,
    AccountSettings,
    AzureDirectorySettings,
    EntraCredential,
    EntraDirectory,
    NetworkRule,
    PasswordCredential,
    RefreshCredential,
)
from gatepost.config.values import network
from gatepost.model.retry import Retry
from gatepost.model.route import (
    AcsRestTarget,
    Capture,
    GraphTarget,
    HopLimits,
    Match,
    MxTarget,
    Smarthost,
    SmarthostTarget,
)
from gatepost.net.dial import Server
from tests.certificates import make_authority

TENANT = "00000000-0000-4000-8000-00000000000a"
SMALL = """\
[[listener]]
address = "127.0.0.1:2525"
tls = "none"
[target.here]
kind = "capture"
[[route]]
to = "here"
"""

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
            EntraDirectory((TENANT,), (), ("@x.org",), cache=timedelta(minutes=1)),
        ),
        (
            (
                f'kind = "entra"\ntenants = "{TENANT}"\n'
                f'[[directory.application]]\nid = "{TENANT}"\nsenders = "a@x.org"'
            ),
            EntraDirectory((TENANT,), (), (), {TENANT: ("a@x.org",)}),
        ),
    ],
)
def test_directories(lines: str, directory: object) -> None:
    assert parse_config(f"{SMALL}[directory]\n{lines}\n").directories == (directory,)


def test_several_directories_keep_their_order() -> None:
    text = f'{SMALL}[directory]\nkind = ["azure", "accounts"]\n'
    assert parse_config(text).directories == (AzureDirectorySettings(), AccountsDirectory())


def test_clear_text_for_others_has_to_be_said() -> None:
    text = f"{SMALL}[[listener]]\naddress = '0.0.0.0:25'\ntls = 'none'\nallow_clear_text = true\n"
    assert parse_config(text).listeners[1].allow_clear_text


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        parse_config(text, "g.toml")
    return [str(each) for each in caught.value.problems]


# Each is added to SMALL, which has 7 lines.
MISTAKES = [
    ("[[lisener]]", "g.toml:8: unknown key lisener (did you mean listener?)"),
    ("[limits]\nidel = 5", "g.toml:9: unknown key limits.idel (did you mean idle?)"),
    ("[limits]\nidle = true", 'g.toml:9: limits.idle takes a time such as "30s"'),
    ("[limits]\nidle = 0", "g.toml:9: limits.idle takes a time longer than none"),
    ("[limits]\nrecipients = 0", "g.toml:9: limits.recipients takes a whole number from 1 to"),
    ("[limits]\nmessage_size = '5 MB B'", 'g.toml:9: limits.message_size takes a size'),
    ("limits = 5", "g.toml:8: unknown key route[0].limits"),
    ("[directory]\nkind = 'azur'", ('g.toml:9: directory.kind takes "accounts", "azure" or "entra",'
     " not 'azur' (did you mean azure?)")),
    ("[directory]\nkind = 'azure'\nprofile = 'akz'", "g.toml:10: directory.profile takes"),
    ("[directory]\nkind = 'entra'\nsenders = '*'", "g.toml:8: directory.tenants is missing"),
    ("[directory]\nkind = 'entra'\ntenants = 'contoso'",
     "g.toml:10: directory.tenants takes an id"),
    ("[directory]\nkind = ['azure', 'azure']",
     "g.toml:9: directory.kind names each directory once"),
    ("[directory]\nkind = []", "g.toml:9: directory.kind names each directory once"),
    (("[[listener]]\nunix = '/s'\nmechanisms = ['SCRAM-SHA-1']\n[directory]\n"
      f"kind = 'entra'\ntenants = '{TENANT}'"),
     "g.toml:10: the directory cannot verify SCRAM-SHA-1"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['XOAUTH2']",
     "g.toml:10: the directory cannot verify XOAUTH2"),
    ("[[directory.account]]\nname = 'a'\npassword = 'hunter2'",
     "g.toml:10: directory.account[0].password is a secret, which never stands"),
    ("[[directory.account]]\nname = 'a'\npassword = { path = 'x' }",
     'g.toml:10: directory.account[0].password takes { file = "PATH" }'),
    ("[[listener]]\naddress = '0.0.0.0:587'", "g.toml:8: listener[1].certificate is missing"),
    ("[[listener]]\naddress = '0.0.0.0:25'\ntls = 'none'",
     'g.toml:10: listener[1].tls: "none" is for this machine alone'),
    ("[[listener]]\naddress = 'example.org:25'\ntls = 'none'",
     "g.toml:9: listener[1].address takes an address and a port"),
    ("[[listener]]\naddress = '127.0.0.1:2525'\ntls = 'none'",
     "g.toml:9: the listener listener-1 has that place already"),
    ("[[listener]]\ntls = 'none'",
     "g.toml:8: a listener has an address or a unix socket: one of them"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['PLAIN', 'LOGN', 'XOAUTH']",
     "g.toml:10: listener[1].mechanisms no mechanism is named 'XOAUTH' (did you mean XOAUTH2?)"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['XOAUTH2']\n[directory]\nkind = 'azure'",
     "g.toml:10: the directory cannot verify XOAUTH2"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['SCRAM-SHA-1-PLUS']",
     "g.toml:10: SCRAM-SHA-1-PLUS is bound to TLS, and tls is none"),
    (("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = ['10.0.0.0/8', '::/0']\n"
      "[[listener.network]]\nfrom = ['10.1.0.0/16', '::1']\nrefuse = true"),
     "g.toml:13: listener[1].network[1].from: for all of these an earlier rule counts"),
    ("[target.x]\nkind = 'smarthost'\nservers = 'x.example'\ntls = 'starttls'",
     'g.toml:11: target.x.tls takes "required", which is STARTTLS always (did you mean required?)'),
    ("[credentials.x]\nkind = 'entra'\ntenant = 'a b'",
     "g.toml:10: credentials.x.tenant takes a tenant's id or one of its domains"),
    ("[[listener]]\naddress = '127.0.0.1:2'\ncertificate = 'c'\nmechanisms = ['EXTERNAL']",
     "g.toml:11: EXTERNAL asks for certificates; listener[1].client_authorities is missing"),
    ("[[listener]]\nunix = '/s'\nclient_authorities = 'c'",
     "g.toml:10: listener[1].client_authorities is not used: tls is none"),
    (("[[directory.account]]\nname = 'a'\npassword = { environment = 'P' }\n"
     "certificates = ['sha256:12']"),
     'g.toml:11: directory.account[0].certificates takes a digest as "sha256:" and 64'),
    ("[api]\naddress = '127.0.0.1:0'\ncertificate = 'c'",
     'g.toml:8: [api] manages the directory of kind "azure", and there is none'),
    ("[[listener]]\nunix = '/s'\nmechanisms = []",
     "g.toml:10: listener[1].mechanisms is an empty list"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['LOGN', 'x']",
     "g.toml:10: listener[1].mechanisms no mechanism is named 'LOGN' (did you mean LOGIN?)"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['CRAM-MD5']\n[directory]\nkind = 'azure'",
     "g.toml:10: the directory cannot verify CRAM-MD5"),
    ("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = '0.0.0.0/0'\nmay_relay = true",
     "g.toml:12: listener[1].network[0].may_relay: that is an open relay for everybody"),
    ("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = '10.0.0.1/8'",
     "g.toml:11: listener[1].network[0].from takes a network"),
    ("[[route]]\nto = 'here'", "g.toml:8: this route is never taken: default takes"),
    ("[[route]]\nname = 'b'\nto = 'here'", "g.toml:8: the route b is never taken: default takes"),
    ("[[route]]\nrecipients = 'a b'\nto = 'here'",
     "g.toml:8: this route is never taken: default takes"),
    (("[target.x]\nkind = 'smarthost'\nservers = 'a'\ncredential = 'asc'\n[credentials.acs]\n"
     "kind = 'access-key'\nkey = { environment = 'K' }"),
     "g.toml:11: target.x.credential: there is no [credentials.asc] (did you mean acs?)"),
    ("[target.x]\nkind = 'smarthost'", "g.toml:8: target.x.servers is missing"),
    ("[target.x]\nkind = 'smarthost'\nservers = ['a:25', 'localhost:2525']",
     "g.toml:10: target.x.servers: localhost:2525 is this relay's listener listener-1"),
    ("[target.x]\nkind = 'smart-host'", "g.toml:9: target.x.kind takes"),
    ("[target.x]\nkind = 'smarthost'\nservers = 'a:b'", "g.toml:10: target.x.servers takes HOST"),
    ("[target.x]\nkind = 'mx'\nrate = 'fast'", 'g.toml:10: target.x.rate takes a rate such as'),
    (("[target.x]\nkind = 'smarthost'\nservers = 'a'\ntls = 'none'\ncredential = 'c'\n"
     "[credentials.c]\nkind = 'password'\nusername = 'u'\npassword = { environment = 'P' }"),
     "g.toml:11: target.x.tls: a secret goes out under TLS only"),
    (("[target.x]\nkind = 'smarthost'\nservers = 'a'\nverify = false\ncredential = 'c'\n"
     "[credentials.c]\nkind = 'password'\nusername = 'u'\npassword = { environment = 'P' }"),
     "g.toml:11: target.x.verify: a secret goes to a server whose certificate is verified"),
    (("[target.x]\nkind = 'graph'\ncredential = 'c'\n[credentials.c]\nkind = 'password'\n"
     "username = 'u'\npassword = { environment = 'P' }"),
     "g.toml:10: target.x.credential: Microsoft Graph takes tokens only"),
    (("[target.x]\nkind = 'acs-rest'\nendpoint = 'http://x.example'\ncredential = 'c'\n"
     "[credentials.c]\nkind = 'access-key'\nkey = { environment = 'P' }"),
     "g.toml:10: target.x.endpoint takes an https:// URL"),
    ("[credentials.c]\nkind = 'entra'\ntenant = 't'\nclient_id = 'c'",
     "g.toml:8: credentials.c.secret or certificate: one of them proves who it is"),
    ("[credentials.c]\nkind = 'password'\nusername = 'u'", "g.toml:8: credentials.c.password is"),
    ("[credentials.c]\nkind = 'client-certificate'",
     "g.toml:8: credentials.c.certificate is missing"),
    (("[target.x]\nkind = 'graph'\ncredential = 'c'\n[credentials.c]\n"
     "kind = 'client-certificate'\ncertificate = 'c.pem'"),
     "g.toml:10: target.x.credential: Microsoft Graph takes tokens only"),
    ("[credentials]\nc = 'x'", "g.toml:9: credentials.c is a table: [credentials.c]"),
    ("[retry.x]\ntable = ['1m']\nfirst = '1m'",
     "g.toml:10: retry.x.first says nothing beside retry.x.table"),
    ("[retry.x]\nfactor = 0.5", "g.toml:9: retry.x.factor takes a number from 1 to 10"),
    ("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = 'unix'\nmechanisms = 'XOAUTH2'",
     "g.toml:12: the directory cannot verify XOAUTH2"),
    (("[[listener]]\nunix = '/s'\n[[listener.network]]\nmay_relay = true\n"
      "from = ['0.0.0.0/1', '128.0.0.0/1']"),
     "g.toml:11: listener[1].network[0].may_relay: that is an open relay for everybody"),
    ("[target.x]\nkind = 'smarthost'\nservers = ['a', 'b', 'A:587']",
     "g.toml:10: target.x.servers names a:587 twice"),
    ("[target.x]\nkind = 'smarthost'\nservers = 'a'\nmechanisms = 'PLAIN'",
     "g.toml:11: target.x.mechanisms says nothing without a credential: nobody signs in"),
    ("[[route]]\nrecipients = 'a.b'\nto = ['here', 'here']",
     "g.toml:10: route[1].to names here twice"),
    ("[retry.x]\nfirst = '2h'", "g.toml:9: retry.x.longest is shorter than retry.x.first"),
    ("[limits]\nmessage_size = 0", "g.toml:9: limits.message_size takes a size that is not none"),
    ("[limits]\nrecip = 1",
     "g.toml:9: unknown key limits.recip (did you mean recipients?)"),
    (("[credentials.x]\nkind = 'access-key'\nkey = { env = 'X' }"),
     ('g.toml:10: credentials.x.key takes { file = "PATH" }, { systemd = "NAME" } or '
      '{ environment = "VARIABLE" } (did you mean environment?)')),
    ("[credentials.x]\nkind = 'entra'\ntenant = 't'\nclient_id = 'c'\nclient_secret = 's'",
     "g.toml:12: unknown key credentials.x.client_secret (did you mean secret?)"),
    ("[dns]\nnameservers = ['ns.example']", "g.toml:9: dns.nameservers takes an address"),
    ("[storage]\nhistory = '7 years'", "g.toml:9: storage.history takes a time"),
    ('[storage]\ndirectory = "a\\u0000"', "g.toml:9: storage.directory takes a path"),
    (("[credentials.x]\nkind = 'access-key'\nkey = { file = \"\\u0000\" }"),
     "g.toml:10: credentials.x.key takes { file ="),
    ("[directory]\nkind = 'azure'\nprofile = 'mine.toml'", "g.toml:10: directory.profile takes"),
    (f"[directory]\nkind = 'entra'\ntenants = '{TENANT}'\napplications = []",
     "g.toml:11: directory.applications is an empty list"),
    ("[target.g]\nkind = 'graph'\ncredential = 'c'\nmailbox = 'alerts'",
     "g.toml:11: target.g.mailbox takes a mailbox, or a user's id"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "said"), MISTAKES)
def test_a_mistake_is_told_with_its_place(lines: str, said: str) -> None:
    assert any(each.startswith(said) for each in mistakes(SMALL + lines + "\n")), mistakes(
        SMALL + lines + "\n"
    )


def test_a_socket_s_path_that_is_too_long_is_the_only_mistake() -> None:
    told = mistakes(f"{SMALL}[[listener]]\nunix = '/{'s' * 120}'\n")
    assert told == ["g.toml:9: listener[1].unix takes a path of 107 octets at most"]


def test_a_secret_that_stands_there_is_not_repeated() -> None:
    text = f"{SMALL}[[directory.account]]\nname = 'a'\npassword = 'hunter2'\n"
    assert "hunter2" not in "".join(mistakes(text))


def test_all_mistakes_are_told_at_once_in_order() -> None:
    text = """\
hostnam = "x"
[[listener]]
address = "127.0.0.1"
[[route]]
name = "a b"
to = ["nowhere"]
retry = "slow"
senders = ["x y"]
"""
    assert mistakes(text) == [
        "g.toml:1: unknown key hostnam (did you mean hostname?)",
        "g.toml:2: listener[0].certificate is missing: TLS needs one",
        (
            'g.toml:3: listener[0].address takes an address and a port, such as "127.0.0.1:587" or '
            '"[::]:465"'
        ),
        "g.toml:5: route[0].name takes a name of letters, digits, dots, dashes and underscores",
        "g.toml:6: route[0].to: there is no [target.nowhere]",
        "g.toml:7: route[0].retry: there is no [retry.slow]",
        'g.toml:8: route[0].senders takes a domain, "*.domain", a mailbox or "*", not \'x y\'',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = \n", "g.toml:1: no TOML: Invalid value"),
        ("a = 1\nb = [\n", "g.toml:3: no TOML:"),
        ("a = 1\na = 2", "g.toml:2: no TOML: Cannot overwrite a value"),
        ("a = " + "[" * 5000 + "]" * 5000, "g.toml: no TOML that can be read: "),
        ("a = " + "9" * 5000, "g.toml: no TOML that can be read: "),
        ("", "g.toml: there is no [[listener]]: nobody could hand mail in"),
    ],
)
def test_what_is_no_configuration(text: str, said: str) -> None:
    assert mistakes(text)[0].startswith(said)


def test_a_target_with_a_mistake_is_no_second_one() -> None:
    text = SMALL.replace('kind = "capture"', 'kind = "captur"')
    assert len(mistakes(text)) == 1


def test_the_files_that_it_names_are_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    path.write_text(
        "ca_file = '/nowhere/ca.pem'\n"
        + SMALL
        + '[[listener]]\naddress = "127.0.0.1:0"\ncertificate = "/nowhere/cert.pem"\n'
        + '[[directory.account]]\nname = "a"\npassword = { environment = "APP" }\n'
        + 'senders = "*"\n'
        + '[credentials.x]\nkind = "access-key"\nkey = { systemd = "key" }\n'
        + '[credentials.y]\nkind = "client-certificate"\ncertificate = "/nowhere/own.pem"\n'
    )
    with pytest.raises(ConfigProblems) as caught:
        load_config(path, {})
    assert [str(each) for each in caught.value.problems] == [
        f"{path}:1: the file /nowhere/ca.pem cannot be read: No such file or directory",
        f"{path}:11: the file /nowhere/cert.pem cannot be read: No such file or directory",
        f"{path}:14: the environment variable APP is not set",
        (
            f"{path}:18: the systemd credential key cannot be read: systemd has set no "
            "$CREDENTIALS_DIRECTORY"
        ),
        f"{path}:21: the file /nowhere/own.pem cannot be read: No such file or directory",
    ]
    environment = {"APP": "x", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "key").write_text("aw==")
    path.write_text(path.read_text().replace("/nowhere/", f"{tmp_path}/"))
    for each in ("cert.pem", "own.pem", "ca.pem"):
        (tmp_path / each).write_text("k")
    with pytest.raises(ConfigProblems) as caught:
        load_config(path, environment)
    assert [str(each) for each in caught.value.problems] == [
        f"{path}:1: CA file {tmp_path / 'ca.pem'}: it holds no certificate in PEM",
    ] + [
        f"{path}:{line}: certificate {tmp_path / each}: it holds no certificate and key in PEM, or "
        "the key has a password"
        for line, each in ((11, "cert.pem"), (21, "own.pem"))
    ]
    pair = make_authority(tmp_path).issue("localhost")
    for each in ("cert.pem", "own.pem", "ca.pem"):
        (tmp_path / each).write_text(
            Path(pair.certificate).read_text() + Path(pair.key).read_text()
        )
    assert [str(each) for each in load_config(path, environment).warnings] == [
        f"{path}:{line}: credentials.{name} is not used: by no target"
        for line, name in ((16, "x"), (19, "y"))
    ]


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ("*:2525", "127.0.0.1:2525", True),
        ("[::]:2525", "0.0.0.0:2525", True),
        ("0.0.0.0:2525", "localhost:2525", True),
        ("localhost:2525", "[::1]:2525", True),
        ("0.0.0.0:2525", "[::1]:2525", False),
        ("127.0.0.1:2525", "127.0.0.2:2525", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_two_do_not_listen_at_one_place(first: str, second: str, meet: bool) -> None:
    rest = 'tls = "none"\nallow_clear_text = true\n'
    one, two = (f'[[listener]]\naddress = "{each}"\n{rest}' for each in (first, second))
    text = f'{one}[[route]]\nto = "keep"\n[target.keep]\nkind = "capture"\n'
    faults = []
    for whole in (text + two, f'health = "{second}"\n{text}'):
        try:
            parse_config(whole, "g.toml")
        except ConfigProblems as found:
            faults += [str(each) for each in found.problems]
    said = "the listener listener-1 has that place already"
    assert faults == ([f"g.toml:10: {said}", f"g.toml:1: {said}"] if meet else [])


def test_an_account_that_can_send_nothing_is_warned_of() -> None:
    account = '[[directory.account]]\nname = "a"\npassword = { environment = "A" }\n'
    warnings = parse_warnings(f"{SMALL}{account}")
    assert warnings == [
        "g.toml:8: directory.account[0].senders says nobody: the account can send nothing"
    ]
    assert not parse_warnings(f'{SMALL}{account}senders = "*"\n')


def test_a_port_for_starttls_is_none_for_implicit_tls() -> None:
    text = "[target.here]\nkind = 'smarthost'\nservers = 'x.example:{}'\ntls = 'implicit'\n"
    small = SMALL.replace('[target.here]\nkind = "capture"\n', "")
    assert small != SMALL
    assert len(parse_warnings(small + text.format(587))) == 1
    assert not parse_warnings(small + text.format(465))


def parse_warnings(text: str) -> list[str]:
    return [str(each) for each in read_config(text, "g.toml")[1].warnings]


def test_what_nothing_uses_is_warned_of() -> None:
    text = '[target.out]\nkind = "mx"\n[credentials.acs]\nkind = "access-key"\n'
    config, source = read_config(f'{SMALL}{text}key = {{ file = "k" }}\n', "g.toml")
    assert config.routes
    assert [str(each) for each in source.warnings] == [
        "g.toml:8: target.out is not used: no route leads to it",
        "g.toml:10: credentials.acs is not used: by no target",
    ]


def test_a_name_that_another_route_has_is_told_though_that_one_is_mistaken() -> None:
    routes = "".join(
        f'[[route]]\nname = "x"\nrecipients = "{each}"\nto = "here"\n' for each in ("a b", "b.net")
    )
    _, source = read_config(f'[target.here]\nkind = "capture"\n{routes}', "g.toml")
    assert "g.toml:8: route[1].name: there is a route x already" in map(str, source.problems)


def test_a_route_for_the_same_mail_is_warned_of() -> None:
    """Case does not matter, nor order, nor the names of the two, nor how a domain is spelled."""
    routes = "".join(
        f'[[route]]\nrecipients = {each}\nto = "here"\n'
        for each in (
            '["Bob@a.net", "b.bücher.net"]',
            '["B.xn--bcher-kva.net", "bob@a.net"]',
            '"bob@a.net"',
        )
    )
    text = f'{SMALL.partition("[[route]]")[0]}{routes}[[route]]\nto = "here"\n'
    _, source = read_config(text, "g.toml")
    [told] = [str(each) for each in source.warnings if "never taken" in str(each)]
    assert "is for the same mail" in told


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ('to = "acs"', "11: bounces are mail from <>, and acs, to which they go, takes none"),
        ('to = ["acs", "hub"]', "11: bounces are mail from <>, and acs, to which they go"),
        ('to = ["hub", "acs"]', ""),
        ('senders = "<>"\nto = "hub"\n[[route]]\nto = "acs"', ""),
        (
            'senders = "<>"\nrecipients = "example.net"\nto = "acs"\n[[route]]\nto = "graph"',
            "15: bounces are mail from <>, and graph, to which they go, takes none",
        ),
        ('recipients = "example.net"\nto = "acs"\n[[route]]\nto = "hub"', ""),
        (
            'senders = "<>"\nto = "graph"\n[[route]]\nto = "hub"',
            "11: bounces are mail from <>, and graph, to which they go, takes none",
        ),
        ('applications = "*"\nto = "hub"', "11: no route is for bounces, mail from <>"),
        ('senders = "example.net"\nto = "hub"', "11: no route is for bounces, mail from <>"),
    ],
)
def test_where_bounces_get_lost_is_warned_of(routes: str, said: str) -> None:
    targets = (
        '[target.acs]\nkind = "acs-rest"\nendpoint = "https://acs.example"\ncredential = "c"\n'
        '[target.graph]\nkind = "graph"\ncredential = "c"\n'
        '[target.hub]\nkind = "capture"\n'
    )
    _, source = read_config(f"{targets}[credentials.c]\n[[route]]\n{routes}\n", "g.toml")
    warnings = [str(each) for each in source.warnings if "bounces" in str(each)]
    assert len(warnings) == bool(said)
    assert all(each.startswith(f"g.toml:{said}") for each in warnings)


def test_a_secret_that_others_can_read_is_warned_of() -> None:
    with TemporaryDirectory() as name:  # not below pytest's own, which nobody else may enter
        secret, path = Path(name, "secret"), Path(name, "g.toml")
        path.write_text(
            f'{SMALL}[[directory.account]]\nname = "a"\nsenders = "*"\n'
            f'password = {{ file = "{secret}" }}\n'
        )
        secret.write_text("s")
        for directory, file, who in (
            (0o755, 0o644, "read by everybody"),
            (0o755, 0o602, "written by everybody"),
            (0o755, 0o640, "read by the file's group"),
            (0o750, 0o660, "read by the file's group"),
            (0o700, 0o666, ""),
            (0o755, 0o600, ""),
        ):
            Path(name).chmod(directory)
            secret.chmod(file)
            warnings = [str(each) for each in load_config(path, {}).warnings]
            assert len(warnings) == bool(who)
            assert all(each.startswith(f"{path}:11: ") and who in each for each in warnings)


def test_a_certificate_of_a_form_that_openssl_alone_takes_is_a_mistake(tmp_path: Path) -> None:
    chain = Path((pair := make_authority(tmp_path).issue("localhost")).certificate)
    chain.write_text(chain.read_text().replace(" CERTIFICATE", " TRUSTED CERTIFICATE"))
    path = tmp_path / "g.toml"
    path.write_text(
        SMALL + '[[listener]]\naddress = "127.0.0.1:0"\n'
        f'certificate = "{chain}"\nkey = "{pair.key}"\n'
    )
    with pytest.raises(ConfigProblems, match=f"g.toml:10: certificate {chain}: "):
        load_config(path, {})


def test_a_certificate_that_has_expired_is_warned_of(tmp_path: Path) -> None:
    ended = datetime(2026, 1, 2, tzinfo=UTC)
    pair = make_authority(tmp_path).issue("localhost", valid_until=ended)
    path = tmp_path / "g.toml"
    path.write_text(
        SMALL + '[[listener]]\naddress = "127.0.0.1:0"\n'
        f'certificate = "{pair.certificate}"\nkey = "{pair.key}"\n'
    )
    [warning] = load_config(path, {}).warnings
    assert str(warning) == f"{path}:10: certificate {pair.certificate}: it expired on 2026-01-02"


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        ('kind = "access-key"\nkey', "the access key is not Base64"),
        (
            'kind = "google-service-account"\nusername = "u"\nkey',
            "the key file is not the JSON that",
        ),
        (
            'kind = "entra"\ntenant = "t"\nclient_id = "c"\ncertificate',
            "the certificate file cannot be used: it holds no PEM key",
        ),
    ],
)
def test_a_secret_of_another_form(tmp_path: Path, credential: str, said: str) -> None:
    path, secret = tmp_path / "g.toml", tmp_path / "secret"
    secret.write_text("s3cret!")
    path.write_text(f'{SMALL}[credentials.x]\n{credential} = {{ file = "{secret}" }}\n')
    with pytest.raises(ConfigProblems, match=said) as caught:
        load_config(path, {})
    assert "s3cret" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'a = 1\nb = "\xe9"\n')
    with pytest.raises(ConfigProblems, match=r"latin\.toml:2: the configuration is no UTF-8"):
        load_config(tmp_path / "latin.toml")


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


def test_problems_as_a_document() -> None:
    with pytest.raises(ConfigProblems) as caught:
        parse_config(SMALL + "[[lisener]]\n", "g.toml")
    assert problems_document(caught.value) == {
        "valid": False,
        "warnings": [],
        "values": [],
        "problems": [
            {"where": "g.toml:8", "message": "unknown key lisener", "did_you_mean": "listener"}
        ],
    }


SECOND = "[[listener]]\naddress = '127.0.0.1:26'\n"
WITH_CREDENTIAL = (
    "[target.s]\nkind = 'smarthost'\nservers = 'smtp.example'\ncredential = 'c'\n"
    "mechanisms = 'PLAIN'\n"
)
API = "[api]\naddress = '[::1]:1'\ncertificate = 'c'\n"
EARLIER = '[[route]]\nrecipients = "a b"\nto = "here"\n'


@pytest.mark.parametrize(
    "text",
    [
        f"{SMALL}{SECOND}tls = 'nne'\n",  # nobody knows whether it needs a certificate
        EARLIER + SMALL,  # nobody knows whether the next route is ever taken
        EARLIER + EARLIER.replace("a b", "b.example") + SMALL,
        SMALL.replace("[[listener]]", "[listener]"),  # several ask for the listeners
        f"{SMALL}{SECOND}certificate = ''\n",
        f"{SMALL}[[listener]]\nunix = ''\n",
        f"{SMALL}[directory]\nkind = 'entr'\ntenants = '{TENANT}'\n{API}",
        f"{SMALL}[credentials.c]\nkind = 'pasword'\nusername = 'u'\n{WITH_CREDENTIAL}",
        f"{SMALL}[credentials.c]\nkind = 'google-service-account'\n{WITH_CREDENTIAL}".replace(
            "PLAIN", "XOAUTH2"
        ).replace("[target.s]", "key = { file = 'k' }\n[target.s]"),
    ],
)
def test_what_would_follow_from_a_mistake_is_none(text: str) -> None:
    assert len(mistakes(text)) == 1


def test_a_mistake_in_a_list_is_told_with_its_own_line() -> None:
    mechanisms = 'mechanisms = [\n "PLAIN",\n "{}"]\n[target.here]'
    text = SMALL.replace(
        'to = "here"', 'to = [\n "here",\n "her"]\nsenders = ["a.example",\n "a b"]'
    )
    places = [
        mistakes(text.replace("[target.here]", mechanisms.format(name)))
        for name in ("PLAINN", "SCRAM-SHA-256-PLUS")
    ]
    for said in places:
        assert [each.partition(" ")[0] for each in said] == [
            "g.toml:6:",
            "g.toml:12:",
            "g.toml:14:",
        ]


def test_a_message_fits_a_line_whatever_it_quotes() -> None:
    [said] = mistakes(SMALL.replace("capture", "c\\u001b" * 9000))
    assert said.isprintable()
    assert len(said) < 1000


def test_a_secret_in_another_encoding_is_one_that_nobody_can_be_shown(tmp_path: Path) -> None:
    """Every mechanism and every form takes UTF-8 (RFC 4616 2, RFC 5802 5.1, RFC 6749 B)."""
    path, secret = tmp_path / "g.toml", tmp_path / "s"
    path.write_text(
        f"{SMALL}[credentials.x]\nkind = 'password'\nusername = 'u'\n"
        f"password = {{ file = '{secret}' }}\n"
    )
    secret.write_bytes("p\xe4ss".encode("latin-1"))
    secret.chmod(0o600)
    with pytest.raises(ConfigProblems) as caught:
        load_config(path)
    assert [str(each) for each in caught.value.problems] == [
        f"{path}:11: the file {secret} is no UTF-8: nobody can be shown it"
    ]
