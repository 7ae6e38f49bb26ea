"""Runs ``up``, ``serve`` and ``watch`` in the foreground until they are stopped."""

import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from gatepost.cli.output import CommandFailed

STDERR: Final = 2

Announce = Callable[..., None]


def run_in_foreground(
    run: Callable[[Any, Announce], Coroutine[Any, Any, int]],
    announce: Announce,
    *,
    as_json: bool,
) -> int:
    """Run until it ends, reporting on standard output; return the exit code.

    ``run`` gets the reporter and a function that it calls with the document of ready.json;
    ``announce`` reports that, with the reporter as its first argument. Raises CommandFailed.
    """
    from gatepost.errors import GatepostError  # noqa: PLC0415
    from gatepost.operator_log.writer import Reporter  # noqa: PLC0415
    from gatepost.processes import event_loop  # noqa: PLC0415 - heavy: not for --help

    _occupy_standard_descriptors()
    os.umask(0o077)  # files in the relay's directory are private
    reporter = Reporter(None if sys.stdout is None else sys.stdout.fileno(), as_json=as_json)
    try:
        return event_loop.run(run(reporter, partial(announce, reporter)))
    except (GatepostError, OSError) as error:
        why = str(error)
        if isinstance(error, OSError) and error.filename is not None:
            why = f"{error.filename}: {error.strerror}"
        if as_json:
            reporter("failed", reason=why)
        raise CommandFailed(why, is_reported=as_json) from None
    finally:
        reporter.close()


def _occupy_standard_descriptors() -> None:
    """Open closed standard descriptors, so that a file that we open next gets no output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
