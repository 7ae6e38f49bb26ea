"""Lanes over HTTP."""

from datetime import datetime

import msgspec
from starlette.responses import Response

from gatepost.errors import NetworkError
from gatepost.mailbox.lanes import BadLane, Lane, LaneExists, LaneListener, TooManyLanes
from gatepost.queue.mailbox_contract import MailboxCount
from gatepost.rest.inboxes.call import InboxesCall, InboxesError, json
from gatepost.rest.inboxes.documents import (
    DeletedLane,
    LaneDocument,
    LaneEndpoint,
    LaneList,
    LaneRequest,
    NewLane,
)
from gatepost.rest.inboxes.site import LaneKeeper


async def create_lane(call: InboxesCall) -> Response:
    """``POST /lanes``."""
    lanes, wanted = _lanes(call), await call.read(LaneRequest)
    try:
        lane = await lanes.create(wanted.name, wanted.ttl, wanted.listeners, wanted.application)
    except BadLane as error:
        raise InboxesError(400, "BadRequest", str(error)) from None
    except LaneExists:
        raise InboxesError(409, "AlreadyExists", f"there is a lane {wanted.name} already") from None
    except TooManyLanes:
        raise InboxesError(429, "Failed", "there are too many lanes: delete some") from None
    except NetworkError as error:
        raise InboxesError(409, "Failed", str(error)) from None
    document = msgspec.structs.asdict(_document(call, lane, MailboxCount()))
    return json(NewLane(**document, password=lane.password.reveal()))


async def list_lanes(call: InboxesCall) -> Response:
    """``GET /lanes``."""
    counts = {
        each.name: each.count
        for each in await call.site.mailbox.mailbox.inboxes()
        if each.kind == "lane"
    }
    lanes = call.site.lanes.all() if call.site.lanes is not None else ()
    documents = [_document(call, each, counts.get(each.name, MailboxCount())) for each in lanes]
    return json(LaneList(tuple(documents)))


async def show_lane(call: InboxesCall) -> Response:
    """``GET /lanes/{name}``."""
    lane = _lanes(call).get(_name(call))
    count = await call.site.mailbox.mailbox.inbox("lane", lane.name).count()
    return json(_document(call, lane, count))


async def delete_lane(call: InboxesCall) -> Response:
    """``DELETE /lanes/{name}``."""
    name = _name(call)
    await _lanes(call).delete(name)
    return json(DeletedLane(name))


def _lanes(call: InboxesCall) -> LaneKeeper:
    if call.site.lanes is None:
        raise InboxesError(409, "Failed", "this relay has no lanes: only `gatepost up` has")
    return call.site.lanes


def _name(call: InboxesCall) -> str:
    return str(call.request.path_params["name"])


def _document(call: InboxesCall, lane: Lane, count: MailboxCount) -> LaneDocument:
    return LaneDocument(
        name=lane.name,
        api=f"{call.site.url}/inbox/{lane.name}",
        smtp=_endpoint(lane, "smtp"),
        smtps=_endpoint(lane, "smtps"),
        username=lane.username,
        from_=lane.sender,
        ca_file=call.site.ca_file,
        created_at=_time(lane.created_at),
        expires_at=_time(lane.expires_at),
        messages=count.messages,
        unread=count.unread,
    )


def _endpoint(lane: Lane, kind: LaneListener) -> LaneEndpoint | None:
    port = lane.ports.get(kind)
    return LaneEndpoint(port.host, port.port, port.tls) if port is not None else None


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
