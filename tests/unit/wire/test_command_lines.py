"""Command lines from a buffer."""

import pytest

from gatepost.wire.command_lines import LineReader, LineTooLong


def read_all(chunks: list[bytes], limit: int = 10) -> list[bytes | str]:
    """Every line; ``"long"`` for one that was too long."""
    reader, buffer, lines = LineReader(), bytearray(), list[bytes | str]()
    for chunk in chunks:
        buffer += chunk
        while True:
            try:
                line = reader.read(buffer, limit)
            except LineTooLong:
                lines.append("long")
                continue
            if line is None:
                break
            lines.append(line)
    return lines


# fmt: off
LINES: list[tuple[bytes, list[bytes | str]]] = [
    (b"NOOP\r\n",                      [b"NOOP"]),
    (b"NOOP\n",                        [b"NOOP"]),
    (b"\r\n",                          [b""]),
    (b"a\r\nb\r\nc",                   [b"a", b"b"]),
    (b"a\rb\r\n",                      [b"a\rb"]),
    (b"a\r\r\n",                       [b"a\r"]),
    (b"12345678\r\n",                  [b"12345678"]),
    (b"123456789\r\n",                 ["long"]),
    (b"123456789\n",                   [b"123456789"]),
    (b"x" * 500 + b"\r\nNOOP\r\n",     ["long", b"NOOP"]),
    (b"x" * 500 + b"\n" * 2,           ["long", b""]),
]
# fmt: on


@pytest.mark.parametrize(("octets", "expected"), LINES)
def test_lines(octets: bytes, expected: list[bytes | str]) -> None:
    assert read_all([octets]) == expected
    assert read_all([octets[at : at + 1] for at in range(len(octets))]) == expected


def test_an_over_long_line_is_not_kept() -> None:
    reader, buffer = LineReader(), bytearray()
    for _ in range(1000):
        buffer += b"x" * 1000
        assert reader.read(buffer, 512) is None
        assert len(buffer) == 0
        assert reader.dropping
