"""``gatepost talk`` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

from tests import fork_server
from tests.certificates import Authority, Pair
from tests.shell.smtp_server import Client, SmtpServer, serving

GATEPOST = str(Path(sys.executable).with_name("gatepost"))
TYPED = """EHLO me
STARTTLS
EHLO me
AUTH LOGIN
/b64 ann
NOOP
DATA
..typed as it stands
.
QUIT
"""


def talk(server: SmtpServer, *arguments: str, typed: str) -> "subprocess.CompletedProcess[str]":
    return fork_server.run(
        [GATEPOST, "talk", server.address, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def a_server(client: Client) -> None:
    client.say("220 mail.example ESMTP")
    client.answer("250-mail.example\n250 STARTTLS", "220 go")
    client.start_tls()
    client.answer("250 mail.example", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "250 ok", "354 go")
    client.hear_content()
    client.say("250 kept \x1b[31m")
    client.answer("221 bye")
    client.wait_for_end()


def test_by_hand_through_starttls(authority: Authority, pair: Pair) -> None:
    with serving(a_server, pair) as server:
        done = talk(server, "--ca-file", authority.ca_file, typed=TYPED)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:4] == ["220 mail.example ESMTP", "250-mail.example", "250 STARTTLS", "220 go"]
    assert lines[4].startswith("-- TLSv1.3 ")
    assert lines[5:] == [
        "250 mail.example", "334 VXNlcm5hbWU6", "-- Username:", "334 UGFzc3dvcmQ6", "-- Password:",
        "250 ok", "354 go", "250 kept \ufffd[31m", "221 bye",
    ]  # fmt: skip
    assert b"YW5u" in server.clients[0].heard
    assert b"..typed as it stands" in server.clients[0].heard


def test_the_transcript_as_json(authority: Authority, pair: Pair) -> None:
    with serving(a_server, pair) as server:
        done = talk(server, "--ca-file", authority.ca_file, "--json", typed=TYPED)
    transcript = json.loads(done.stdout)["transcript"]
    assert transcript[0] == {"from": "S", "text": "220 mail.example ESMTP", "tls": False}
    assert transcript[-1] == {"from": "S", "text": "221 bye", "tls": True}


def test_an_unknown_certificate_ends_it_unless_it_is_to_be_seen(pair: Pair) -> None:
    def bear(client: Client) -> None:
        try:
            a_server(client)
        except OSError:
            pass  # we hung up

    with serving(bear, pair) as server:
        refused = talk(server, typed=TYPED)
        shown = talk(server, "--insecure", typed=TYPED)
    assert refused.returncode == 1
    assert "certificate not accepted" in refused.stderr
    assert shown.returncode == 0
    assert "certificate NOT verified" in shown.stdout
