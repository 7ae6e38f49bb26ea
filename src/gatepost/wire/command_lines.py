"""Reads command lines from a buffer (RFC 5321 2.3.8, 4.5.3.1.4)."""


class LineTooLong(ValueError):
    """A line was longer than its limit. It was discarded; the stream continues after its end."""


class LineReader:
    """Takes lines from the beginning of a buffer; one that is too long is discarded as it
    arrives."""

    __slots__ = ("dropping",)

    def __init__(self) -> None:
        self.dropping = False
        """A line that is too long is being discarded."""

    def read(self, buffer: bytearray, limit: int) -> bytes | None:
        """Return the next line without its end, or None if more octets are needed.

        ``limit`` includes CRLF. A bare LF ends a line, too, for people who type into terminals;
        between commands it cannot be used to smuggle one. Raises LineTooLong at the end of a line
        that is too long.
        """
        end = buffer.find(b"\n")
        if end < 0:
            if len(buffer) >= limit:
                self.dropping = True
            if self.dropping:
                buffer.clear()
            return None
        line = take_line(buffer, end)
        if self.dropping or end >= limit:
            self.dropping = False
            raise LineTooLong(f"a line of more than {limit} octets")
        return line


def take_line(buffer: bytearray, end: int) -> bytes:
    """Remove the line whose LF is at ``end``, and return it without its end."""
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    return line[:-1] if line.endswith(b"\r") else line
