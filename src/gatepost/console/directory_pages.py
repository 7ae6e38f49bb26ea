"""The directory: who may sign in, with what, and send as whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.backend import Backend, Document
from gatepost.console.forms import PageForm, read_own_form
from gatepost.console.page_parts import Desk, see_other
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.errors import GatepostError
from gatepost.model.console_access import ConsoleEndpoint

_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class ListedKind:
    """A kind of objects, as its table and its form show it."""

    noun: str
    """Of its commands: ``gatepost NOUN list``."""
    key: str
    """Of the list in the operation's document."""
    columns: tuple[str, ...]
    fields: tuple[str, ...] = ()
    """What its form asks for; none: it is made on the command line only."""
    parent: str = ""
    """The column that names what contains it."""


KINDS: Final = (
    ListedKind("app", "apps", ("name", "id", "secrets"), ("name",)),
    ListedKind("secret", "secrets", ("app", "hint", "expires_at", "state"),
               ("parent", "days"), "app_id"),
    ListedKind("smtp-username", "smtp_usernames", ("username", "name", "app"),
               ("name", "username", "app")),
    ListedKind("domain", "domains", ("domain", "management", "email_service")),
    ListedKind("sender", "senders", ("address", "display_name"), ("name", "parent")),
    ListedKind("account", "accounts", ("name", "senders", "origin"), ("name", "senders")),
)  # fmt: skip


class DirectoryPages:
    """The page of the directory, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/directory", "admin", "directory.show", "Show the directory."), self.show),
            (e("POST", "/directory", "admin", "directory.create", "Create an object."),
             self.create),
            (e("POST", "/directory/delete", "admin", "directory.delete", "Delete an object."),
             self.delete),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /directory``."""
        return await self._page(request, {})

    async def _page(
        self, request: Request, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        everything = {
            "kinds": [
                (kind, rows) for kind in KINDS if (rows := await self._rows(kind)) is not None
            ],
            "created": None,
            "problem": "",
            **values,
        }
        return await self._desk.page(request, "directory", "directory.html", everything, status)

    async def _rows(self, kind: ListedKind) -> list[Document] | None:
        """Return the objects of a kind; None if this directory has no such kind."""
        try:
            rows: list[Document] = (await self._backend.call(f"directory.{kind.noun} list"))[
                kind.key
            ]
        except (Rejected, ValueError, GatepostError):
            return None
        return rows

    async def create(self, request: Request) -> Response:
        """``POST /directory``: create an object; a secret is shown on this page only."""
        form = await read_own_form(request)
        kind = _kind_of(form)
        fields: dict[str, Any] = {
            name: value for name in kind.fields if (value := form.first(name).strip())
        }
        if "days" in fields:
            days = str(fields.pop("days"))
            fields["lifetime"] = float(days) * _DAY if days.isdecimal() else None
        if "senders" in fields:
            fields["senders"] = [each.strip() for each in fields["senders"].split(",")]
        try:
            created = await self._backend.call(f"directory.{kind.noun} create", **fields)
        except Rejected as error:
            return await self._page(request, {"problem": error.message}, error.status)
        except (ValueError, GatepostError) as error:
            return await self._page(request, {"problem": str(error)}, 400)
        return await self._page(request, {"created": created})

    async def delete(self, request: Request) -> Response:
        """``POST /directory/delete``."""
        form = await read_own_form(request)
        fields = {"name": form.first("name"), "parent": form.first("parent") or None}
        try:
            await self._backend.call(f"directory.{_kind_of(form).noun} delete", **fields)
        except Rejected as error:
            return await self._page(request, {"problem": error.message}, error.status)
        except (ValueError, GatepostError) as error:
            return await self._page(request, {"problem": str(error)}, 400)
        return see_other("/directory")


def _kind_of(form: PageForm) -> ListedKind:
    kind = next((each for each in KINDS if each.noun == form.first("kind")), None)
    if kind is None:
        raise HTTPException(400, "There is no such kind.")
    return kind
