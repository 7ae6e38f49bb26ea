"""Which mechanisms will be tried, in which order, and why not the others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One mechanism, taken or skipped, with the reason in a sentence."""

    mechanism: str
    taken: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The planner's answer: every mechanism that was thought of, the taken ones first, in order."""

    choices: tuple[Choice, ...] = ()

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Names to try, in order."""
        return tuple(choice.mechanism for choice in self.choices if choice.taken)
