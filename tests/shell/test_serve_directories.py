"""The directories of ``gatepost serve``: accounts, applications verified at a real token
endpoint, the Azure directory, and several of them at once."""

import asyncio
import base64
import json
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from gatepost.client.settings import Options, Tls
from gatepost.client.tokens.entra import EntraApplication, EntraSecret
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.keys.store_key import DIGESTS, open_key
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient
from gatepost.store.sqlite import open_store
from gatepost.submit import connect
from gatepost.testing import Emulator
from tests import fork_server
from tests.client_certificates import make_certificate
from tests.rsa_keys import rsa_key
from tests.shell.peer import Peer, letter
from tests.shell.serve_process import (
    BASE,
    RECIPIENT,
    SENDER,
    ServeProcess,
    put_certificate,
    relaying,
)
from tests.unit.directory.azure.world import DOMAIN_NAME, USERNAME, entries, sender

LISTENER = """
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
"""


@dataclass
class World:
    """A relay, and the emulator whose token endpoint it uses."""

    relay: ServeProcess
    provider: Emulator

    def secret(self, *arguments: str) -> str:
        """Return a new secret of the provider's application."""
        made = fork_server.run(
            [sys.executable, "-m", "gatepost.cli.main", "secret", "create", *arguments, "--json",
             "--data", str(self.provider.data)],
            check=True, stdout=subprocess.PIPE, timeout=30,
        )  # fmt: skip
        return str(json.loads(made.stdout)["value"])

    def sign_in(self, username: str, password: str, mechanism: str = "PLAIN") -> str:
        with self.relay.secured("submission") as peer:
            if mechanism == "LOGIN":
                return peer.login(username, password)
            return plain(peer, username, password)


def plain(peer: Peer, username: str, password: str) -> str:
    response = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
    return peer.ask(f"AUTH PLAIN {response}")


@pytest.fixture(scope="module")
def provider() -> Iterator[Emulator]:
    with Emulator(options=("--https", "localhost:0", "--http", "off")) as provider:
        yield provider


@pytest.fixture(scope="module")
def world(provider: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    ready: dict[str, Any] = provider.ready
    directory = f"""
[directory]
kind = ["accounts", "entra"]
tenants = "{ready["tenant_id"]}"
authority = "{ready["authority"]}"
cache = "1s"
[[directory.application]]
id = "{ready["client_id"]}"
senders = ["alerts@contoso.example", "@reports.example"]
[limits]
login_failures = 1000
"""
    home = tmp_path_factory.mktemp("serve")
    trusting = f'ca_file = "{ready["ca_file"]}"\n{BASE}'
    with relaying(home, directory + LISTENER, base=trusting) as relay:
        yield World(relay, provider)


def test_an_application_s_secret_is_checked_at_the_token_endpoint(world: World) -> None:
    ready = world.provider.ready
    bars = ready["username"].replace(".", "|")
    for username, mechanism in ((ready["username"], "PLAIN"), (bars, "LOGIN")):
        assert world.sign_in(username, ready["client_secret"], mechanism).startswith("235 ")
        assert world.relay.wait_event("signed_in", principal=username, mechanism=mechanism)


# fmt: off
REFUSALS = [
    # what is wrong            what the operator reads
    ("a wrong secret",         "oauth_client_auth_failed", "AADSTS7000215"),
    ("an expired secret",      "expired_secret",           "AADSTS7000222"),
    ("another application",    "application_unknown",      ""),
    ("another tenant",         "tenant_unknown",           ""),
]
# fmt: on


@pytest.mark.parametrize(("what", "slug", "number"), REFUSALS)
def test_the_reason_of_a_refusal_is_only_in_the_log(
    world: World, what: str, slug: str, number: str
) -> None:
    ready, other = world.provider.ready, "99999999-9999-4999-8999-999999999999"
    username, secret = ready["username"], ready["client_secret"]
    if what == "a wrong secret":
        secret = "wrong-secret-value"
    elif what == "an expired secret":
        secret = world.secret("--in", ready["client_id"], "--expires", "2020-01-01")
    elif what == "another application":
        username = username.replace(ready["client_id"], other)
    else:
        username = username.replace(ready["tenant_id"], other)
    before = len(world.relay.events("auth_refused"))
    assert world.sign_in(username, secret) == "535 5.7.8 Authentication credentials invalid"
    reason = world.relay.wait_event("auth_refused", before + 1)["reason"]
    assert reason.startswith(f"{slug}: ")
    assert number in reason
    assert secret not in (world.relay.directory / "log").read_text()


def test_senders_of_an_application_are_the_configuration_s(world: World) -> None:
    ready = world.provider.ready
    with world.relay.secured("submission") as peer:
        assert plain(peer, ready["username"], ready["client_secret"]).startswith("235 ")
        for sender, code in (
            ("alerts@contoso.example", "250"),
            ("any@reports.example", "250"),
            ("other@contoso.example", "550"),
            ("app@example.com", "550"),
        ):
            assert peer.ask(f"MAIL FROM:<{sender}>").startswith(code)
            peer.ask("RSET")
        sender = "alerts@contoso.example"
        assert peer.deliver(sender, letter(sender)).startswith("250 ")


@pytest.fixture(scope="module")
def token(provider: Emulator) -> str:
    """Return an access token of the provider's application, from its client library."""
    ready = provider.ready
    application = EntraApplication(ready["tenant_id"], ready["client_id"], ready["authority"])
    return token_of(application, ready["client_secret"], ready["ca_file"])


def token_of(application: EntraApplication, secret: str, ca_file: str) -> str:
    async def fetch() -> str:
        http = HttpClient(ca_file=ca_file)
        source = EntraSecret(http, application, lambda: Secret(secret))
        try:
            got = await source.fetch("https://communication.azure.com/.default")
        finally:
            await http.close()
        return got.secret.reveal()

    return asyncio.run(fetch())


def by_token(peer: Peer, mechanism: str, username: str, token: str) -> str:
    start = f"user={username}" if mechanism == "XOAUTH2" else f"n,a={username},"
    response = f"{start}\1auth=Bearer {token}\1\1"
    verdict = peer.ask(f"AUTH {mechanism} {base64.b64encode(response.encode()).decode()}")
    return peer.ask("") if verdict.startswith("334 ") else verdict


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_an_application_s_token_is_verified_by_its_tenant_s_keys(
    world: World, token: str, mechanism: str
) -> None:
    ready = world.provider.ready
    by_itself = f"token.{ready['client_id']}.{ready['tenant_id']}"
    for username, principal in (
        (ready["username"], ready["username"]),
        ("alerts@contoso.example", by_itself),
    ):
        with world.relay.secured("submission") as peer:
            assert by_token(peer, mechanism, username, token).startswith("235 ")
            assert world.relay.wait_event("signed_in", principal=principal, mechanism=mechanism)
            sender = "alerts@contoso.example"
            assert peer.deliver(sender, letter(sender)).startswith("250 ")
    with world.relay.secured("submission") as peer:
        changed = f"{token[:-8]}{'A' * 8}"
        assert by_token(peer, mechanism, ready["username"], changed).startswith("535 ")
        refused = world.relay.wait_event("auth_refused", mechanism=mechanism)
        assert refused["reason"].startswith("token_")
    assert token not in (world.relay.directory / "log").read_text()


def test_accounts_and_applications_side_by_side(world: World) -> None:
    assert world.sign_in("app", "secret").startswith("235 ")
    assert world.sign_in("app", "wrong").startswith("535 ")
    assert world.sign_in("nobody", "wrong").startswith("535 ")
    with world.relay.secured("submission") as peer:
        offered = peer.ask("EHLO client.example")
        assert "AUTH PLAIN LOGIN" in offered, "what all names can use; SCRAM needs the password"
        assert "SCRAM" not in offered
        assert {"OAUTHBEARER", "XOAUTH2"} < set(offered.split()), "who has a token has one"


def test_a_token_endpoint_that_is_away_refuses_for_now(world: World, tmp_path: Path) -> None:
    ready = world.provider.ready
    directory = f"""
[directory]
kind = "entra"
tenants = "{ready["tenant_id"]}"
authority = "https://localhost:1"
senders = "*"
"""
    text = directory + LISTENER
    with (
        relaying(tmp_path, text, base=WITHOUT_ACCOUNTS) as relay,
        relay.secured("submission") as peer,
    ):
        verdict = plain(peer, ready["username"], ready["client_secret"])
        assert verdict.startswith("454 4.7.0 ")
        assert relay.wait_event("auth_refused")["reason"].startswith("entra_unavailable: ")


WITHOUT_ACCOUNTS = """
hostname = "relay.example"
[storage]
directory = "data"
free_space = 0
[target.keep]
kind = "capture"
[[route]]
to = "keep"
"""


def test_the_azure_directory_as_in_the_emulator(tmp_path: Path) -> None:
    with relaying(
        tmp_path, '[directory]\nkind = "azure"\n' + LISTENER, base=WITHOUT_ACCOUNTS
    ) as relay:
        relay.ask("tenant", "create", "contoso")
        tenants = [each["name"] for each in relay.ask("tenant", "list")["tenants"]]
        assert tenants == ["contoso"]
        refused = relay.ask("account", "list")
        assert "no directory of accounts" in refused["error"]["message"]
        with relay.secured("submission") as peer:
            assert "XOAUTH2" not in peer.ask("EHLO client")


API = """
[api]
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[directory]
kind = "azure"
"""


async def furnish(data: Path) -> str:
    """Put the directory of the tests into a store that no relay has yet; return the secret."""
    with closing(open_store(data)) as store:
        directory = AzureDirectory(
            store, digest_key=open_key(data).subkey(DIGESTS), clock=lambda: datetime.now(UTC)
        )
        there = entries()
        kept, secret = directory.make_secret(sender())
        await directory.save([*there.values(), kept])
    return secret.reveal()


AWAY = """
[target.away]
kind = "smarthost"
servers = "127.0.0.1:1"
tls = "none"
[[route]]
recipients = ["away.test"]
to = "away"
[[route]]
recipients = ["example.net"]
"""


def check_mail_over_rest(relay: ServeProcess, token: str, sender: str) -> None:
    """Mail accepted by the e-mail API follows the routes; the operation's id is the message's."""
    trust = ssl.create_default_context(cafile=relay.authority.ca_file)
    id_ = "8540c0de-899f-5cce-acb5-3ec493af3800"

    def post(*to: str) -> int:
        document = {
            "senderAddress": sender,
            "content": {"subject": "x", "plainText": "x"},
            "recipients": {"to": [{"address": each} for each in to]},
        }
        request = Request(
            f"{relay.ready['api']}/emails:send?api-version=2025-09-01",
            json.dumps(document).encode(),
            {
                "authorization": f"Bearer {token}", "content-type": "application/json",
                "operation-id": id_,
            },
        )  # fmt: skip
        try:
            with urlopen(request, context=trust, timeout=20) as answer:
                return int(answer.status)
        except HTTPError as error:
            error.close()
            return error.code

    assert post("ann@nowhere.test") == 400
    assert relay.wait_event("refused")["reason"].startswith("no_route: ")
    assert [post(RECIPIENT, "bob@away.test") for _ in range(2)] == [202, 202]
    assert relay.wait_event("message_deferred")["rcpt_to"] == ["bob@away.test"]
    waiting = relay.ask("queue", "list")["deliveries"]
    assert [each["id"] for each in waiting] == [f"{id_}.1"]  # .0 is kept here


def test_the_azure_directory_gives_tokens_and_takes_them(tmp_path: Path) -> None:
    secret = asyncio.run(furnish(tmp_path / "data"))
    _, app, tenant = USERNAME.split(".")
    base = WITHOUT_ACCOUNTS.replace("[[route]]\n", AWAY)
    with relaying(tmp_path, API + LISTENER, base=base) as relay:
        put_certificate(tmp_path, relay.authority)
        relay.reloaded()
        application = EntraApplication(tenant, app, relay.ready["api"])
        token = token_of(application, secret, relay.authority.ca_file)
        with relay.secured("submission") as peer:
            assert by_token(peer, "OAUTHBEARER", USERNAME, f"{token[:-8]}AAAAAAAA")[:4] == "535 "
            assert relay.wait_event("auth_refused")["reason"].startswith("token_")
        with relay.secured("submission") as peer:
            assert by_token(peer, "XOAUTH2", USERNAME, token).startswith("235 ")
            from_ = f"DoNotReply@{DOMAIN_NAME}"
            assert peer.deliver(from_, letter(from_)).startswith("250 ")
        check_mail_over_rest(relay, token, from_)
        port = relay.ready["api"].rpartition(":")[2]
        relay.ask("resource", "create", "fresh")
        keys = relay.ask("resource", "keys", "fresh")
        assert keys["primary_connection_string"].startswith(
            f"endpoint=https://relay.example:{port}/;"
        )
        relay.reload(API.replace("127.0.0.1:0", "127.0.0.1:1") + LISTENER)
        assert "api cannot change without a restart" in relay.wait_event("reload_refused")["reason"]


CERTIFIED = """
client_authorities = "clients.pem"
[[listener.network]]
from = "127.0.0.5"
mechanisms = ["PLAIN"]
[[directory.account]]
name = "device"
senders = ["example.com"]
certificates = ["Device-7.example"]
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_client_certificate_signs_in(tmp_path: Path, workers: str) -> None:
    known, other = make_certificate("device-7.example"), make_certificate("device-8.example")
    stranger = make_certificate("device-7.example", key=rsa_key("stranger"))
    for name, each in (("known", known), ("other", other), ("stranger", stranger)):
        (tmp_path / f"{name}.pem").write_bytes(each.pem)
    public = [(tmp_path / f"{name}.pem").read_text() for name in ("known", "other")]
    (tmp_path / "clients.pem").write_text("".join(public))
    with relaying(tmp_path, LISTENER + CERTIFIED, "--workers", workers) as relay:
        port = relay.listener("submission")["port"]

        def come(name: str, source: str = "127.0.0.1") -> smtplib.SMTP:
            context = ssl.create_default_context(cafile=relay.authority.ca_file)
            if name:
                context.load_cert_chain(tmp_path / f"{name}.pem")
            client = smtplib.SMTP("localhost", port, timeout=20, source_address=(source, 0))
            client.starttls(context=context)
            client.ehlo()
            return client

        with come("known") as client:
            assert "EXTERNAL" in client.esmtp_features["auth"]
            none = base64.b64encode(b"\0device\0secret").decode()
            assert client.docmd("AUTH", f"PLAIN {none}")[0] == 535
            assert client.docmd("AUTH", "EXTERNAL =")[0] == 235
            client.sendmail(SENDER, RECIPIENT, letter(SENDER))
            assert relay.wait_event("signed_in", mechanism="EXTERNAL")["principal"] == "device"
        with come("other") as client:  # of that authority, and of no account
            assert client.docmd("AUTH", "EXTERNAL =")[0] == 535
            relay.wait_event("auth_refused", username="device-8.example")
        for name, source in (("", "127.0.0.1"), ("known", "127.0.0.5")):
            with come(name, source) as client:
                assert "EXTERNAL" not in client.esmtp_features["auth"]
                assert client.docmd("AUTH", "EXTERNAL =")[0] == 504
        with pytest.raises((OSError, smtplib.SMTPException)):  # TLS 1.3 tells it a little later
            come("stranger")


def test_every_mechanism_of_accounts(tmp_path: Path) -> None:
    mechanisms = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
                  "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")  # fmt: skip
    with relaying(tmp_path, f"{LISTENER}mechanisms = {list(mechanisms)}\n") as relay:
        (relay.directory / "pw").write_text("secret")
        relay.ask("account", "create", "old", "--password-file", str(relay.directory / "pw"),
                  "--sender", "example.com", "--cram-md5")  # fmt: skip
        relay.reloaded()
        port = relay.listener("submission")["port"]
        envelope = Envelope(parse_address(SENDER), (Recipient(parse_address(RECIPIENT)),))
        for mechanism in mechanisms:
            with connect(
                f"127.0.0.1:{port}", "old", "secret", tls=Tls(ca_file=relay.authority.ca_file),
                options=Options(mechanism=mechanism),
            ) as client:  # fmt: skip
                client.send(letter(SENDER), envelope)
        assert relay.ask("messages", "count") == {"count": 7}
        relay.wait_event("signed_in", 7)
        assert {each["mechanism"] for each in relay.events("signed_in")} == set(mechanisms)
