"""The content of a message, from the place in its row."""

import zlib
from typing import Any

from gatepost.errors import Unreadable
from gatepost.model.body import Body, BytesBody
from gatepost.store.sqlite.segments import BodyPlace, Segments


def open_content(id: str, row: tuple[Any, ...], segments: Segments) -> Body:
    """Return a body; ``row``: segment, offset, size, checksum, and the content if it is in the
    database.

    Small ones are verified now, large ones while they are read. Raises Unreadable for a damaged
    one, FileNotFoundError if it moved to another segment meanwhile.
    """
    segment, offset, size, checksum, content = row
    if segment is not None:
        return segments.open(BodyPlace(segment, offset, size, checksum))
    if content is None or len(content) != size or zlib.crc32(content) != checksum:
        raise Unreadable(f"the body of message {id} is damaged")
    return BytesBody(content)
