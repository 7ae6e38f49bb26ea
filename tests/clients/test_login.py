"""``gatepost login microsoft`` signs people in at the emulated tenant; the token then sends."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, Request, build_opener

import pytest

from gatepost.testing import Emulator
from tests import fork_server
from tests.shell.exchange_client import HTTPS, ExchangeClient

SEND = "https://outlook.office.com/SMTP.Send offline_access"
SIGNED_IN = "235 2.7.0 Authentication successful"
LONG = 120.0


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeClient]:
    with Emulator("microsoft365", options=HTTPS) as emulator:
        yield ExchangeClient(emulator)


@contextmanager
def login(exchange: ExchangeClient, home: Path, *arguments: str) -> Iterator[subprocess.Popen[Any]]:
    process = fork_server.Popen(
        [sys.executable, "-m", "gatepost.cli.main", "login", "microsoft", "--local", "--data",
         str(exchange.emulator.data), "--no-browser", *arguments],
        cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def person(exchange: ExchangeClient, url: str, **fields: str) -> str:
    """Fill in the form at ``url``, and follow where it leads."""
    opener = build_opener(HTTPSHandler(context=exchange.trust))
    with opener.open(Request(url, urlencode(fields).encode() if fields else None)) as page:
        return str(page.read().decode())


def shown(process: "subprocess.Popen[Any]", pattern: str) -> "re.Match[str]":
    """Return what the command shows on its first line of stderr."""
    assert process.stderr is not None
    match = re.search(pattern, process.stderr.readline())
    assert match
    return match


def check_saved(exchange: ExchangeClient, file: Path) -> None:
    """The refresh token in a file gives a token that signs in."""
    assert file.stat().st_mode & 0o777 == 0o600
    answer = exchange.post(
        "token", grant_type="refresh_token", client_id=exchange.ready["client_id"], scope=SEND,
        refresh_token=file.read_text().strip(),
    )  # fmt: skip
    assert exchange.by_token(answer["access_token"]) == SIGNED_IN


def test_a_browser(exchange: ExchangeClient, tmp_path: Path) -> None:
    with login(exchange, tmp_path) as process:
        url = shown(process, r"Open (\S+)")[1]
        back = re.search("redirect_uri=([^&]+)", url)
        assert back
        page = person(exchange, url, **{"as": exchange.mailbox})
        assert page == "You have signed in. You may close this window.\n"
        output, _ = process.communicate(timeout=LONG)
        assert process.returncode == 0
    assert f'username = "{exchange.mailbox}"' in output
    assert 'refresh_token = { file = "microsoft-refresh-token" }' in output
    check_saved(exchange, tmp_path / "microsoft-refresh-token")


def test_a_device(exchange: ExchangeClient, tmp_path: Path) -> None:
    saved = tmp_path / "token"
    saved.write_text("an older one")
    with login(exchange, tmp_path, "--device", "--save", str(saved)) as process:
        where, code = shown(process, r"Open (\S+) and enter the code (\w+)").groups()
        person(exchange, where, user_code=code, **{"as": exchange.mailbox})
        process.communicate(timeout=LONG)
        assert process.returncode == 0
    check_saved(exchange, saved)


# fmt: off
REFUSED = [
    ("delegated-consent", (),              "AADSTS90094. Only an administrator may consent"),
    ("user-consent",      (),              "AADSTS65004. The person declined"),
    ("public-client",     ("--device",),   "AADSTS7000218. The request contained neither"),
]
# fmt: on


@pytest.mark.parametrize(("step", "arguments", "why"), REFUSED)
def test_a_refusal_says_why(
    exchange: ExchangeClient, tmp_path: Path, step: str, arguments: tuple[str, ...], why: str
) -> None:
    exchange.operate("break", step=step)
    try:
        with login(exchange, tmp_path, *arguments) as process:
            if not arguments:
                url = shown(process, r"Open (\S+)")[1]
                person(exchange, url, consent="decline" if step == "user-consent" else "accept",
                       **{"as": exchange.mailbox})  # fmt: skip
            _, errors = process.communicate(timeout=LONG)
            assert process.returncode != 0
    finally:
        exchange.operate("mend", step=step)
    assert why in re.sub(r"\s+", " ", errors)
    assert not (tmp_path / "microsoft-refresh-token").exists()


def test_a_request_without_the_state_is_not_taken(exchange: ExchangeClient, tmp_path: Path) -> None:
    with login(exchange, tmp_path) as process:
        url = shown(process, r"Open (\S+)")[1]
        port = re.search(r"localhost%3A(\d+)", url)
        assert port
        for path in ("/favicon.ico", "/?code=stolen&state=guessed", "/?code=stolen"):
            with pytest.raises(OSError, match="404"):
                person(exchange, f"http://localhost:{port[1]}{path}")
        person(exchange, url, **{"as": exchange.mailbox})
        process.communicate(timeout=LONG)
        assert process.returncode == 0
