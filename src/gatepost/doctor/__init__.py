"""The doctor: checks a server as a client would, or reads its log, and names the cause.

The names are loaded when they are used: reading a log needs no connection.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gatepost.doctor.conclude import diagnose_evidence as diagnose_evidence
    from gatepost.doctor.diagnose_server import diagnose as diagnose
    from gatepost.doctor.probe_settings import Checks as Checks
    from gatepost.doctor.probe_settings import Patience as Patience
    from gatepost.doctor.probe_settings import Settings as Settings

__all__ = ["Checks", "Patience", "Settings", "diagnose", "diagnose_evidence"]

_HOMES: Final = {
    "diagnose": "diagnose_server", "diagnose_evidence": "conclude",
    "Checks": "probe_settings", "Patience": "probe_settings", "Settings": "probe_settings",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
