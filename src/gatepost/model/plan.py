"""Which mechanisms will be tried, in which order, and why not the others."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One mechanism, taken or skipped, with the reason in a sentence."""

    mechanism: str
    taken: bool
    reason: str
    finding: str = ""
    """The id of the cause that the reason stands for; empty where it is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The planner's answer: every mechanism that was thought of, the taken ones first, in order."""

    choices: tuple[Choice, ...] = ()

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Names to try, in order."""
        return tuple(choice.mechanism for choice in self.choices if choice.taken)

    def skipped(self, names: Collection[str]) -> tuple[Choice, ...]:
        """Return what stands against these mechanisms, the preferred ones first."""
        return tuple([each for each in self.choices if each.mechanism in names and not each.taken])
