"""A real token, from azure-identity, signs in over SMTP with real clients."""

import base64
import json
import os
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential

import gatepost
from gatepost.testing import Emulator
from tests import fork_server
from tests.clients.entra_world import SMTP_USERNAME, Site, prepare
from tests.clients.node import nodemailer
from tests.clients.node.packages import HERE, NODE, needs_node

SCOPE = "https://communication.azure.com/.default"
RECIPIENT = "recipient@example.net"
RELAYS = {
    "acs": {"profile": "acs"},
    "acs-xoauth2": {"profile": "acs-xoauth2"},
    "acs with workers": {"profile": "acs", "workers": 2},
}


@pytest.fixture(scope="module", params=RELAYS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("xoauth2") / "data"
    world = prepare(data)
    options = ("--https", "127.0.0.1:0", "--http", "off")
    with Emulator(data=data, options=options, **RELAYS[request.param]) as relay:  # type: ignore[arg-type]
        yield Site(relay, world)


@pytest.fixture(autouse=True)
def empty(site: Site) -> None:
    site.relay.clear()


def get_token(site: Site, scope: str = SCOPE, who: tuple[str, str] | None = None) -> str:
    client, secret = who or (site.client, site.secret)
    with ClientSecretCredential(
        site.tenant,
        client,
        secret,
        authority=site.url,
        disable_instance_discovery=True,
        transport=RequestsTransport(connection_verify=site.relay.ca_file),
    ) as credential:
        return credential.get_token(scope).token


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return get_token(site)


@pytest.fixture
def client(site: Site) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=site.relay.ca_file)
    with smtplib.SMTP(site.relay.smtp.host, site.relay.smtp.port, timeout=60) as client:
        client.starttls(context=context)
        client.ehlo()
        yield client


def xoauth2(client: smtplib.SMTP, username: str, token: str) -> tuple[int, bytes]:
    """Sign in as users of the standard library do: ``SMTP.auth`` does not look at EHLO's answer."""
    return client.auth("XOAUTH2", lambda _=None: f"user={username}\1auth=Bearer {token}\1\1")


def message(site: Site) -> bytes:
    lines = (f"From: <{site.relay.sender}>", f"To: <{RECIPIENT}>", "Subject: by token", "", "Hi")
    return "".join(f"{line}\r\n" for line in lines).encode()


@pytest.mark.parametrize("name", ["composite", "bars", "SMTP user name"])
def test_smtplib(site: Site, client: smtplib.SMTP, token: str, name: str) -> None:
    usernames = {
        "composite": site.relay.username,
        "bars": site.relay.username.replace(".", "|"),
        "SMTP user name": SMTP_USERNAME,
    }
    reply = xoauth2(client, usernames[name], token)
    assert reply == (235, b"2.7.0 Authentication successful")
    client.sendmail(site.relay.sender, [RECIPIENT], message(site))
    captured = site.relay.wait(to=RECIPIENT)
    assert captured.content == message(site)
    assert captured.principal in (site.relay.username, SMTP_USERNAME)


def test_without_an_initial_response(site: Site, client: smtplib.SMTP, token: str) -> None:
    response = f"user={site.relay.username}\1auth=Bearer {token}\1\1".encode()
    assert client.docmd("AUTH", "XOAUTH2") == (334, b"")
    assert client.docmd(base64.b64encode(response).decode())[0] == 235


# fmt: off
REFUSED = {
    "a token for Graph":    (lambda site: get_token(site, "https://graph.microsoft.com/.default"),
                             "token_audience_wrong: the token is for Microsoft Graph"),
    "a token for Exchange": (lambda site: get_token(site, "https://outlook.office365.com/.default"),
                             "token_audience_wrong: the token is for Exchange Online"),
    "another application":  (lambda site: get_token(site, who=site.world.powerless),
                             "token_application_mismatch: "),
    "an altered token":     (lambda site: get_token(site)[:-8] + "AAAAAAAA", "token_"),
    "a client secret":      (lambda site: site.secret, "token_malformed: "),
}
# fmt: on


def refusal_after(site: Site, before: int) -> dict[str, Any]:
    """Return the refusal reported after ``before`` others; a report takes a moment."""
    deadline = time.monotonic() + 30
    while len(found := site.relay.events("auth_refused")) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[-1]


def test_a_malformed_response_is_a_501(site: Site, client: smtplib.SMTP) -> None:
    before = len(site.relay.events("auth_refused"))
    response = base64.b64encode(b"user=a\1auth=Basic x\1\1").decode()
    assert client.docmd("AUTH", f"XOAUTH2 {response}")[0] == 501
    assert refusal_after(site, before)["reason"].startswith("response_malformed: ")


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(site: Site, client: smtplib.SMTP, make: Any, reason: str) -> None:
    wrong = make(site)
    before = len(site.relay.events("auth_refused"))
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        xoauth2(client, site.relay.username, wrong)
    assert caught.value.smtp_code == 535
    assert caught.value.smtp_error == b"5.7.3 Authentication unsuccessful"
    event = refusal_after(site, before)
    assert event["reason"].startswith(reason)
    assert event["mechanism"] == "XOAUTH2"
    assert wrong not in str(site.relay.events())


def test_an_application_without_a_role(site: Site, client: smtplib.SMTP) -> None:
    application = site.world.powerless[0]
    username = f"{site.ready['resource']}.{application}.{site.tenant}"
    wrong = get_token(site, who=site.world.powerless)
    before = len(site.relay.events("auth_refused"))
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        xoauth2(client, username, wrong)
    assert caught.value.smtp_error == b"5.7.3 Authentication unsuccessful"
    assert refusal_after(site, before)["reason"].startswith("role_missing: ")


def test_mechanisms_offered_in_ehlo(
    site: Site, client: smtplib.SMTP, request: pytest.FixtureRequest
) -> None:
    named = ["XOAUTH2"] if "acs-xoauth2" in request.node.name else []
    assert client.esmtp_features["auth"].split() == ["LOGIN", *named]


def test_our_own_client(site: Site, token: str) -> None:
    with gatepost.connect(
        str(site.relay.smtp),
        site.relay.username,
        gatepost.Token(token),
        tls=gatepost.Tls(ca_file=site.relay.ca_file),
        options=gatepost.Options(mechanism="XOAUTH2"),
    ) as connection:
        connection.send(message(site))
    assert site.relay.wait(to=RECIPIENT).content.endswith(message(site))  # it adds Date


@needs_node
def test_nodemailer(site: Site, token: str) -> None:
    transport = {
        "host": "localhost",
        "port": site.relay.smtp.port,
        "requireTLS": True,
        "tls": {"ca": Path(site.relay.ca_file).read_text()},
        "auth": {"type": "OAuth2", "user": site.relay.username, "accessToken": token},
    }
    done = nodemailer.send(transport, site.relay.sender, RECIPIENT, message(site))
    assert done == {"accepted": [RECIPIENT]}
    assert site.relay.wait(to=RECIPIENT).content == message(site)


@pytest.mark.compliance
@needs_node
def test_the_identity_library_of_node(site: Site, client: smtplib.SMTP) -> None:
    order = {
        "authority": site.url,
        "tenant": site.tenant,
        "client": site.client,
        "secret": site.secret,
        "scope": SCOPE,
    }
    done = run_node("token.mjs", order, NODE_EXTRA_CA_CERTS=site.relay.ca_file)
    assert xoauth2(client, site.relay.username, done["token"])[0] == 235
    refused = run_node(
        "token.mjs", {**order, "secret": "wr0ng"}, NODE_EXTRA_CA_CERTS=site.relay.ca_file
    )
    assert "AADSTS7000215: Invalid client secret provided." in refused["error"]


def run_node(program: str, order: dict[str, Any], **environment: str) -> dict[str, Any]:
    run = fork_server.run(
        [str(NODE), HERE / program],
        input=json.dumps(order).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def test_gatepost_send(site: Site, token: str, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(f"{token}\n")
    done = fork_server.run(
        [
            str(Path(sys.executable).with_name("gatepost")), "send",
            "--server", str(site.relay.smtp), "--ca-file", site.relay.ca_file,
            "--username", site.relay.username, "--token-file", str(token_file),
            "--auth", "XOAUTH2", "--from", site.relay.sender, "--to", RECIPIENT,
            "--subject", "by token", "--text", "Hi",
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == os.EX_OK, done.stderr
    assert site.relay.wait(to=RECIPIENT).subject == "by token"
    assert token not in done.stdout + done.stderr
