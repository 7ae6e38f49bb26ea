"""The third part: ACS is left. Unchanged programs send through a relay with two providers behind,
an imitation of High Volume Email and a fake of Amazon SES; the delivery events come back."""

import base64
import json
import os
import smtplib
import ssl
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from demo.emulated_acs import furnish, token_of
from demo.stage import Bridge, Relay, ask, gatepost, heading, show, wait_for, write_secret

SENDER, INSIDE, OUTSIDE = "shop@contoso.com", "ann@contoso.com", "bob@example.net"


@dataclass
class Endpoint:
    """Takes mail as SES's API does, and events as a webhook of the application does."""

    mail: list[tuple[list[str], str]] = field(default_factory=list)
    """Recipients, and the From line of each message."""
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen on a free port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str, document: Any) -> dict[str, Any]:
        """Return the answer to a request."""
        if path.startswith("/v2/email"):
            content = base64.b64decode(document["Content"]["Raw"]["Data"]).decode()
            author = next(line for line in content.splitlines() if line.startswith("From:"))
            self.mail.append((document["Destination"]["ToAddresses"], author))
            return {"MessageId": f"fake-{len(self.mail)}"}
        for event in document:
            if event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
                return {"validationResponse": event["data"]["validationCode"]}
            self.events.append(event)
        return {}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            octets = self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(endpoint.answer(self.path, json.loads(octets))).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@dataclass(frozen=True, slots=True)
class Exit:
    """The old service, the new providers, and where everything is."""

    directory: Path
    old: Relay
    hve: Relay
    endpoint: Endpoint

    def secret(self, name: str, text: str) -> str:
        """Write a file with a secret, and return its path."""
        return write_secret(self.directory / name, text)

    def token(self, resource: str) -> str:
        """Sign in as the administrator, as `az login` would, and write the token to a file."""
        ready = self.old.ready
        return self.secret(
            resource, token_of(ready, ready["admin"], f"https://{resource}/.default")
        )


def configure(stage: Exit) -> Path:
    """Write the configuration and the directory; return the file."""
    heading(10, "ACS ends: init acs-exit writes a relay that stays in its place")
    ready, config = stage.old.ready, stage.directory / "gatepost.toml"
    trusted = "".join([Path(each.ready["ca_file"]).read_text() for each in (stage.old, stage.hve)])
    show(
        gatepost(
            "init", "acs-exit", "--config", str(config), "--tenant", ready["tenant_id"],
            "--sender", "@contoso.com", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0",
            "--certificate", str(stage.old.data / "tls" / "server.pem"),
            "--authority", ready["authority"], "--topic", ready["resource_id"],
            "--ca-file", stage.secret("authorities.pem", trusted),
            "--storage", str(config.parent / "relay"), "--accepted-domain", "contoso.com",
            "--hve-account", stage.hve.ready["from"], "--hve-server",
            f"localhost:{stage.hve.ready['smtp']['port']}",
            "--hve-password-file", stage.secret("hve", stage.hve.ready["password"]),
            "--outside", "ses", "--set", "region=eu-west-1", "--access-key-id", "AKIDEXAMPLE",
            "--secret-access-key-file", stage.secret("aws", "fake"),
            "--endpoint", stage.endpoint.url,
        ).decode()
    )  # fmt: skip
    heading(11, "migrate acs reads domains, senders and access keys from Resource Manager")
    url = ready["arm_url"]
    said = gatepost(
        "migrate", "acs", "--config", str(config), "--arm", url, "--graph", url, "--ca-file",
        str(stage.directory / "authorities.pem"),
        "--token-file", stage.token("management.azure.com"),
        "--graph-token-file", stage.token("graph.microsoft.com"),
    ).decode()  # fmt: skip
    show(said.partition("\n\n")[0])
    show(said.splitlines()[-1])
    return config


def send(stage: Exit, relay: Bridge) -> None:
    """Send with two programs that know nothing of the change but the host."""
    heading(12, "Unchanged programs send: smtplib with the old login, the SDK with the old key")
    ready = stage.old.ready
    message = EmailMessage()
    message["From"], message["Subject"] = f"The Shop <{SENDER}>", "Your order"
    message["To"] = f"{INSIDE}, {OUTSIDE}"
    message.set_content("It is on its way.")
    trust = ssl.create_default_context(cafile=ready["ca_file"])
    with smtplib.SMTP("localhost", relay.listener["port"]) as client:
        client.starttls(context=trust)
        client.login(ready["username"], ready["client_secret"])
        client.send_message(message)
    show(f"smtplib: accepted as {ready['username'][:30]}...")
    os.environ["REQUESTS_CA_BUNDLE"] = ready["ca_file"]
    from azure.communication.email import EmailClient  # noqa: PLC0415 - slow to import

    key = ready["connection_string"].partition("accesskey=")[2]
    port = relay.ready["api"].rpartition(":")[2]
    endpoint = f"endpoint=https://localhost:{port}/;accesskey={key}"
    with EmailClient.from_connection_string(endpoint) as sdk:
        result = sdk.begin_send(
            {
                "senderAddress": SENDER,
                "recipients": {"to": [{"address": INSIDE}, {"address": OUTSIDE}]},
                "content": {"subject": "From the SDK", "plainText": "hello"},
            }
        ).result()
    show(f"azure-communication-email: {result['status']}")


def compare(stage: Exit) -> None:
    """Show what arrived where, and the events."""
    heading(13, "Recipients inside are served by HVE, others by SES; the events come back")
    wait_for(lambda: len(stage.endpoint.mail) == 2, "SES did not get both messages")
    wait_for(lambda: len(stage.endpoint.events) == 4, "the events did not come back")
    show(gatepost("messages", "list", "--data", str(stage.hve.data)).decode())
    for people, author in stage.endpoint.mail:
        show(f"SES: to {', '.join(people)}, {author}")
    for event in stage.endpoint.events:
        data = event["data"]
        show(f"event: {event['eventType'].rpartition('.')[2]} {data['recipient']} {data['status']}")
    if {each["data"]["status"] for each in stage.endpoint.events} != {"Delivered"}:
        raise SystemExit("an event does not say Delivered")
    if [people for people, _ in stage.endpoint.mail] != [[OUTSIDE]] * 2:
        raise SystemExit("SES got other recipients than those outside")


def tell(directory: Path) -> None:
    """Run this part."""
    directory = directory / "leaving"
    directory.mkdir()
    old, hve = Relay.start_both(
        (directory / "acs-data", "--https", "127.0.0.1:0"),
        (
            directory / "hve-data",
            "--https",
            "off",
            "--profile",
            "microsoft365-hve",
            "--set",
            'directory.accepted_domains=["contoso.com"]',
        ),
    )
    endpoint = Endpoint()
    relay: Bridge | None = None
    try:
        furnish(ask, old.data, "shop")
        stage = Exit(directory, old, hve, endpoint)
        config = configure(stage)
        relay = Bridge.start(config)
        url = f"{endpoint.url}/events"
        ask("webhook", "create", url, "--json", "--data", str(config.parent / "relay"))
        send(stage, relay)
        compare(stage)
    finally:
        if relay is not None:
            relay.stop()
        old.stop()
        hve.stop()
        endpoint.close()
