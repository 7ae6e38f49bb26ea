"""The rules of scripted failures of a relay, and their file, which is read again."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import Configuration
from gatepost.errors import ConfigError
from gatepost.failures.rulebook import Rulebook
from gatepost.keys.store_key import Key
from gatepost.model.operator_event import ReportEvent
from gatepost.net.clock import Clock
from gatepost.relay.failure_rules import FaultyCertificate, LocalFailureRules

LOOK: Final = 0.5
"""Seconds between two looks at the file."""
ORIGIN: Final = "file"
_SEED: Final = 4
"""Octets of the seed, which is the same after each start."""


def make_failure_rules(
    key: Key,
    clock: Clock,
    name_of: Callable[[str], str],
    faulty_certificate: FaultyCertificate,
    *,
    captures: bool,
) -> LocalFailureRules:
    """Return no rules yet; where all mail is captured, there are those of reserved addresses.

    ``key`` gives the seed of rules without one; ``name_of`` returns the name of an application by
    its id.
    """
    seed = int.from_bytes(key.subkey("scripted failures")[:_SEED])
    book = Rulebook(seed, name_of, has_reserved=captures)
    return LocalFailureRules(book, clock.now, faulty_certificate, has_reserved=captures)


class FailureRulesFile:
    """The file of a relay's rules, which are replaced whenever it changes."""

    def __init__(
        self, rules: LocalFailureRules, config: Configuration, report: ReportEvent
    ) -> None:
        """Reads the file. Raises ConfigProblems if it has mistakes."""
        self._rules, self._report = rules, report
        self._captures = config.captures
        self._file = _file_of(config)
        self._state = _state_of(self._file)
        self._timer: asyncio.TimerHandle | None = None
        if self._file is not None:
            self._put(self._file)

    def watch(self, stack: AsyncExitStack) -> None:
        """Look at the file until ``stack`` is closed."""
        self._look()
        stack.callback(self._stop)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)
        state = _state_of(self._file)
        if self._file is None or state == self._state:
            return
        self._state = state
        try:
            self._put(self._file)
        except ConfigProblems as error:
            for each in error.problems:
                self._report("failure_rules_refused", file=str(self._file), reason=str(each))
        else:
            count = len(self._rules.book.entries_of(ORIGIN))
            self._report("failure_rules_loaded", file=str(self._file), count=count)

    def use(self, config: Configuration) -> None:
        """Use the file of another configuration, at the next look."""
        file = _file_of(config)
        if file != self._file:
            self._file, self._state = file, ()
            if file is None:
                self._rules.book.put_all(ORIGIN, [], self._rules.time())

    def _put(self, file: Path) -> None:
        # without a file, no TOML is read
        from gatepost.config.failure_rules_file import read_rules_file  # noqa: PLC0415

        rules = read_rules_file(file, captures=self._captures)
        try:
            self._rules.book.put_all(ORIGIN, list(rules), self._rules.time())
        except ValueError as error:
            raise ConfigProblems([ConfigError(str(error), where=str(file))]) from error


def _file_of(config: Configuration) -> Path | None:
    settings = config.failures
    return Path(settings.file) if settings is not None and settings.file else None


def _state_of(file: Path | None) -> tuple[int, ...]:
    """Return what changes if a file is rewritten or replaced."""
    if file is None:
        return ()
    try:
        stat = file.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
