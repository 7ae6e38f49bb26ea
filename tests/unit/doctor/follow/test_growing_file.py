"""Logs that grow, are rotated, truncated, removed, and created later."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.doctor.follow.growing_file import MAX_LINE, FollowedFile, FollowedPipe, LineSplitter
from gatepost.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.log"


@pytest.fixture
def log(path: Path) -> Iterator[FollowedFile]:
    followed = FollowedFile(path)
    yield followed
    followed.close()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def lines(followed: FollowedFile | FollowedPipe) -> list[str]:
    return [line for piece in followed.read_lines() for line in piece]


def test_what_is_there_is_skipped(path: Path) -> None:
    append(path, "old\nha")
    followed = FollowedFile(path)
    append(path, "lf\nnew\n")
    assert lines(followed) == ["lf", "new"]
    assert lines(followed) == []
    followed.close()


def test_or_read_from_the_start(path: Path) -> None:
    append(path, "old\n")
    followed = FollowedFile(path, from_start=True)
    assert lines(followed) == ["old"]
    followed.close()


def test_a_file_that_is_created_later_is_read_from_its_start(path: Path, log: FollowedFile) -> None:
    assert lines(log) == []
    assert log.problem == "No such file or directory"
    append(path, "one\n")
    assert lines(log) == ["one"]
    assert log.problem == ""


def test_rotation_by_renaming(path: Path, log: FollowedFile) -> None:
    append(path, "one\n")
    assert lines(log) == ["one"]
    old = path.with_suffix(".1")
    path.rename(old)
    append(old, "two, to the old one\n")
    assert lines(log) == ["two, to the old one"]
    append(old, "three, without an end")
    append(path, "four, to the new one\n")
    assert lines(log) == ["three, without an end", "four, to the new one"]
    append(old, "not read any more\n")
    append(path, "five\n")
    assert lines(log) == ["five"]


def test_several_rotations_between_two_looks(path: Path, log: FollowedFile) -> None:
    append(path, "one\n")
    assert lines(log) == ["one"]
    for name in ("two", "three"):
        path.unlink()
        append(path, f"{name}\n")
    assert lines(log) == ["three"]


def test_rotation_by_truncation(path: Path, log: FollowedFile) -> None:
    append(path, "a long line\nand the beginning of another")
    assert lines(log) == ["a long line"]
    os.truncate(path, 0)
    append(path, "short\n")
    assert lines(log) == ["short"]


def test_a_line_without_an_end(path: Path, log: FollowedFile) -> None:
    append(path, "begun, ")
    assert lines(log) == []
    append(path, "done")
    assert lines(log) == []
    assert log.end_line() == ["begun, done"]
    assert log.end_line() == []


def test_a_file_is_read_in_pieces(path: Path, log: FollowedFile) -> None:
    append(path, "a line of a log\n" * 100_000)
    pieces = list(log.read_lines())
    assert len(pieces) > 10
    assert sum(map(len, pieces)) == 100_000


def test_utf_16_of_powershell(path: Path, log: FollowedFile) -> None:
    path.write_bytes("\ufeffé one\r\ntwo\r\n".encode("utf-16-le"))
    assert [line.lstrip("\ufeff") for line in lines(log)] == ["é one", "two"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a file"):
        FollowedFile(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a file"):
        FollowedFile(tmp_path / "pipe")


def test_a_file_that_becomes_a_directory_is_waited_for(path: Path, log: FollowedFile) -> None:
    path.mkdir()
    assert lines(log) == []
    assert log.problem
    path.rmdir()
    append(path, "back\n")
    assert lines(log) == ["back"]


def test_a_pipe_has_an_end() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"one\ntwo")
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        followed = FollowedPipe(pipe)
        read: list[str] = []
        while not followed.has_ended:
            read += lines(followed)
    assert read == ["one", "two"]


class TestSplitter:
    def test_any_division(self) -> None:
        octets = "é one\r\n\ntwo ✉\nthree".encode()
        for size in range(1, len(octets)):
            splitter = LineSplitter()
            pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
            whole = [line for piece in pieces for line in splitter.split(piece)]
            assert whole + splitter.end() == ["é one", "", "two ✉", "three"]

    def test_a_long_line_is_cut_in_bounded_memory(self) -> None:
        splitter = LineSplitter()
        for _ in range(1000):
            assert splitter.split(b"x" * 10_000) == []
            assert len(splitter._rest) == MAX_LINE
        assert splitter.split(b"y\nnext\n") == ["x" * MAX_LINE, "next"]

    def test_octets_that_are_no_text(self) -> None:
        splitter = LineSplitter()
        assert splitter.split(bytes(range(256)) + b"\nnext\n")[-1] == "next"
