"""What the user permits the tools of ``gatepost mcp`` to do."""

from pathlib import Path

import pytest

from gatepost.cli.assistant.toolbox import MAX_TEXT, Permissions, ToolRefused
from gatepost.doctor.other_servers import other_servers
from gatepost.doctor.probe_settings import PORTS, Checks, Visit
from gatepost.errors import ConfigError
from gatepost.net.dial import parse_server


@pytest.mark.parametrize(
    ("patterns", "server", "ports"),
    [
        (("mail.example.com",), "mail.example.com", PORTS),
        (("mail.example.com",), "MAIL.example.com:465", (465,)),
        (("*.example.com",), "mail.example.com", PORTS),
        (("*",), "mail.example.com", PORTS),
        (("mail.example.com:2526",), "mail.example.com:2526", (2526,)),
        (("mail.example.com:2526",), "mail.example.com", (2526,)),
        (("a.example", "mail.example.com:26"), "mail.example.com", (26,)),
        (("[::1]:2525",), "[::1]:2525", (2525,)),
        (("::1",), "::1", PORTS),
    ],
)
def test_a_permitted_server(patterns: tuple[str, ...], server: str, ports: tuple[int, ...]) -> None:
    assert Permissions(patterns).find_ports(server)[1] == ports


@pytest.mark.parametrize(
    ("patterns", "server"),
    [
        ((), "mail.example.com"),
        (("mail.example.com",), "mail.example.com:22"),
        (("mail.example.com:465",), "mail.example.com:587"),
        (("*.example.com",), "example.com"),
        (("example.com",), "mail.example.com"),
        (("example.com",), "example.com.evil.example"),
        (("mail[1].example",), "mail.example"),
    ],
)
def test_any_other_is_refused(patterns: tuple[str, ...], server: str) -> None:
    with pytest.raises(ToolRefused, match="not permitted"):
        Permissions(patterns).find_ports(server)


def test_what_is_no_server_is_an_error() -> None:
    with pytest.raises(ConfigError):
        Permissions(("*",)).find_ports("smtp://ann:secret@mail.example.com")


def test_a_confined_check_stays_at_its_host() -> None:
    server = parse_server("smtp.gmail.com:587")
    hosts = {each.host for each in other_servers(Visit(server))}
    assert len(hosts) > 1
    confined = Visit(server, checks=Checks(is_confined=True))
    assert {each.host for each in other_servers(confined)} == {"smtp.gmail.com"}


def test_files_are_read_in_permitted_directories_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "a.log").write_text("a")
    (outside / "b.log").write_text("b")
    (inside / "link").symlink_to(outside / "b.log")
    (inside / "big").write_bytes(b"x" * (MAX_TEXT + 1))
    permissions = Permissions(directories=(inside,))
    assert permissions.read_file(str(inside / "a.log")) == b"a"
    for path in (
        outside / "b.log", inside / "link", inside / ".." / "out" / "b.log", inside / "big",
        inside / "none", inside, "a\0b", "/dev/zero",
    ):  # fmt: skip
        with pytest.raises(ToolRefused):
            permissions.read_file(str(path))
    with pytest.raises(ToolRefused):
        Permissions().read_file(str(inside / "a.log"))
