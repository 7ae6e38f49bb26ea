"""Gatepost: diagnose SMTP logins, emulate mail providers, send and relay mail.

This package has the public names. Each one is loaded when it is first used (PEP 562), so that
``import gatepost`` loads no other module. Gatepost's own modules do not import from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gatepost.client.connection import AsyncConnection as AsyncConnection
    from gatepost.client.connection import Connection as Connection
    from gatepost.client.connection import Receipt as Receipt
    from gatepost.client.settings import Options as Options
    from gatepost.client.settings import Timeouts as Timeouts
    from gatepost.client.settings import Tls as Tls
    from gatepost.client.settings import Token as Token
    from gatepost.doctor import diagnose as diagnose
    from gatepost.errors import AuthenticationRefused as AuthenticationRefused
    from gatepost.errors import ConfigError as ConfigError
    from gatepost.errors import ConnectError as ConnectError
    from gatepost.errors import ContentRefused as ContentRefused
    from gatepost.errors import Disconnected as Disconnected
    from gatepost.errors import GatepostError as GatepostError
    from gatepost.errors import LocalProtocolError as LocalProtocolError
    from gatepost.errors import MissingExtension as MissingExtension
    from gatepost.errors import NegotiationError as NegotiationError
    from gatepost.errors import NetworkError as NetworkError
    from gatepost.errors import NoSharedMechanism as NoSharedMechanism
    from gatepost.errors import ProtocolError as ProtocolError
    from gatepost.errors import RecipientsRefused as RecipientsRefused
    from gatepost.errors import Refused as Refused
    from gatepost.errors import RemoteProtocolError as RemoteProtocolError
    from gatepost.errors import ResolveError as ResolveError
    from gatepost.errors import SenderRefused as SenderRefused
    from gatepost.errors import TimedOut as TimedOut
    from gatepost.errors import TlsError as TlsError
    from gatepost.errors import TlsUnavailable as TlsUnavailable
    from gatepost.model.address import Address as Address
    from gatepost.model.address import parse_address as parse_address
    from gatepost.model.capabilities import Capabilities as Capabilities
    from gatepost.model.credentials import Credentials as Credentials
    from gatepost.model.envelope import Envelope as Envelope
    from gatepost.model.envelope import Recipient as Recipient
    from gatepost.model.mechanism_plan import Plan as Plan
    from gatepost.model.reply import EnhancedStatus as EnhancedStatus
    from gatepost.model.reply import Reply as Reply
    from gatepost.model.secret import Secret as Secret
    from gatepost.model.transcript import Transcript as Transcript
    from gatepost.submit import connect as connect
    from gatepost.submit import connect_async as connect_async
    from gatepost.submit import send as send
    from gatepost.submit import send_async as send_async

_BY_MODULE: Final = {
    "client.connection": ("AsyncConnection", "Connection", "Receipt"),
    "client.settings": ("Options", "Timeouts", "Tls", "Token"),
    "submit": ("connect", "connect_async", "send", "send_async"),
    "doctor": ("diagnose",),
    "errors": (
        "AuthenticationRefused", "ConfigError", "ConnectError", "ContentRefused", "Disconnected",
        "GatepostError", "LocalProtocolError", "MissingExtension", "NegotiationError",
        "NetworkError", "NoSharedMechanism", "ProtocolError", "RecipientsRefused", "Refused",
        "RemoteProtocolError", "ResolveError", "SenderRefused", "TimedOut", "TlsError",
        "TlsUnavailable",
    ),
    "model.address": ("Address", "parse_address"),
    "model.capabilities": ("Capabilities",),
    "model.credentials": ("Credentials",),
    "model.envelope": ("Envelope", "Recipient"),
    "model.mechanism_plan": ("Plan",),
    "model.reply": ("EnhancedStatus", "Reply"),
    "model.secret": ("Secret",),
    "model.transcript": ("Transcript",),
}  # fmt: skip
_HOME: Final = {name: module for module, names in _BY_MODULE.items() for name in names}

__all__ = [  # noqa: PLE0604  # the table above is the one place
    *_HOME
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is for users, and what every module has."""
    return sorted([*_HOME, *(name for name in globals() if name[:2] == name[-2:] == "__")])
