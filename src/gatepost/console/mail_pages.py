"""The inbox and its messages."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, cast
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.access.sentences import PageRefused
from gatepost.console.backend import Backend, menu_of
from gatepost.console.deletions import Deletions
from gatepost.console.forms import PageForm, read_own_form
from gatepost.console.page_parts import Desk, file_response, see_other, with_query
from gatepost.errors import QueueError
from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.entries import listed_message
from gatepost.mailbox.mailbox import FoundPage, Inbox, Mailbox, Wanted, with_ids
from gatepost.mailbox.query import BadQuery
from gatepost.mailbox.safe_html import InlineImage, SafeHtml, make_safe
from gatepost.mime.decoded_fields import decode_field, readable
from gatepost.mime.part_tree import Part
from gatepost.model.console_access import USER, ConsoleEndpoint
from gatepost.queue.mailbox_contract import Term

PAGE: Final = 50
VIEWS: Final = ("html", "text", "links", "headers", "parts", "source")
WIDTHS: Final = ("wide", "medium", "narrow")
LONGEST_SOURCE: Final = 500_000
"""Octets of a message's source on its page; the file has all of them."""
_MOST_SENDERS: Final = 1_000
_KINDS: Final = ("application", "username", "lane")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the mailbox a page is: an inbox, a query, and how far down."""

    inbox: str = ""
    """KIND:NAME; empty: all mail."""
    query: str = ""
    start: int = 0

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Place":
        """Return the place in a query string or in a form."""
        start = values.get("start", "")
        return cls(
            values.get("inbox", "")[:300],
            values.get("q", "")[:1000],
            int(start) if start.isascii() and start.isdecimal() and len(start) < 9 else 0,
        )

    def path(self, path: str = "/", **more: Any) -> str:
        """Return a path that leads to a page at this place."""
        return with_query(path, inbox=self.inbox, q=self.query, start=self.start, **more)


class MailPages:
    """The pages of captured mail."""

    def __init__(self, backend: Backend, desk: Desk, mailbox: Mailbox) -> None:
        self._backend, self._desk, self._mailbox = backend, desk, mailbox
        self.deletions = Deletions(mailbox)
        self._with_images: OrderedDict[str, None] = OrderedDict()
        """Senders whose images are always shown."""

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/", "viewer", "mail.list", "List messages."), self.show_list),
            (e("GET", "/inboxes", "support", "mail.inboxes", "List inboxes."), self.show_inboxes),
            (e("GET", "/m/{id}", "support", "mail.show", "Show a message."), self.show_message),
            (e("GET", "/m/{id}/html", "support", "mail.html", "Show its HTML."), self.show_html),
            (e("GET", "/m/{id}/part/{part}", "support", "mail.part", "Return a part."),
             self.show_part),
            (e("GET", "/m/{id}/eml", "support", "mail.source", "Return it."), self.show_source),
            (e("POST", "/mail", "operator", "mail.change", "Change messages."), self.change),
            (e("POST", "/mail/undo", "operator", "mail.undo", "Undo a deletion."), self.undo),
            (e("POST", "/m/{id}/release", "operator", "mail.release", "Send it on."),
             self.release),
            (e("POST", "/m/{id}/images", "support", "mail.images", "Always show images."),
             self.trust_sender),
        ]  # fmt: skip

    async def show_list(self, request: Request) -> Response:
        """``GET /``: the messages of an inbox, newest first; whoever may not see them is led to
        the first page of the menu."""
        user = request.scope[USER]
        if not user.may_act_as("support"):
            return see_other(menu_of(self._backend, user)[0].path)
        place = Place.of(request.query_params)
        return await self._page(request, place, {"message": None})

    async def show_inboxes(self, request: Request) -> Response:
        """``GET /inboxes``: those of applications, user names and lanes."""
        inboxes = [
            (each, self._name_of(each.kind, each.name)) for each in await self._mailbox.inboxes()
        ]
        return await self._desk.page(request, "inbox", "inboxes.html", {"inboxes": inboxes})

    def _name_of(self, kind: str, name: str) -> str:
        return self._backend.application_name(name) if kind == "application" else name

    async def show_message(self, request: Request) -> Response:
        """``GET /m/{id}``: a message beside its list, which marks it as read."""
        place, id_ = Place.of(request.query_params), str(request.path_params["id"])
        everything = self._mailbox.everything()
        try:
            if id_ == "latest":
                newest = await self._inbox(place).newest(Wanted())
                view = request.query_params.get("view", "")
                return see_other(place.path(f"/m/{quote(newest.id)}", view=view))
            entry, read = await everything.entry(id_), await everything.read(id_)
        except KeyError:
            return await self._page(request, place, {"message": None, "missing": id_}, 404)
        if not entry.is_read:
            await everything.mark((with_ids([id_]),), is_read=True)
        values = await asyncio.to_thread(self._message_values, request, read)
        listed = listed_message(entry)
        return await self._page(
            request, place, {**values, "message": listed, "current": id_, "missing": ""}
        )

    def _message_values(self, request: Request, read: ReadMessage) -> dict[str, Any]:
        """Return what a message's page shows; parsing may take long."""
        wanted = request.query_params.get("view", "")
        views = [each for each in VIEWS if each != "html" or read.html]
        view = wanted if wanted in views else views[0]
        width = request.query_params.get("width", "wide")
        images = request.query_params.get("images") == "1" or self._should_show_images(read)
        facts = self._mailbox.facts_of(read.message)
        values: dict[str, Any] = {
            "view": view,
            "views": views,
            "width": width if width in WIDTHS else "wide",
            "widths": WIDTHS,
            "images": images,
            "read": read,
            "facts": facts,
            "envelope": _envelope(read),
            "parts": list(_walk(read.contents.root)),
            "remote": 0,
            "source": "",
        }
        if view == "html" and not images:
            values["remote"] = self._safe(read, shows_remote=False).remote
        if view == "source":
            values["source"] = read.content[:LONGEST_SOURCE].decode("utf-8", "replace")
        return values

    async def show_html(self, request: Request) -> Response:
        """``GET /m/{id}/html``: the HTML, for a sandboxed frame."""
        read = await self._read(request)
        shows = request.query_params.get("images") == "1" or self._should_show_images(read)
        safe = await asyncio.to_thread(self._safe, read, shows_remote=shows)
        headers = {"content-security-policy": safe.policy, "referrer-policy": "no-referrer"}
        return HTMLResponse(safe.document, headers=headers)

    def _safe(self, read: ReadMessage, *, shows_remote: bool) -> SafeHtml:
        root = read.contents.root
        parts = {each.content_id: each for each in (root.leaves() if root else ())}

        def image(cid: str) -> InlineImage | None:
            part = parts.get(cid)
            return (part.content_type, part.content) if part else None

        return make_safe(read.html, image, shows_remote=shows_remote)

    async def show_part(self, request: Request) -> Response:
        """``GET /m/{id}/part/{part}``: a part, always as a file."""
        read = await self._read(request)
        root = await asyncio.to_thread(lambda: read.contents.root)
        for part in root.leaves() if root else ():
            if part.id == request.path_params["part"]:
                return file_response(part.content, part.filename or f"part-{part.id}")
        raise HTTPException(404)

    async def show_source(self, request: Request) -> Response:
        """``GET /m/{id}/eml``: the message as a file, with its trace fields."""
        read = await self._read(request)
        trace = await self._mailbox.store.trace(read.message.id)
        return file_response(trace + read.content, f"{read.message.id}.eml")

    async def change(self, request: Request) -> Response:
        """``POST /mail``: delete, mark or tag messages, and go back to the list."""
        form = await read_own_form(request)
        place, action = _place_of_form(form), form.first("action")
        inbox = self._inbox(place)
        if form.first("all"):
            ids: Sequence[str] = await inbox.ids(self._terms(place))
        else:
            ids = form.all("id")[: PAGE * 2]
        if not ids:
            return see_other(place.path())
        terms = (with_ids(ids),)
        if action == "delete":
            return see_other(place.path(undo=await self.deletions.begin(ids)))
        if action in ("read", "unread"):
            await inbox.mark(terms, is_read=action == "read")
        elif action == "tag":
            await self._add_tag(ids, form.first("tag"))
        elif action == "release":
            number = await self._release(ids[: PAGE * 2], form.first("to"))
            return see_other(place.path(released=number))
        else:
            raise PageRefused(400, "no_action")
        return see_other(place.path(f"/m/{quote(ids[0])}" if form.first("stay") else "/"))

    async def _add_tag(self, ids: Sequence[str], names: str) -> None:
        everything = self._mailbox.everything()
        added = [each.strip() for each in names.split(",") if each.strip()]
        for id_ in ids:
            with suppress(KeyError):  # deleted meanwhile
                entry = await everything.entry(id_)
                await everything.set_tags([id_], [*entry.tags, *added] if added else [])

    async def release(self, request: Request) -> Response:
        """``POST /m/{id}/release``: send a message to other addresses."""
        form = await read_own_form(request)
        id_ = str(request.path_params["id"])
        number = await self._release([id_], form.first("to"))
        path = f"/m/{quote(id_)}" if number else "/"
        return see_other(_place_of_form(form).path(path, released=number or "0"))

    async def _release(self, ids: Sequence[str], to: str) -> int:
        """Send messages to addresses; return the number of messages. Raises HTTPException."""
        if self._backend.release is None:
            raise PageRefused(400, "sends_nothing")
        addresses = to.replace(",", " ").split()
        if not addresses:
            raise PageRefused(400, "no_recipients")
        number = 0
        for id_ in ids:
            try:
                await self._backend.release(id_, addresses)
            except KeyError:
                continue  # deleted meanwhile
            except ValueError as error:
                raise HTTPException(400, str(error)) from None
            except QueueError as error:
                raise HTTPException(409, str(error)) from None
            number += 1
        return number

    async def undo(self, request: Request) -> Response:
        """``POST /mail/undo``: show again what was to be deleted."""
        form = await read_own_form(request)
        done = self.deletions.undo(form.first("undo"))
        return see_other(_place_of_form(form).path(undone=done or "late"))

    async def trust_sender(self, request: Request) -> Response:
        """``POST /m/{id}/images``: from now on show the images of this sender."""
        form = await read_own_form(request)
        read = await self._read(request)
        self._with_images[read.sender.address.lower()] = None
        while len(self._with_images) > _MOST_SENDERS:
            self._with_images.popitem(last=False)
        return see_other(_place_of_form(form).path(f"/m/{quote(read.message.id)}"))

    def _should_show_images(self, read: ReadMessage) -> bool:
        return bool(read.sender.address) and read.sender.address.lower() in self._with_images

    async def _read(self, request: Request) -> ReadMessage:
        try:
            return await self._mailbox.everything().read(str(request.path_params["id"]))
        except KeyError:
            raise PageRefused(404, "deleted") from None

    def _inbox(self, place: Place) -> Inbox:
        kind, _, name = place.inbox.partition(":")
        if kind not in _KINDS:
            return self._mailbox.everything()
        return self._mailbox.inbox(cast("Literal['application', 'username', 'lane']", kind), name)

    def _terms(self, place: Place) -> tuple[Term, ...]:
        """Return the terms of the query, without what will be deleted."""
        try:
            query = self._inbox(place).read_query(place.query) if place.query.strip() else None
        except BadQuery:
            query = None
        return (*(query.terms if query else ()), *self.deletions.hidden)

    async def _page(
        self, request: Request, place: Place, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        inbox = self._inbox(place)
        listing = await inbox.find(Wanted(self._terms(place), place.start, PAGE, recent=PAGE))
        undo = request.query_params.get("undo", "")
        everything = {
            "place": place,
            "inbox_name": self._name_of(*place.inbox.partition(":")[::2]),
            "page": PAGE,
            "listing": listing,
            "messages": [listed_message(each) for each in listing.page.entries],
            "undo": undo,
            "undo_size": self.deletions.size(undo),
            "undone": request.query_params.get("undone", ""),
            "released": request.query_params.get("released", ""),
            "may_change": request.scope[USER].may_act_as("operator"),
            "may_release": self._backend.release is not None,
            "has_events": self._backend.has("events"),
            "current": "",
            "missing": "",
            "view": request.query_params.get("view", ""),
            **_neighbours(listing, values),
            **await self._first_steps(listing),
            **values,
        }
        return await self._desk.page(request, "inbox", "inbox.html", everything, status)

    async def _first_steps(self, listing: FoundPage) -> dict[str, Any]:
        """Return what an empty inbox says: where to send mail, and the last refused login."""
        refusal = None
        if not listing.inbox.messages and self._backend.has("sessions"):
            refusals = (await self._backend.call("sessions.refusals", limit=1))["refusals"]
            refusal = refusals[0] if refusals else None
        return {"ready": self._backend.ready(), "refusal": refusal}


def _neighbours(listing: FoundPage, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the messages before and after the open one in the list."""
    ids = [each.id for each in listing.page.entries]
    current = values.get("current", "")
    if current not in ids:
        return {"newer": "", "older": ids[0] if ids else ""}
    at = ids.index(current)
    return {
        "newer": ids[at - 1] if at else "",
        "older": ids[at + 1] if at + 1 < len(ids) else "",
    }


def _place_of_form(form: PageForm) -> Place:
    return Place.of({name: form.first(name) for name in ("inbox", "q", "start")})


def _envelope(read: ReadMessage) -> dict[str, Any]:
    message = read.message
    return {
        "from": readable(message.mail_from) or "<>",
        "to": [readable(each) for each in message.rcpt_to],
        "fields": [(name, decode_field(value.strip())) for name, value in read.contents.raw],
    }


def _walk(part: Part | None, depth: int = 0) -> Any:
    if part is not None:
        yield depth, part
        for each in part.parts:
            yield from _walk(each, min(depth + 1, 6))
