"""Secrets are read by name, and errors name the missing one."""

import os
from pathlib import Path

import pytest

from gatepost.client.named_secret import NamedSecret
from gatepost.errors import ConfigError
from gatepost.model.secret import Secret


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret\n\n", "s3cret\n"),
        (b" s3cret \n", " s3cret "),
        ("päss".encode(), "päss"),
        (b"\xff\n", "\udcff"),
        (b"\xef\xbb\xbfs3cret\r\n", "s3cret"),
    ],
)
def test_a_file_loses_one_line_end_and_a_byte_order_mark(
    tmp_path: Path, octets: bytes, text: str
) -> None:
    path = tmp_path / "password"
    path.write_bytes(octets)
    assert NamedSecret("file", str(path)).read() == Secret(text)
    assert NamedSecret("systemd", "password").read({"CREDENTIALS_DIRECTORY": str(tmp_path)}) == (
        Secret(text)
    )


def test_a_variable_is_taken_as_it_is() -> None:
    assert NamedSecret("environment", "P").read({"P": "s3cret\n"}) == Secret("s3cret\n")


def test_a_fifo_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "password")
    with pytest.raises(ConfigError, match="it is a FIFO"):
        NamedSecret("file", str(tmp_path / "password")).read()


def test_the_secret_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "password"
    named = NamedSecret("file", str(path))
    path.write_text("one")
    assert named.read() == Secret("one")
    path.write_text("two")
    assert named.read() == Secret("two")


@pytest.mark.parametrize(
    ("named", "environment", "told"),
    [
        (NamedSecret("environment", "P"), {}, "environment variable P is not set"),
        (NamedSecret("environment", "P"), {"P": ""}, "environment variable P is empty"),
        (NamedSecret("file", "/nowhere/p"), {}, "file /nowhere/p cannot be read: No such file"),
        (NamedSecret("file", "/"), {}, "cannot be read"),
        (NamedSecret("systemd", "p"), {}, "CREDENTIALS_DIRECTORY is not set"),
        (NamedSecret("systemd", "../p"), {"CREDENTIALS_DIRECTORY": "/"}, "a name that systemd"),
        (NamedSecret("systemd", ".."), {"CREDENTIALS_DIRECTORY": "/"}, "a name that systemd"),
        (NamedSecret("file", "/dev/zero"), {}, "longer than 65536 octets"),
        (NamedSecret("file", "/dev/null"), {}, "is empty"),
    ],
)
def test_a_missing_secret_is_named(
    named: NamedSecret, environment: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told.replace("$", r"\$")):
        named.read(environment)
