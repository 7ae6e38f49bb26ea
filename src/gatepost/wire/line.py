"""Command lines out of a buffer (RFC 5321 2.3.8, 4.5.3.1.4)."""


class LineTooLong(ValueError):
    """A line passed its limit; it was dropped, and the stream stands behind its end."""


class LineReader:
    """Takes lines off the head of a buffer; an over-long one is dropped as it arrives."""

    __slots__ = ("dropping",)

    def __init__(self) -> None:
        self.dropping = False
        """The buffer stands inside an over-long line."""

    def read(self, buffer: bytearray, limit: int) -> bytes | None:
        """Return the next line without its end, or None when more octets are needed.

        ``limit`` counts the line's octets with CRLF. A bare LF ends a line too: people type
        into terminals, and a command cannot be smuggled where only commands stand. Raises
        LineTooLong when the end of an over-long line has come.
        """
        end = buffer.find(b"\n")
        if end < 0:
            if len(buffer) >= limit:
                self.dropping = True
            if self.dropping:
                buffer.clear()
            return None
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        if self.dropping or end >= limit:
            self.dropping = False
            raise LineTooLong(f"a line of more than {limit} octets")
        return line[:-1] if line.endswith(b"\r") else line
