"""``gatepost serve``, before the relay runs."""

import signal
from typing import Any

import pytest
from click.testing import CliRunner

from gatepost.cli.serve import serve


def test_a_sighup_while_it_starts_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration has yet to be read, so there is nothing that it could ask for."""
    found: list[Any] = []

    def run(*_: Any, **__: Any) -> int:
        found.append(signal.getsignal(signal.SIGHUP))
        return 0

    monkeypatch.setattr("gatepost.cli.serve.run_in_foreground", run)
    before = signal.getsignal(signal.SIGHUP)
    try:
        CliRunner().invoke(serve, ["--config", "relay.toml"])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert found == [signal.SIG_IGN]
