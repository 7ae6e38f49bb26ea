"""``gatepost mcp``, called by the mcp package's own client over standard input and output."""

import base64
import json
import os
import smtplib
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import gatepost

SECRET = "S3cret/of+Ann-42"
FORMS = (
    SECRET, base64.b64encode(f"\0ann\0{SECRET}".encode()).decode(),
    base64.b64encode(SECRET.encode()).decode(),
)  # fmt: skip
REFUSED = f"C: AUTH PLAIN {FORMS[1]}\nS: 504 5.7.4 Unrecognized authentication type ({SECRET})\n"
SETTINGS = f"SMTP_HOST=smtp.gmail.com\nSMTP_PORT=465\nSMTP_PASSWORD='{SECRET}'\nSMTP_SECURE=false\n"


def use(
    task: Callable[[Client], Awaitable[None]],
    *options: str,
    cwd: Path,
    program: Path | str = "",
) -> None:
    """Run ``task`` with a client of ``gatepost mcp OPTIONS``."""
    command = program or fork_server.programs() / "gatepost"
    server = StdioServerParameters(command=str(command), args=["mcp", *options], cwd=cwd)

    async def run() -> None:
        with anyio.fail_after(60):
            async with Client(stdio_client(server, errlog=log)) as client:
                await task(client)

    # the package's default is what standard error was when it was imported
    with Path(os.devnull).open("w") as log:
        anyio.run(run)


def text_of(result: Any) -> str:
    [content] = result.content
    return str(content.text)


def has_secret(result: Any) -> bool:
    whole = text_of(result) + json.dumps(result.structured_content)
    return any(form in whole for form in FORMS)


def test_the_tools_and_what_they_permit(tmp_path: Path) -> None:
    async def task(client: Client) -> None:
        tools = {each.name: each for each in (await client.list_tools()).tools}
        assert set(tools) == {
            "diagnose_text", "check_config", "explain_cause", "probe_server", "read_mailbox",
        }  # fmt: skip
        assert "has not permitted any server" in (tools["probe_server"].description or "")
        for tool in tools.values():
            assert tool.input_schema["type"] == "object"
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
        for name, arguments in (
            ("probe_server", {"server": "127.0.0.1:1"}),
            ("probe_server", {"server": "smtp.example.com"}),
            ("diagnose_text", {"path": "/etc/passwd"}),
            ("check_config", {"path": str(tmp_path)}),
        ):
            refused = await client.call_tool(name, arguments)
            assert refused.is_error
            assert "has not permitted" in text_of(refused)

    use(task, cwd=tmp_path, program=fork_server.GATEPOST)


def test_texts_files_and_settings_are_diagnosed_without_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text(REFUSED)
    (tmp_path / ".env").write_text(SETTINGS)
    (tmp_path / "link").symlink_to("/etc/passwd")

    async def task(client: Client) -> None:
        for arguments in ({"text": REFUSED}, {"path": str(tmp_path / "mail.log")}):
            result = await client.call_tool("diagnose_text", {**arguments, "client": "go"})
            assert not result.is_error
            [first, *_] = result.structured_content["findings"]
            assert (first["id"], first["confidence"]) == ("mechanism_not_offered", "likely")
            assert [each["library"] for each in first["remedies"]] == ["go-net-smtp"]
            assert "## mechanism_not_offered (likely)" in text_of(result)
            assert "\treturn" in text_of(result)
            assert not has_secret(result)
        for arguments in ({"text": SETTINGS, "name": ".env"}, {"path": str(tmp_path / ".env")}):
            result = await client.call_tool("check_config", arguments)
            assert result.structured_content["verdict"] == "finding"
            assert not has_secret(result)
        page = await client.call_tool("explain_cause", {"id": "mechanism_not_offered"})
        assert text_of(page).startswith("# mechanism_not_offered")
        page = await client.call_tool(
            "explain_cause", {"id": "mechanism_not_offered", "client": "go"}
        )
        assert "LoginAuth" in text_of(page)
        for path in ("link", "../x", "none", "."):
            assert (await client.call_tool("diagnose_text", {"path": path})).is_error

    use(task, "--allow-files", str(tmp_path), cwd=tmp_path)


def test_what_is_wrong_is_refused_and_no_secret_repeated(tmp_path: Path) -> None:
    async def task(client: Client) -> None:
        for name, arguments in (
            ("nothing", {}),
            ("diagnose_text", {}),
            ("diagnose_text", {"text": {"password": SECRET}}),
            ("diagnose_text", {"text": "x", "path": "y"}),
            ("explain_cause", {"id": f"password={SECRET}"}),
            ("explain_cause", {"id": "bad_credentials", "client": f"password={SECRET}"}),
            ("probe_server", {"server": f"smtp://ann:{SECRET}@mail.example.com"}),
            ("probe_server", {"server": "x", "tls": SECRET}),
            ("diagnose_text", {SECRET: "x"}),
            ("read_mailbox", {}),
            ("read_mailbox", {"limit": 10**9}),
        ):
            result = await client.call_tool(name, arguments)
            assert result.is_error, name
            assert not has_secret(result), name

    use(task, cwd=tmp_path)


def test_every_size_is_answered_or_refused_at_once(tmp_path: Path) -> None:
    async def task(client: Client) -> None:
        for text, is_refused in (
            ("S: 535 5.7.8 no\n" * 65_000, False),
            ("\0" * 1_000_000, False),
            ("(" * 1_000_000, False),
            (REFUSED * 7_000, False),
            ("é" * 1_000_000, True),
        ):
            began = time.monotonic()
            for tool in ("diagnose_text", "check_config"):
                result = await client.call_tool(tool, {"text": text})
                assert result.is_error is is_refused
                assert len(text_of(result)) < 200_000
            assert time.monotonic() - began < 20  # on a busy machine; see test_time for 2 s
        with pytest.raises(MCPError, match="longer than"):
            await client.call_tool("diagnose_text", {"text": "x" * 20_000_000})
        assert not (await client.call_tool("diagnose_text", {"text": "535"})).is_error

    use(task, cwd=tmp_path)


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


def send(relay: Emulator, subject: str, text: str) -> None:
    message = EmailMessage()
    ready = relay.ready
    message["From"], message["To"] = ready["from"], "bob@example.net"
    message["Subject"] = subject
    message.set_content(text)
    context = ssl.create_default_context(cafile=ready["ca_file"])
    with smtplib.SMTP("localhost", ready["smtp"]["port"]) as client:
        client.starttls(context=context)
        client.login(ready["username"], ready["password"])
        client.send_message(message)


def test_captured_mail_is_read_without_its_secrets(relay: Emulator, tmp_path: Path) -> None:
    send(relay, "Your new password", f"Hello,\n\nyour password is {SECRET}\nsee you\n")
    send(relay, "Other (mail)", "Your code is 123456\n")

    async def task(client: Client) -> None:
        listed = await client.call_tool("read_mailbox", {"to": "bob@example.net"})
        assert listed.structured_content["count"] == 2
        assert "Other (mail)" in text_of(listed)
        one = await client.call_tool("read_mailbox", {"subject": "new pass"})
        [message] = one.structured_content["messages"]
        shown = await client.call_tool("read_mailbox", {"id": message["id"]})
        assert "see you" in text_of(shown)
        assert "[redacted]" in text_of(shown)
        assert not has_secret(shown)
        last = await client.call_tool("read_mailbox", {"id": "last"})
        assert last.structured_content["text"] == "Your code is 123456\n"
        assert (await client.call_tool("read_mailbox", {"subject": "("})).structured_content == (
            await client.call_tool("read_mailbox", {"subject": "r (m"})
        ).structured_content
        none = await client.call_tool("read_mailbox", {"subject": "(a+)+$", "wait": 0.1})
        assert none.structured_content == {"count": 0, "messages": []}
        assert (await client.call_tool("read_mailbox", {"id": "nothing"})).is_error

    use(task, "--data", str(relay.data), cwd=tmp_path)


def test_only_permitted_servers_are_connected_to(relay: Emulator, tmp_path: Path) -> None:
    port = relay.ready["smtp"]["port"]
    permitted = f"localhost:{port}"

    async def task(client: Client) -> None:
        tools = {each.name: each for each in (await client.list_tools()).tools}
        assert permitted in (tools["probe_server"].description or "")
        result = await client.call_tool("probe_server", {"server": permitted, "client": "go"})
        assert result.structured_content["target"] == permitted
        assert result.structured_content["findings"][0]["id"] == "mechanism_not_offered"
        for server in (f"127.0.0.1:{port}", "localhost:1", "smtp.azurecomm.net"):
            assert (await client.call_tool("probe_server", {"server": server})).is_error

    use(task, "--allow-probe", permitted, "--data", str(relay.data), cwd=tmp_path)


def test_the_entry_for_the_settings_of_an_assistant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gatepost("mcp", "--allow-probe", "a.example", "--data", str(tmp_path), "--json") == 0
    entry = json.loads(capsys.readouterr().out)["mcpServers"]["gatepost"]
    assert entry["command"] == sys.executable
    assert entry["args"] == [
        "-m", "gatepost", "mcp", "--allow-probe", "a.example", "--data", str(tmp_path),
    ]  # fmt: skip


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [each for each in sys.path if "site-packages" not in each])
    assert gatepost("mcp") == 1
    assert "pip install 'gatepost[mcp]'" in capsys.readouterr().err
