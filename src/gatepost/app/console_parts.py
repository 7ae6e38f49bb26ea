"""What the console shows, and acts on, of the relay around it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatepost.app.console_api import ConsoleApi
from gatepost.app.inbound import OpenListener
from gatepost.app.relay_store import RelayStore
from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.socket_server import ControlServer
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.keys.store_key import Key
from gatepost.net.http_client import Http
from gatepost.relay.shared_by_connections import Relay
from gatepost.reports.report_service import ReportService


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """The parts of a relay that its console needs."""

    relay: Relay
    refusal: Callable[[], str]
    """Returns why no mail is accepted; empty if it is."""
    command: str
    """Prints a link that signs in, on the machine of the relay."""
    store: RelayStore
    data: Path
    """Where the store is."""
    host: str
    """The relay's own name."""
    azure: Callable[[], AzureDirectory | None]
    """Returns the directory with applications; None: there is none."""
    reports: ReportService | None
    """Delivery reports; None: there are none."""
    message_size: Callable[[], int]
    """Returns the maximum octets of a message."""
    title: str
    """What the server is, in a few words."""
    ready: Callable[[], Mapping[str, Any]]
    """Returns the document of ready.json."""
    control: Callable[[], ControlServer]
    """Returns the parts that commands work on."""
    delivers: bool
    """Whether mail is sent on, so that there is a queue."""
    listeners: Callable[[], Sequence[OpenListener]]
    """Returns the listeners for SMTP."""
    admin: AdminDispatch
    """Changes the directories."""
    api: ConsoleApi
    """The operations of Gatepost's own API, and the events."""
    key: Key
    """Seals the passwords of lanes."""
    http: Http
    """For requests to Entra."""
    started: float = field(default_factory=time.monotonic)
