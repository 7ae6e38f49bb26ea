"""Failing TLS: mail waits, with a finding that is reported once for each target."""

import json
from pathlib import Path

import pytest

from gatepost.client.settings import Tls
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.submit import connect
from tests.certificates import make_authority
from tests.clients.servers import AIOSMTPD, PASSWORD, USERNAME, running
from tests.matrix.bridge import ACCOUNT, BASE
from tests.shell.serve_process import relaying, wait_for

UNKNOWN = "unable to get local issuer certificate"
# fmt: off
CASES = {
    # name        the port    TLS         what the queue says                    the finding
    "missing":   ("clear",    "required", "the server does not offer STARTTLS",
                  "starttls_not_offered"),
    "too-early": ("starttls", "implicit", "wrong version number",
                  "implicit_tls_on_starttls_port"),
    "unknown":   ("starttls", "required", UNKNOWN,                               "cert_untrusted"),
    "unknown-2": ("implicit", "implicit", UNKNOWN,                               "cert_untrusted"),
}
# fmt: on
TARGET = """
[credentials.{name}]
kind = "password"
username = {username}
password = {{ file = "upstream.secret" }}
[target.{name}]
kind = "smarthost"
servers = "localhost:{port}"
tls = "{tls}"
ca_file = "{ca_file}"
credential = "{name}"
[[route]]
name = "{name}"
recipients = "{name}.test"
to = "{name}"
"""


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tls_that_does_not_stand(tmp_path: Path) -> None:
    upstream, home = tmp_path / "upstream", tmp_path / "relay"
    upstream.mkdir()
    home.mkdir()
    (home / "upstream.secret").write_text(PASSWORD)
    stranger = make_authority(tmp_path).ca_file
    text = ACCOUNT
    with running(AIOSMTPD, upstream, ["PLAIN", "LOGIN"]) as server:
        for name, (port, tls, *_) in CASES.items():
            text += TARGET.format(
                name=name, username=json.dumps(USERNAME), tls=tls, port=server.ports[port],
                ca_file=stranger if name.startswith("unknown") else server.ca_file,
            )  # fmt: skip
        with relaying(home, text, base=BASE) as relay:
            port = relay.listener("devices")["port"]
            to = tuple([Recipient(parse_address(f"a@{name}.test")) for name in CASES])
            with connect(f"localhost:{port}", tls=Tls("none")) as client:
                client.send(b"Subject: x\r\n\r\nx\r\n", Envelope(parse_address("a@x.org"), to))
                wait_for(lambda: len(relay.events("message_deferred")) == len(CASES))
                waiting = relay.ask("queue", "why", "1-1")["deliveries"]
                client.send(b"Subject: y\r\n\r\ny\r\n", Envelope(parse_address("a@x.org"), to))
                wait_for(lambda: len(relay.events("message_deferred")) > len(CASES))
            raised = [(each["target"], each["finding"]) for each in relay.events("sign_in_stopped")]
    assert sorted(raised) == sorted((name, finding) for name, (*_, finding) in CASES.items())
    for each in waiting:
        *_, text, finding = CASES[each["next_hop"]]
        assert (each["state"], each["finding"]) == ("waiting", finding)
        assert text in each["sentence"]
        assert each["advice"]
