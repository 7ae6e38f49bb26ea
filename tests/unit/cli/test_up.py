"""``gatepost up``: its arguments, and their errors."""

from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.main import main
from gatepost.cli.up import PlaceType, start_text

OFF = ("--smtp", "off", "--smtps", "off", "--https", "off", "--http", "off")

USAGE_ERRORS = [
    (("--profile", "asc"), "did you mean acs"),
    (("--profile", "../../etc/passwd"), "there is no profile"),
    (("--smtp", "localhost"), "not a HOST:PORT"),
    (("--smtp", "localhost:"), "not a HOST:PORT"),
    (("--smtp", "localhost:65536"), "not a HOST:PORT"),
    (("--smtp", "localhost:\u00b2"), "not a HOST:PORT"),
    (("--smtp", "localhost:-1"), "not a HOST:PORT"),
    (("--workers", "-1"), "--workers"),
    (("--nonsense",), "No such option"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE_ERRORS)
def test_a_wrong_argument_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["up", "--data", str(tmp_path / "data"), *OFF, *arguments])
    assert left.value.code == 64
    told = capsys.readouterr().err
    assert says in told
    assert told.count("did you mean") <= 1
    assert not (tmp_path / "data").exists()


def test_help_names_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["up", "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for default in (".gatepost", "2587", "2465", "2443", "2480", "acs"):
        assert default in said, default
    assert "gatepost up --data" in said, "an example"


PLACES = [
    ("localhost:2587", ("localhost", 2587)),
    ("127.0.0.1:0", ("127.0.0.1", 0)),
    ("[::1]:25", ("::1", 25)),
    ("0.0.0.0:65535", ("0.0.0.0", 65_535)),
    ("2587", ("localhost", 2587)),
    ("off", None),
]


@pytest.mark.parametrize(("text", "place"), PLACES)
def test_a_place_is_read(text: str, place: tuple[str, int] | None) -> None:
    assert PlaceType().convert(text, None, None) == place


def test_the_paste_holds_what_an_application_needs() -> None:
    document: dict[str, Any] = {
        "pid": 7,
        "data": "/data",
        "smtp": {"host": "127.0.0.1", "port": 2587, "tls": "starttls"},
        "smtps": None,
        "https": {"url": "https://localhost:2443"},
        "http": None,
        "ca_file": "/data/ca.pem",
        "username": "res.app.tenant",
        "password": "pa55word",
        "from": "DoNotReply@example.net",
        "env": {"AZURE_AUTHORITY_HOST": "https://localhost:2443", "AZURE_CLIENT_SECRET": "a b"},
    }
    said = start_text(document)
    needed_ones = (
        "127.0.0.1:2587 (STARTTLS)",
        "res.app.tenant",
        "pa55word",
        "/data/ca.pem",
        "DoNotReply@example.net",
        "https://localhost:2443",
        "/data/ready.json",
        "export AZURE_AUTHORITY_HOST=https://localhost:2443",
        "export AZURE_CLIENT_SECRET='a b'",
    )
    for needed in needed_ones:
        assert needed in said
    assert "implicit" not in said
    assert all(len(line) <= 80 for line in said.splitlines())


def test_a_revoked_secret_is_explained_and_not_shown() -> None:
    document: dict[str, Any] = {
        "pid": 7,
        "data": "/data",
        "smtp": None,
        "smtps": None,
        "https": {"url": "https://localhost:2443"},
        "http": None,
        "ca_file": "/data/ca.pem",
        "username": "res.app.tenant",
        "password": None,
        "from": "DoNotReply@example.net",
        "env": {"AZURE_AUTHORITY_HOST": "https://localhost:2443"},
    }
    said = start_text(document)
    assert "None" not in said
    assert "  password  none: the client secret was deleted or has expired\n" in said
    assert "# no AZURE_CLIENT_SECRET: " in said
    assert "# no COMMUNICATION_SERVICES_CONNECTION_STRING: the resource was deleted\n" in said
    assert all(len(line) <= 80 for line in said.splitlines())
