"""The attachments of a document: which are permitted, and their form in a message."""

import base64
import binascii
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from gatepost.mime.composed_fields import is_field_text
from gatepost.mime.composed_parts import File
from gatepost.rest.email.refusals import InvalidProperty, bad_request
from gatepost.rest.email.request_document import EmailAttachment
from gatepost.rest.errors import ApiError

_MEDIA_TYPE: Final = re.compile(
    r"([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)"
    r'(?:\s*;\s*[A-Za-z0-9_-]+=(?:[A-Za-z0-9!#$&^_.+-]+|"[A-Za-z0-9 !#$&^_.+:/-]*"))*'
)
_CONTENT_ID: Final = re.compile(r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200})>?")
_MAX_NAME: Final = 255
_SPELLINGS: Final = {"jpeg": "jpg"}


@cache
def allowed_types() -> frozenset[str]:
    """Return the media types that an attachment may have, lower case."""
    return frozenset(name.lower() for names in _types().values() for name in names)


def type_of(extension: str) -> str:
    """Return the media type for a file name extension of the list. Raises KeyError."""
    return _types()[_SPELLINGS.get(extension, extension)][0]


def read_attachments(
    attachments: Sequence[EmailAttachment],
    *,
    drop_invalid: bool,
    allow_duplicates: bool,
    any_type: bool,
) -> list[File]:
    """Return the files to attach. Raises ApiError 400 for one that is not permitted.

    ``drop_invalid`` omits such a file instead, ``allow_duplicates`` permits two with the same
    contentId (Microsoft Learn, "Adding Reserved Custom headers"), ``any_type`` permits types that
    are not on the list.
    """
    files: list[File] = []
    for index, attachment in enumerate(attachments):
        try:
            files.append(_read(attachment, f"attachments[{index}]", any_type=any_type))
        except ApiError:
            if not drop_invalid:
                raise
    ids = [each.content_id for each in files if each.content_id]
    if len(ids) != len(set(ids)) and not allow_duplicates:
        twice = next(each for each in ids if ids.count(each) > 1)
        raise bad_request(
            f"Duplicate content id '{twice}' in the attachments.", "content_id_duplicate"
        )
    return files


@cache
def _types() -> Mapping[str, Sequence[str]]:
    table = tomllib.loads(Path(__file__).with_name("media_types.toml").read_text("utf-8"))
    types: Mapping[str, Sequence[str]] = table["types"]
    return types


def _read(attachment: EmailAttachment, path: str, *, any_type: bool) -> File:
    name = attachment.name.strip()
    if not name or len(name) > _MAX_NAME or not is_field_text(name):
        raise InvalidProperty(f"{path}.name", "attachment_invalid: the name is invalid")
    content_type = attachment.content_type.strip()
    match = _MEDIA_TYPE.fullmatch(content_type)
    if match is None or not (any_type or match[1].lower() in allowed_types()):
        raise InvalidProperty(f"{path}.contentType", "attachment_invalid: the type is not allowed")
    content_id = ""
    if attachment.content_id:
        match_ = _CONTENT_ID.fullmatch(attachment.content_id.strip())
        if match_ is None:
            raise InvalidProperty(f"{path}.contentId", "attachment_invalid: no content id")
        content_id = match_[1]
    try:
        content = base64.b64decode(attachment.content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidProperty(
            f"{path}.contentInBase64", "attachment_invalid: the content is not Base64"
        ) from None
    return File(name, "; ".join(map(str.strip, content_type.split(";"))), content, content_id)
