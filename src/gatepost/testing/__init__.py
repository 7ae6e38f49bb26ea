"""For your tests: a relay of your own, dialogues, and fakes that behave like the real thing.

``Emulator``, ``EmulatorServer`` and the pytest fixtures ``gatepost`` and ``acs_relay`` run real
relays; ``Upstream`` is a next hop that misbehaves; ``perform`` plays a written dialogue against
Gatepost without a socket; ``MemoryDirectory``, ``ScriptedResolver``, ``FakeClock`` and
``Application`` replace what would have to wait.

Each name is loaded when it is first used (PEP 562), so the pytest plugin costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gatepost.testing.application import Accepted as Accepted
    from gatepost.testing.application import Application as Application
    from gatepost.testing.clock import FakeClock as FakeClock
    from gatepost.testing.dialogue import Dialogue as Dialogue
    from gatepost.testing.dialogue import DialogueError as DialogueError
    from gatepost.testing.dialogue import Values as Values
    from gatepost.testing.dialogue import load_dialogue as load_dialogue
    from gatepost.testing.dialogue import parse_dialogue as parse_dialogue
    from gatepost.testing.dialogue_client import perform as perform
    from gatepost.testing.dialogue_client import perform_client as perform_client
    from gatepost.testing.dialogue_server import Mismatch as Mismatch
    from gatepost.testing.dialogue_server import Performance as Performance
    from gatepost.testing.dialogue_server import perform_server as perform_server
    from gatepost.testing.directory import MemoryDirectory as MemoryDirectory
    from gatepost.testing.dns import ScriptedResolver as ScriptedResolver
    from gatepost.testing.emulator import Emulator as Emulator
    from gatepost.testing.emulator_server import EmulatorServer as EmulatorServer
    from gatepost.testing.local_relay import Captured as Captured
    from gatepost.testing.local_relay import EmulatorError as EmulatorError
    from gatepost.testing.local_relay import LocalRelay as LocalRelay
    from gatepost.testing.upstream import Mischief as Mischief
    from gatepost.testing.upstream import Taken as Taken
    from gatepost.testing.upstream import Upstream as Upstream

_BY_MODULE: Final = {
    "application": ("Accepted", "Application"),
    "dialogue_client": ("perform", "perform_client"),
    "clock": ("FakeClock",),
    "dialogue": ("Dialogue", "DialogueError", "Values", "load_dialogue", "parse_dialogue"),
    "directory": ("MemoryDirectory",),
    "dns": ("ScriptedResolver",),
    "emulator": ("Emulator",),
    "emulator_server": ("EmulatorServer",),
    "local_relay": ("Captured", "EmulatorError", "LocalRelay"),
    "dialogue_server": ("Mismatch", "Performance", "perform_server"),
    "upstream": ("Mischief", "Taken", "Upstream"),
}
_HOME: Final = {name: module for module, names in _BY_MODULE.items() for name in names}

__all__ = [  # noqa: PLE0604  # the table above is the one place
    *_HOME
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """List what is for users, and what every module has."""
    return sorted([*_HOME, *(name for name in globals() if name[:2] == name[-2:] == "__")])
