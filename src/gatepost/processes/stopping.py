"""The time that a process has to stop."""

from typing import Final

DRAIN: Final = 8.0
"""Seconds for commits in progress and open sessions at a stop, which takes at most ten."""
