"""``gatepost serve``, before the relay runs."""

import signal
from typing import Any

import pytest
from click.testing import CliRunner

from gatepost.cli.serve import serve

STRAY = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


def test_no_stray_signal_ends_it_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGHUP has nothing to ask for: the configuration has yet to be read."""
    found: list[Any] = []

    def run(*_: Any, **__: Any) -> int:
        found.extend(signal.getsignal(each) for each in STRAY)
        return 0

    monkeypatch.setattr("gatepost.cli.serve.run_in_foreground", run)
    before = [signal.getsignal(each) for each in STRAY]
    try:
        CliRunner().invoke(serve, ["--config", "relay.toml"])
    finally:
        for each, handler in zip(STRAY, before, strict=True):
            signal.signal(each, handler)
    assert found == [signal.SIG_IGN] * len(STRAY)
