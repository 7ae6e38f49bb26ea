"""The endpoints of the API of inboxes, below ``/api/gatepost/v1``, with their handlers."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.mailbox.message_documents import MailboxMessageInFull, PartInTree, ReleasedMessage
from gatepost.model.console_access import ConsoleEndpoint as Endpoint
from gatepost.rest.inboxes import documents, lanes, messages
from gatepost.rest.inboxes.call import InboxesCall, InboxesHandler, answering, json
from gatepost.rest.inboxes.site import InboxesSite


async def describe_api(call: InboxesCall) -> Response:
    """``GET /openapi.json``."""
    return json(call.site.describe())


_FIND: Final = ("query", "tz")

# fmt: off
_TABLE: Final[tuple[tuple[Endpoint, InboxesHandler], ...]] = (
    (Endpoint("GET", "/inboxes", "viewer", "inboxes.list",
              "List inboxes: of all mail, of applications, user names and lanes.",
              answer=documents.InboxList), messages.list_inboxes),
    (Endpoint("POST", "/lanes", "operator", "lanes.create",
              "Open a lane: an inbox with listeners and credentials of its own.",
              body=documents.LaneRequest, answer=documents.NewLane), lanes.create_lane),
    (Endpoint("GET", "/lanes", "support", "lanes.list", "List lanes.",
              answer=documents.LaneList), lanes.list_lanes),
    (Endpoint("GET", "/lanes/{name}", "support", "lanes.show", "Show a lane.",
              answer=documents.LaneDocument), lanes.show_lane),
    (Endpoint("DELETE", "/lanes/{name}", "operator", "lanes.delete",
              "End a lane; its mail, rules and counters are deleted.",
              answer=documents.DeletedLane), lanes.delete_lane),
    (Endpoint("GET", "/messages", "support", "messages.list",
              "List messages of an inbox that match a query, newest first.",
              query=("inbox", *_FIND, "limit", "after"),
              answer=documents.MessageList), messages.list_messages),
    (Endpoint("GET", "/messages/{id}", "support", "messages.show",
              "Show a message; it is not marked as read. Its id may be latest.", query=_FIND,
              answer=MailboxMessageInFull), messages.show_message),
    (Endpoint("GET", "/messages/{id}/parts", "support", "messages.parts",
              "Show the tree of a message's parts.", query=_FIND,
              answer=PartInTree), messages.show_parts),
    (Endpoint("GET", "/messages/{id}/parts/{part}", "support", "messages.part",
              "Return the content of a part.", query=_FIND, answer=bytes), messages.show_part),
    (Endpoint("GET", "/messages/{id}/codes", "support", "messages.codes",
              "List the one-time codes of a message, or what matches a pattern.",
              query=("pattern", *_FIND), answer=documents.CodeList), messages.list_codes),
    (Endpoint("POST", "/messages/{id}/release", "operator", "messages.release",
              "Send a message to other addresses; it stays here.",
              body=documents.ReleaseRecipients, answer=ReleasedMessage), messages.release_message),
    (Endpoint("GET", "/openapi.json", "viewer", "api.describe", "Return this description."),
     describe_api),
)
# fmt: on

ENDPOINTS: Final = tuple([endpoint for endpoint, _ in _TABLE])


def inboxes_face(
    site: InboxesSite,
) -> list[tuple[Endpoint, Callable[[Request], Awaitable[Response]]]]:
    """Return the endpoints with their handlers, for API_PREFIX."""
    return [(endpoint, answering(handler, site)) for endpoint, handler in _TABLE]
