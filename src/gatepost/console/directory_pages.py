"""The directory: who may sign in, with what, and send as whom."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.access.sentences import PageRefused
from gatepost.console.backend import Backend, Document
from gatepost.console.directory_forms import (
    ACTIONS,
    ASSIGN,
    KINDS,
    SECRETS,
    FormField,
    ListedKind,
    kind_of,
    read_fields,
)
from gatepost.console.forms import PageForm, read_own_form
from gatepost.console.page_parts import Desk, see_other, with_query
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.errors import GatepostError
from gatepost.model.console_access import ConsoleEndpoint

PAGE: Final = 50
_HOLDERS: Final = ("group", "subscription")


class DirectoryPages:
    """The page of the directory, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/directory", "admin", "directory.show", "Show the directory."), self.show),
            (e("POST", "/directory", "admin", "directory.change", "Change an object."),
             self.change),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /directory``: the objects of one kind, of ``noun``."""
        query = request.query_params
        values = {"done": query.get("done", ""), "name": query.get("name", "")[:300]}
        return await self._page(request, query.get("noun", ""), values)

    async def _page(
        self, request: Request, noun: str, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        lists = {each.noun: await self._list(each) for each in KINDS}
        present = [each for each in KINDS if lists[each.noun] is not None]
        if noun and kind_of(noun) not in present:
            raise PageRefused(404, "no_objects")
        kind = kind_of(noun) or (present[0] if present else None)
        listing = (lists[kind.noun] or {}) if kind is not None else {}
        rows: list[Document] = listing[kind.key] if kind is not None else []
        start = _start(request.query_params.get("start", ""))
        if kind is not None:
            rows = [await self._complete(kind, each) for each in rows[start : start + PAGE]]
        everything = {
            "kinds": [(each, len((lists[each.noun] or {})[each.key])) for each in present],
            "kind": kind,
            "rows": rows,
            "start": start,
            "page": PAGE,
            "assignments": listing.get("assignments", ()),
            "assign": ASSIGN,
            "choices": _choices(lists),
            "created": None,
            "problem": "",
            "done": "",
            "name": "",
            **values,
        }
        return await self._desk.page(request, "directory", "directory.html", everything, status)

    async def _list(self, kind: ListedKind) -> Document | None:
        """Return the objects of a kind; None if this directory has no such kind."""
        try:
            return await self._backend.call(f"directory.{kind.noun} list")
        except (Rejected, ValueError, GatepostError):
            return None

    async def _complete(self, kind: ListedKind, row: Document) -> Document:
        """Return an object with what only its own document has: user names and DNS records."""
        details: Document = {}
        if kind.noun in ("app", "domain"):
            try:
                details = await self._backend.call(f"directory.{kind.noun} show", name=row["id"])
            except (Rejected, GatepostError):  # deleted meanwhile
                pass
        return {"usernames": details.get("usernames"), "records": details.get("records", ()), **row}

    async def change(self, request: Request) -> Response:
        """``POST /directory``: run an operation of the command line; a secret is shown on this
        page only."""
        form = await read_own_form(request)
        noun, verb = form.first("noun"), form.first("verb")
        fields = ACTIONS.get((noun, verb))
        if fields is None:
            raise PageRefused(400, "no_action")
        try:
            done = await self._run(noun, verb, form, fields)
        except Rejected as error:
            return await self._page(request, noun, {"problem": error.message}, error.status)
        except (ValueError, GatepostError) as error:
            return await self._page(request, noun, {"problem": str(error)}, 400)
        if once := _shown_once(done, form.first("regenerate")):
            created = {"name": _name_of(done), "once": once}
            return await self._page(request, noun, {"created": created})
        if verb == "verify" and not done["proven"]:
            errors = [each["error"] for each in done["records"] if each["error"]]
            problem = " ".join(errors) or "The domain is not verified yet."
            return await self._page(request, noun, {"problem": problem}, 409)
        name = _name_of(done.get("deleted", done))
        return see_other(with_query("/directory", noun=noun, done=verb, name=name))

    async def _run(
        self, noun: str, verb: str, form: PageForm, fields: tuple[FormField, ...]
    ) -> Document:
        """Run an operation. Raises Rejected, ValueError and GatepostError."""
        values = read_fields(form, fields, self._backend.now())
        if (noun, verb) == ("resource", "keys") and "regenerate" not in values:
            raise ValueError("say which key is replaced")
        return await self._backend.call(f"directory.{noun} {verb}", **values)


def _start(text: str) -> int:
    """Return the number of the first object on a page."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _shown_once(done: Document, regenerated: str) -> list[str]:
    """Return the secrets in a document that are shown now, and never again."""
    if regenerated:  # not the other key, which is not new
        text = done.get(f"{regenerated}_connection_string") or done.get(f"{regenerated}_key")
        return [str(text)] if text else []
    return [str(done[key]) for key in SECRETS if done.get(key)]


def _name_of(document: Document) -> str:
    keys = ("name", "address", "domain", "role", "resource", "app", "id")
    return next((str(document[key]) for key in keys if document.get(key)), "")


def _choices(lists: Mapping[str, Document | None]) -> dict[str, list[tuple[str, str]]]:
    """Return what the fields of forms are chosen from: values and names."""
    everything: dict[str, list[Document]] = {
        kind.noun: list((lists[kind.noun] or {}).get(kind.key, ())) for kind in KINDS
    }
    resources = everything["resource"]
    named: dict[str, list[Document]] = {
        "tenant": everything["tenant"],
        "app": everything["app"],
        "role": everything["role"],
        "domain": everything["domain"],
        "email": [each for each in resources if each["kind"] == "email"],
        "communication": [each for each in resources if each["kind"] == "communication"],
        "holder": [each for each in resources if each["kind"] in _HOLDERS],
        "scope": resources,
    }
    return {
        noun: [(each["id"], each["domain"] if noun == "domain" else each["name"]) for each in rows]
        for noun, rows in named.items()
    }
