"""Why no mail is tried at a next hop, server or credential now."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause, with its reason and its end."""

    what: str
    """What is paused: ``hub.example:587``, ``the account relay@example.org``."""
    state: Literal["open", "half-open", "silent"]
    """``open``, ``half-open``: that of its circuit breaker. ``silent``: its only
    connection waits for the server's first reply, or there is no room for one."""
    seconds: float
    """Time until the next attempt is permitted."""
    reason: str
    """The reply or error that caused it."""
    needs_operator: bool = False
    """A refused login, or a suspended account, which somebody must solve."""
    is_of_login: bool = True
    """Of a pause that needs the operator: the login was refused, not all mail."""
    finding: str = ""
    advice: str = ""
    """The doctor's advice about that."""
    is_ours: bool = False
    """The relay's own store does not work."""

    @property
    def is_blocking(self) -> bool:
        """Whether nothing is tried before its end, not even in turn."""
        return self.state != "silent"
