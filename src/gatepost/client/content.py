"""The content on the wire: dots doubled (RFC 5321 4.5.2), or with its size (RFC 3030 2)."""

from collections.abc import Iterable, Iterator

from gatepost.model.body import Body, traits_of


def stuff(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content with each leading dot doubled, and the end of data.

    The content has CRLF line ends; the last line gets one if it has none.
    """
    tail = b"\r\n"  # the last two octets before: a dot may start the next chunk
    for chunk in chunks:
        if b"\r\n." in chunk or b"\r\n." in tail + chunk[:2]:
            yield (tail + chunk).replace(b"\r\n.", b"\r\n..")[2:]
        else:
            yield chunk
        tail = (tail + chunk[-2:])[-2:]
    yield b".\r\n" if tail == b"\r\n" else b"\r\n.\r\n"


def stuffed(body: Body) -> Iterator[bytes]:
    """Yield a body as ``stuff`` does; a body without leading dots is not searched."""
    traits = traits_of(body)
    if traits is None or not traits.is_undotted:
        yield from stuff(body.chunks())
        return
    yield from body.chunks()
    yield b".\r\n"


def bdat_command(body: Body) -> str:
    """Return the command that announces all of ``body`` as the last chunk."""
    return f"BDAT {body.size} LAST"


def chunked(body: Body) -> Iterator[bytes]:
    """Yield the command and the content, whose size the command contains."""
    yield f"{bdat_command(body)}\r\n".encode()
    yield from body.chunks()
