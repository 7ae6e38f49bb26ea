"""The pages ``/view``: the HTML of a message, made safe, and its text."""

import asyncio
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.safe_html import SafeHtml, make_safe
from gatepost.rest.mailbox.handled_request import MailboxCall, MailboxError


async def show_html(call: MailboxCall) -> Response:
    """``GET /view/{id}.html``; with ``embed=1`` links open a new tab."""
    id_ = await call.message_id()
    read = await call.inbox.read(id_)
    opens_tabs = call.parameter("embed") == "1"
    path = f"{call.base}/api/v1/message/{id_}"
    safe = await asyncio.to_thread(_safe_html, read, path, opens_tabs=opens_tabs)
    if safe is None:
        raise MailboxError(404, "This message has no HTML")
    headers = {"content-security-policy": safe.policy, "x-content-type-options": "nosniff"}
    return HTMLResponse(safe.document, headers=headers)


def _safe_html(read: ReadMessage, path: str, *, opens_tabs: bool) -> SafeHtml | None:
    inline, attached = read.files
    by_cid = {each.content_id: each.id for each in (*inline, *attached) if each.content_id}

    def image(cid: str) -> str | None:
        return f"{path}/part/{quote(by_cid[cid])}" if cid in by_cid else None

    return make_safe(read.html, image, opens_tabs=opens_tabs) if read.html else None


async def show_text(call: MailboxCall) -> Response:
    """``GET /view/{id}.txt``."""
    read = await call.inbox.read(await call.message_id())
    text = await asyncio.to_thread(lambda: read.text or read.html_text.text)
    return PlainTextResponse(text, headers={"x-content-type-options": "nosniff"})


async def show_latest(call: MailboxCall) -> Response:
    """``GET /view/latest``: leads to the page of the newest match."""
    call.request.path_params["id"] = "latest"
    id_ = await call.message_id()
    query = {name: value for name in ("embed",) if (value := call.parameter(name))}
    suffix = f"?{urlencode(query)}" if query else ""
    return RedirectResponse(f"{call.base}/view/{quote(id_)}.html{suffix}", 302)
