"""The mechanisms to try, in order, and the reasons against the others."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One mechanism, chosen or skipped, with the reason in a sentence."""

    mechanism: str
    taken: bool
    reason: str
    finding: str = ""
    """The id of the finding for the reason; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The planner's result: every mechanism, the chosen ones first, in order."""

    choices: tuple[Choice, ...] = ()

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The names of the mechanisms to try, in order."""
        return tuple(choice.mechanism for choice in self.choices if choice.taken)

    def skipped(self, names: Collection[str]) -> tuple[Choice, ...]:
        """Return the reasons against these mechanisms, the preferred ones first."""
        return tuple([each for each in self.choices if each.mechanism in names and not each.taken])
