"""Lanes in the store, so that they last over a restart, as their mail does."""

from datetime import datetime
from typing import Any, Final, cast

from gatepost.app.lane_applications import LaneLogin
from gatepost.directory.contract import Record
from gatepost.errors import ConfigError
from gatepost.keys.store_key import Key
from gatepost.mailbox.lanes import Lane, LaneListener, LanePort

KIND: Final = "lane"
"""Of the records; their ids are the names of lanes."""
_PURPOSE: Final = "passwords of lanes"


def record_of(lane: Lane, login: LaneLogin, key: Key) -> Record:
    """Return the record of a lane, with its password sealed."""
    fields: dict[str, Any] = {
        "username": lane.username,
        "password": key.seal_text(lane.password, _PURPOSE),
        "sender": lane.sender,
        "ports": {kind: [each.host, each.port, each.tls] for kind, each in lane.ports.items()},
        "created_at": lane.created_at.isoformat(),
        "expires_at": lane.expires_at.isoformat(),
        "undo": list(login.undo) if login.undo is not None else None,
        "is_own": login.is_own,
    }
    return Record(KIND, lane.name, fields)


def read_record(record: Record, key: Key) -> tuple[Lane, LaneLogin]:
    """Return the lane of a record, and its login. Raises ValueError if it is damaged."""
    fields = record.fields
    try:
        password = key.unseal_text(fields["password"], _PURPOSE)
        ports = {
            cast("LaneListener", kind): LanePort(str(host), int(port), str(tls))
            for kind, (host, port, tls) in fields["ports"].items()
        }
        undo = fields["undo"]
        login = LaneLogin(
            str(fields["username"]),
            password,
            (str(undo[0]), dict(undo[1])) if undo is not None else None,
            is_own=bool(fields["is_own"]),
        )
        lane = Lane(
            record.id,
            login.username,
            password,
            str(fields["sender"]),
            ports,
            datetime.fromisoformat(fields["created_at"]),
            datetime.fromisoformat(fields["expires_at"]),
        )
    except (KeyError, TypeError, AttributeError, ConfigError) as error:
        raise ValueError(record.damage(str(error))) from error
    return lane, login
