"""The endpoints of the mailbox API, one per line, with their handlers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.failures.chaos import ChaosTriggers
from gatepost.mailbox.mailpit_documents import ListedMessages, MessageDocument
from gatepost.model.console_access import ConsoleEndpoint as Endpoint
from gatepost.rest.mailbox import bodies, lists, message, sending, server_information, tags, view
from gatepost.rest.mailbox.handled_request import (
    MailboxCall,
    MailboxError,
    MailboxHandler,
    answering,
)
from gatepost.rest.mailbox.site import MailboxSite

MAILBOX_PREFIXES: Final = ("", "/inbox/{inbox}")
"""The paths below which the API is: of all mail, and of an inbox."""
_FIND: Final = ("query", "tz", "after", "wait", "min")
_PAGE: Final = ("start", "limit", "before", "tz", "after", "wait", "min")
_MESSAGE: Final = "/api/v1/message/{id}"

_Row = tuple[str, str, str, MailboxHandler, str, tuple[str, ...]]


async def _no_events(_call: MailboxCall) -> Response:
    raise MailboxError(404, "events are a stream at /api/gatepost/v1/events")


# fmt: off
_ROWS: Final[Sequence[_Row]] = (
    ("GET", "/api/v1/messages", "support", lists.list_messages,
     "List messages, newest first.", _PAGE),
    ("PUT", "/api/v1/messages", "support", lists.mark,
     "Mark messages as read or unread: those with IDs, those that match Search, or all.", ("tz",)),
    ("DELETE", "/api/v1/messages", "operator", lists.delete,
     "Delete messages: those with IDs, or all.", ()),
    ("GET", "/api/v1/search", "support", lists.search,
     "List messages that match a query, newest first.", ("query", *_PAGE)),
    ("DELETE", "/api/v1/search", "operator", lists.delete_search,
     "Delete messages that match a query.", ("query", "tz")),
    ("GET", _MESSAGE, "support", message.show_message,
     "Show a message, and mark it as read; its id may be latest.", _FIND),
    ("GET", f"{_MESSAGE}/headers", "support", message.show_headers,
     "Show the header of a message.", _FIND),
    ("GET", f"{_MESSAGE}/raw", "support", message.show_source,
     "Return the octets of a message.", (*_FIND, "dl", "trace")),
    ("GET", f"{_MESSAGE}/part/{{part}}", "support", message.show_part,
     "Return the content of a part.", _FIND),
    ("GET", f"{_MESSAGE}/part/{{part}}/thumb", "support", message.show_thumbnail,
     "Not offered: a small picture of a part.", ()),
    ("POST", f"{_MESSAGE}/release", "operator", message.release,
     "Send a message on to other addresses.", ()),
    ("GET", f"{_MESSAGE}/link-check", "support", message.refuse_check,
     "Not offered: a check of links.", ()),
    ("GET", f"{_MESSAGE}/html-check", "support", message.refuse_check,
     "Not offered: a check of HTML.", ()),
    ("GET", f"{_MESSAGE}/sa-check", "support", message.refuse_check,
     "Not offered: a check for spam.", ()),
    ("POST", "/api/v1/send", "operator", sending.send,
     "Store a message as captured mail.", ()),
    ("GET", "/api/v1/tags", "support", tags.list_tags, "List tags.", ()),
    ("PUT", "/api/v1/tags", "support", tags.set_tags, "Replace the tags of messages.", ()),
    ("PUT", "/api/v1/tags/{tag}", "support", tags.rename_tag, "Rename a tag.", ()),
    ("DELETE", "/api/v1/tags/{tag}", "support", tags.delete_tag,
     "Remove a tag from all messages.", ()),
    ("GET", "/api/v1/chaos", "support", server_information.show_chaos,
     "Show how often commands are refused.", ()),
    ("PUT", "/api/v1/chaos", "admin", server_information.set_chaos,
     "Set how often commands are refused.", ()),
    ("GET", "/api/v1/info", "viewer", server_information.show_info,
     "Show numbers of the server.", ()),
    ("GET", "/api/v1/webui", "viewer", server_information.show_web_settings,
     "Show the settings of Mailpit's pages.", ()),
    ("GET", "/api/v1/swagger.json", "viewer", server_information.describe_api,
     "Return this description.", ()),
    ("GET", "/api/events", "viewer", _no_events, "Not offered: Mailpit's WebSocket.", ()),
    ("GET", "/livez", "viewer", server_information.answer_probe, "Tell that the server runs.", ()),
    ("GET", "/readyz", "viewer", server_information.answer_probe,
     "Tell whether mail is accepted.", ()),
    ("GET", "/view/latest", "support", view.show_latest,
     "Lead to the page of the newest message.", (*_FIND, "embed")),
    ("GET", "/view/{id}.html", "support", view.show_html,
     "Show the HTML of a message.", (*_FIND, "embed")),
    ("GET", "/view/{id}.txt", "support", view.show_text, "Show the text of a message.", _FIND),
)
# fmt: on


_OK: Final = str
_TYPES: Final[Mapping[MailboxHandler, tuple[Any, Any]]] = {
    lists.list_messages: (None, ListedMessages),
    lists.mark: (bodies.MarkRequest, _OK),
    lists.delete: (bodies.DeleteRequest, _OK),
    lists.search: (None, ListedMessages),
    lists.delete_search: (None, _OK),
    message.show_message: (None, MessageDocument),
    message.show_headers: (None, dict[str, list[str]]),
    message.show_source: (None, bytes),
    message.show_part: (None, bytes),
    message.show_thumbnail: (None, bytes),
    message.release: (bodies.ReleaseRequest, _OK),
    sending.send: (sending.MessageToSend, sending.SentId),
    tags.list_tags: (None, list[str]),
    tags.set_tags: (bodies.TagRequest, _OK),
    tags.rename_tag: (bodies.RenameRequest, _OK),
    tags.delete_tag: (None, _OK),
    server_information.show_chaos: (None, ChaosTriggers),
    server_information.set_chaos: (ChaosTriggers, ChaosTriggers),
    server_information.show_info: (None, server_information.ServerDocument),
    server_information.show_web_settings: (None, server_information.WebSettings),
    server_information.answer_probe: (None, _OK),
    view.show_latest: (None, bytes),
    view.show_html: (None, bytes),
    view.show_text: (None, _OK),
}
"""What handlers read and write; None: any object, or nothing."""


def mailbox_face(
    site: MailboxSite,
) -> list[tuple[Endpoint, Callable[[Request], Awaitable[Response]]]]:
    """Return the endpoints of the mailbox API with their handlers, for each of MAILBOX_PREFIXES."""
    return [(endpoint, answering(handler, site)) for endpoint, handler in _table()]


def _table() -> list[tuple[Endpoint, MailboxHandler]]:
    return [
        (
            Endpoint(
                method,  # type: ignore[arg-type]
                path,
                role,  # type: ignore[arg-type]
                f"mailbox.{_name_of(method, path)}",
                summary,
                query,
                *_TYPES.get(handler, (None, None)),
            ),
            handler,
        )
        for method, path, role, handler, summary, query in _ROWS
    ]


def _name_of(method: str, path: str) -> str:
    """Return a name that no other endpoint has."""
    words = path.replace("/api/v1/", "/").replace("{", "").replace("}", "").replace(".", "/")
    return f"{method.lower()}{words.replace('-', '_').replace('/', '_')}"


ENDPOINTS: Final = tuple([endpoint for endpoint, _ in _table()])
"""The endpoints, for the description of the API."""
