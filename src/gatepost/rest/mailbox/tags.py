"""Tags of messages."""

from starlette.responses import Response

from gatepost.rest.mailbox.bodies import read_selected
from gatepost.rest.mailbox.handled_request import MailboxCall, MailboxError, ok


async def list_tags(call: MailboxCall) -> Response:
    """``GET /api/v1/tags``."""
    await call.inbox.count()
    return call.json(list(await call.inbox.tags()))


async def set_tags(call: MailboxCall) -> Response:
    """``PUT /api/v1/tags``: replace the tags of messages."""
    selected = await read_selected(call)
    if not selected.ids:
        raise MailboxError(400, "no message IDs")
    await call.inbox.set_tags(selected.ids, selected.tags or ())
    return ok()


async def rename_tag(call: MailboxCall) -> Response:
    """``PUT /api/v1/tags/{tag}``."""
    selected = await read_selected(call)
    tag = str(call.request.path_params["tag"])
    try:
        await call.inbox.rename_tag(tag, selected.name or "")
    except ValueError as error:
        raise MailboxError(400, str(error)) from None
    except KeyError:
        raise MailboxError(404, f"no message has the tag {tag[:100]}") from None
    return ok()


async def delete_tag(call: MailboxCall) -> Response:
    """``DELETE /api/v1/tags/{tag}``."""
    tag = str(call.request.path_params["tag"])
    try:
        await call.inbox.delete_tag(tag)
    except KeyError:
        raise MailboxError(404, f"no message has the tag {tag[:100]}") from None
    return ok()
