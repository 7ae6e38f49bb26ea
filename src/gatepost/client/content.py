"""The content on its way to the wire: dots doubled (RFC 5321 4.5.2), or counted (RFC 3030 2)."""

from collections.abc import Iterable, Iterator

from gatepost.model.body import Body


def stuff(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content with each leading dot doubled, the end of data behind the last of it.

    The content has CRLF line ends; the last line gets one if it has none.
    """
    tail = b"\r\n"  # the last two octets sent: a dot may start the next chunk
    held = b""  # so that the end comes in one write with what is before it
    for chunk in chunks:
        if held:
            yield held
        framed = tail + chunk
        held = framed.replace(b"\r\n.", b"\r\n..")[2:] if b"\r\n." in framed else chunk
        tail = framed[-2:]
    yield held + (b".\r\n" if tail == b"\r\n" else b"\r\n.\r\n")


def bdat_command(body: Body) -> str:
    """Return the command that announces all of ``body`` as the last chunk."""
    return f"BDAT {body.size} LAST"


def chunked(body: Body) -> Iterator[bytes]:
    """Yield the command and the content, which the server counts."""
    command = f"{bdat_command(body)}\r\n".encode()
    for chunk in body.chunks():
        yield command + chunk if command else chunk
        command = b""
    if command:
        yield command
