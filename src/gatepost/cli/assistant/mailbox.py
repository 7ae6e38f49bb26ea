"""The captured mail of a local server, without the secrets in it."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from gatepost.app.data_directory import open_mailbox
from gatepost.cli.assistant.toolbox import Answer, Permissions, ToolRefused, redact
from gatepost.cli.message_views import listing_document, whole_document
from gatepost.errors import GatepostError
from gatepost.queue.store_contract import Selection, Store

if TYPE_CHECKING:
    from gatepost.model.message import StoredMessage

MAX_CONTENT: Final = 1024 * 1024
"""Octets of a message that are read."""
MAX_PART: Final = 32_768
"""Characters of a text that are returned."""
_HEADERS: Final = (
    "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "Content-Type",
    "List-Unsubscribe",
)  # fmt: skip

Filter = Annotated[str, Meta(max_length=300)]


class ReadMailbox(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of read_mailbox."""

    id: Annotated[
        str, Meta(max_length=100, description="Show this message; last is the newest.")
    ] = ""
    to: Annotated[Filter, Meta(description="List mail with this recipient.")] = ""
    sender: Annotated[Filter, Meta(description="List mail from this sender.")] = ""
    subject: Annotated[Filter, Meta(description="List mail whose subject contains this.")] = ""
    limit: Annotated[int, Meta(ge=1, le=100, description="How many to list, newest first.")] = 20
    wait: Annotated[
        float, Meta(ge=0, le=60, description="Seconds to wait for a message if there is none.")
    ] = 0.0


async def read_mailbox(arguments: ReadMailbox, permissions: Permissions) -> Answer:
    """Return a message, or a list of messages. Raises ToolRefused."""
    try:
        async with open_mailbox(permissions.data) as store:
            if arguments.id:
                return await _show(store, arguments.id)
            return await _list(store, arguments)
    except KeyError:
        raise ToolRefused("there is no such message") from None
    except GatepostError as error:
        raise ToolRefused(str(error)) from None


async def _list(store: Store, arguments: ReadMailbox) -> Answer:
    selection = Selection(arguments.to, re.escape(arguments.subject), sender=arguments.sender)
    messages = await store.list(selection)
    if not messages and arguments.wait:
        message = await store.wait(selection, arguments.wait)
        messages = [] if message is None else [message]
    listed = [_clean(listing_document(each)) for each in messages[: arguments.limit]]
    lines = [
        f"- {each['id']} {each['received_at']} from <{each['mail_from']}> to "
        f"{', '.join(each['rcpt_to'])}: {each['subject']}"
        for each in listed
    ]
    head = f"{len(messages)} messages, newest first" if messages else "No message matches."
    return Answer("\n".join((head, *lines)), {"count": len(messages), "messages": listed})


async def _show(store: Store, id: str) -> Answer:
    message = await store.get(id)
    content = bytearray()
    for chunk in (await store.body(message.id)).chunks():
        content += chunk
        if len(content) > MAX_CONTENT:
            break
    document = _document(message, bytes(content[:MAX_CONTENT]))
    lines = [f"{name}: {value}" for name, value in document["headers"].items()]
    lines += ["", document["text"] or document["html"] or "(no text)"]
    lines += [f"Attachment: {each['filename']}" for each in document["attachments"]]
    return Answer("\n".join(lines), document)


def _document(message: "StoredMessage", content: bytes) -> dict[str, Any]:
    document = whole_document(message, content)
    del document["azure_message_id"]
    headers = {name.lower(): value for name, value in document["headers"].items()}
    document["headers"] = {
        name: headers[name.lower()] for name in _HEADERS if name.lower() in headers
    }
    document["is_shortened"] = len(content) == MAX_CONTENT or any(
        len(document[part] or "") > MAX_PART for part in ("text", "html")
    )
    cleaned: dict[str, Any] = _clean(document)
    return cleaned


def _clean(value: Any) -> Any:
    """Return JSON values without secrets, and without the ends of long texts.

    What is cut off may be the rest of a secret, so secrets are removed first.
    """
    if isinstance(value, str):
        return redact(value[: 2 * MAX_PART])[:MAX_PART]
    if isinstance(value, dict):
        return {key: _clean(part) for key, part in value.items()}
    return list(map(_clean, value)) if isinstance(value, list) else value
