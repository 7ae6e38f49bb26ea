"""``gatepost messages`` on a stopped relay's directory."""

import asyncio
import json
import smtplib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatepost.cli import tables
from gatepost.cli.messages import messages
from gatepost.store.sqlite import open_store
from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE, ask, count
from tests.contract.messages import envelope, message

RECEIVED = datetime.now(UTC).replace(microsecond=0)
TRACE = b"Received: by localhost with ESMTP id 1-1\r\n"
PLAIN = b"Subject: one\r\nX-Odd: \xff\r\n\r\n\x1b[31mred\x1b[0m \xff\r\n.\r\nend\r\n"
RICH = (
    b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nReceived: a\r\nReceived: b\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>hello</p>\r\n"
    b"--b\r\nContent-Type: image/png; name=a.png\r\n\r\nxxxx\r\n--b--\r\n"
)
LONG = "a very long subject indeed " * 5 + "日本語" * 10


@pytest.fixture
def data(tmp_path: Path) -> Path:
    async def steps() -> None:
        await store.put(message("1-1", PLAIN, subject="one", trace=TRACE, received_at=RECEIVED))
        await store.put(
            message(
                "1-2",
                RICH,
                envelope=envelope("", "bob@example.net", "carol@example.net"),
                subject="=?utf-8?q?gr=C3=BC=C3=9Fe?=",
                trace=TRACE,
                received_at=RECEIVED,
            )
        )

    store = open_store(tmp_path)
    asyncio.run(steps())
    store.close()
    return tmp_path


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(messages, [*arguments, "--data", str(data)])


def answer(data: Path, *arguments: str) -> Any:
    result = run(data, *arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


SECOND = {
    "id": "1-2",
    "received_at": RECEIVED.isoformat().replace("+00:00", "Z"),
    "mail_from": "",
    "rcpt_to": ["bob@example.net", "carol@example.net"],
    "subject": "grüße",
    "message_id": "<1@example.org>",
    "size": len(RICH),
    "principal": "res.app.tenant",
}


def test_list_is_newest_first(data: Path) -> None:
    document = answer(data, "list")
    assert list(document) == ["messages"]
    assert document["messages"][0] == SECOND
    assert [each["id"] for each in document["messages"]] == ["1-2", "1-1"]


def test_count_is_the_number_alone(data: Path) -> None:
    assert run(data, "count").stdout == "2\n"
    assert answer(data, "count") == {"count": 2}


@pytest.mark.parametrize("name", ["1-2", "last"])
def test_show_adds_what_is_in_it(data: Path, name: str) -> None:
    shown = answer(data, "show", name)
    headers = shown.pop("headers")
    assert headers["Subject"] == "grüße"
    assert headers["Received"] == "a\nb"
    assert {key: value for key, value in shown.items() if key in SECOND} == SECOND
    assert shown["text"] == "hello"
    assert shown["html"] == "<p>hello</p>"
    assert shown["attachments"] == [
        {"filename": "a.png", "content_type": "image/png", "content_id": "", "size": 4}
    ]


def test_raw_is_what_came_with_our_fields_on_top(data: Path) -> None:
    first, second = (run(data, "show", each, "--raw").stdout_bytes for each in ("1-1", "1-2"))
    assert first == b"Return-Path: <alice@example.org>\r\n" + TRACE + PLAIN
    assert second == b"Return-Path: <>\r\n" + TRACE + RICH
    assert run(data, "show", "1-1", "--raw", "--no-trace").stdout_bytes == PLAIN


def test_wait_returns_the_newest_match(data: Path) -> None:
    shown = answer(data, "show", "1-2")
    assert shown.items() >= SECOND.items()
    assert answer(data, "wait", "--to", "BOB@example.net") == shown
    assert answer(data, "wait", "--subject", "^one")["id"] == "1-1"


def test_delete_prints_the_number_of_messages(data: Path) -> None:
    assert answer(data, "delete", "1-1") == {"deleted": 1}
    assert answer(data, "delete", "--all") == {"deleted": 1}
    assert answer(data, "list") == {"messages": []}
    assert answer(data, "delete", "--all") == {"deleted": 0}


FAILURES = [
    (("show", "nobody"), 1, "no message nobody"),
    (("show", "nobody", "--json"), 1, "no message nobody"),
    (("delete", "nobody"), 1, "no message nobody"),
    (("wait", "--to", "x@example.net", "--timeout", "0"), 1, "no such message within 0 s"),
    (("delete",), 2, "ID or --all"),
    (("delete", "1-1", "--all"), 2, "ID or --all"),
    (("show", "1-1", "--no-trace"), 2, "needs --raw"),
    (("show", "1-1", "--raw", "--json"), 2, "cannot be used together"),
    (("wait", "--subject", "("), 2, "--subject"),
    (("wait", "--timeout", "-1"), 2, "--timeout"),
]
"""Click's 2 for a mistake of usage becomes 64 in ``cli.main``."""


@pytest.mark.parametrize(("arguments", "code", "said"), FAILURES)
def test_failures_are_one_line_without_a_traceback(
    data: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = run(data, *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["list", "count", "wait"])
def test_a_directory_without_a_store_is_an_error(tmp_path: Path, command: str) -> None:
    result = run(tmp_path / "nowhere", command)
    assert result.exit_code == 1
    assert str(tmp_path / "nowhere") in result.stderr
    assert not (tmp_path / "nowhere").exists()


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")


def test_plain_output_keeps_to_80_columns_and_obeys_no_stranger(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        long = message("1-3", PLAIN, subject=LONG, received_at=RECEIVED)
        await store.put(long)

    store = open_store(data)
    asyncio.run(steps())
    store.close()
    at_a_terminal(monkeypatch)
    for command in (("list",), ("show", "1-2"), ("wait",)):
        for line in run(data, *command).stdout.splitlines():
            assert len(line) <= 80
    shown = run(data, "show", "1-1").stdout
    assert "red" in shown
    assert "\x1b" not in shown


def test_ids_that_are_guids_leave_room_for_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guid = "01a2107b-f38c-722e-aaae-740b60f1f420"

    async def steps() -> None:
        await store.put(message(guid, PLAIN, subject="one", received_at=RECEIVED))

    store = open_store(tmp_path)
    asyncio.run(steps())
    store.close()
    at_a_terminal(monkeypatch)
    titles, line = run(tmp_path, "list").stdout.splitlines()
    assert (titles.split(), line.split()[0]) == (["ID", "RECEIVED", "TO", "SUBJECT"], guid)
    assert len(line) <= 80


def test_an_empty_list_says_so(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    assert run(tmp_path, "list").stdout == "no messages\n"


def test_the_commands_themselves_import_nothing_heavy() -> None:
    script = "import sys, gatepost.cli.messages; print(*sys.modules)"
    loaded = asyncio.run(_output(sys.executable, "-c", script)).split()
    assert not {"asyncio", "sqlite3", "email", "msgspec", "cryptography"} & set(loaded)


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode()


def test_a_running_relay_answers_in_its_stead(tmp_path: Path) -> None:
    with Emulator("open", data=tmp_path / "data") as relay:
        send(relay, "first")
        waiting = fork_server.Popen(
            [GATEPOST, "messages", "wait", "--subject", "second", "--json", "--data", relay.data],
            stdout=subprocess.PIPE,
        )
        send(relay, "second")
        told, _ = waiting.communicate(timeout=PATIENCE)
        assert waiting.returncode == 0
        assert json.loads(told)["subject"] == "second"
        raw = ask(relay.data, "messages", "show", "last", "--raw")
        assert raw.startswith(b"Return-Path: <alice@example.org>\r\nReceived: ")
        assert raw.endswith(relay.messages()[0].content)
        assert json.loads(ask(relay.data, "messages", "delete", "last", "--json")) == {"deleted": 1}
        assert relay.count() == 1
    assert count(relay.data) == 1, "and when it has stopped, the store does"


def send(relay: Emulator, subject: str) -> None:
    with smtplib.SMTP("127.0.0.1", relay.smtp.port, timeout=PATIENCE) as client:
        content = f"Subject: {subject}\r\n\r\nhello\r\n".encode()
        client.sendmail("alice@example.org", ["bob@example.net"], content)
