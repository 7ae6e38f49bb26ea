"""The file of ``gatepost watch``: its values, and all mistakes at once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gatepost.config.problems import ConfigProblems
from gatepost.config.watch_file import load_watch

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "watch.toml"
        path.write_text(text)
        return path

    return write


def test_omitted_keys_have_defaults(write: Write) -> None:
    config = load_watch(write('[[upstream]]\nserver = "smtp.example.com"\n'))
    [upstream] = config.upstreams
    assert (upstream.name, str(upstream.server)) == ("smtp.example.com-587", "smtp.example.com:587")
    assert (upstream.tls, upstream.interval) == ("auto", timedelta(minutes=15))
    assert config.metrics == ("127.0.0.1", 9587)
    assert (config.parallel, config.keep, config.jitter) == (4, 1000, 0.1)


def test_everything_that_can_be_said(write: Write, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush\n")
    (tmp_path / "ca.pem").touch()
    config = load_watch(
        write(f"""
interval = "1h"
jitter = 0.5
directory = "kept"
metrics = "off"
parallel = 2
keep = 10
keep_for = "90d"
certificate_warning = "14d"

[[upstream]]
name = "provider"
server = "mail.example.com"
tls = "implicit"
interval = "5m"
client = "Go"
ca_file = "{tmp_path / "ca.pem"}"
username = "me"
password = {{ file = "{tmp_path / "password"}" }}

[[upstream]]
server = "[::1]:2587"
""")
    )
    first, second = config.upstreams
    assert (str(first.server), first.library) == ("mail.example.com:465", "go-net-smtp")
    assert first.password is not None
    assert first.password.read().reveal() == "hush"
    assert (second.name, second.interval) == ("--1-2587", timedelta(hours=1))
    assert config.metrics is None


def test_all_mistakes_are_reported_at_once(write: Write) -> None:
    path = write(
        """intervall = "5m"
jitter = 2
metrics = "0.0.0.0:9587"

[[upstream]]
server = "mail.example.com:99999"
tls = "startls"
client = "nodemailr"
password = "inline"

[[upstream]]
name = "a"
server = "a.example.com"
interval = "10s"
username = "me"
password = { environment = "NOT_SET" }

[[upstream]]
name = "a"
server = "b.example.com"
ca_file = "/no/such/file"
"""
    )
    with pytest.raises(ConfigProblems) as told:
        load_watch(path, environment={})
    said = [str(each).removeprefix(f"{path}:") for each in told.value.problems]
    expected = [
        ("1:", "unknown key intervall", "did you mean interval?"),
        ("2:", "jitter must be a number from 0 to 1", ""),
        ("3:", "metrics must be an address of this machine", ""),
        ("5:", "upstream[0].username and password must be given together", ""),
        ("6:", "upstream[0].server must be HOST or HOST:PORT", ""),
        ("7:", "upstream[0].tls must be", "did you mean starttls?"),
        ("8:", "upstream[0].client names an unknown library", "did you mean nodemailer?"),
        ("9:", "upstream[0].password is a secret", ""),
        ("14:", "the interval must be at least a minute", ""),
        ("16:", "NOT_SET is not set", ""),
        ("19:", "there is already an upstream a", ""),
        ("21:", "/no/such/file cannot be read", ""),
    ]
    for line, words, hint in expected:
        assert any(each.startswith(line) and words in each and hint in each for each in said), (
            line,
            words,
            said,
        )
    assert "inline" not in str(told.value)


@pytest.mark.parametrize("text", ["", "[upstream]\nserver='a'\n", "upstream = 3\n", "= 1"])
def test_a_file_that_names_no_upstream(write: Write, text: str) -> None:
    with pytest.raises(ConfigProblems):
        load_watch(write(text))
