"""Fixtures for pytest, available as soon as Gatepost is installed.

    def test_welcome(gatepost):
        send_welcome("ann@example.net", host=gatepost.smtp.host, port=gatepost.smtp.port,
                     username=gatepost.username, password=gatepost.password,
                     sender=gatepost.sender)
        assert gatepost.wait(to="ann@example.net").subject == "Welcome"

``gatepost`` is a relay for one test, with an application, mail and a clock of its own; the marker
``gatepost`` says which profile it has. ``acs_relay`` is one for the whole session, which keeps its
mail. Both are relays of ``gatepost_server``, an ``EmulatorServer`` (each worker of pytest-xdist has
its own). While they exist, SSL_CERT_FILE and similar variables make their certificates valid.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from gatepost.testing.emulator_server import EmulatorServer
    from gatepost.testing.local_relay import LocalRelay

MARKER: Final = "gatepost"
_KINDS: Final = {"profile": str, "strict": bool, "settings": Mapping}
"""The arguments of the marker, and the type of each."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f'{MARKER}(profile="acs", strict=False, settings={{}}): which provider the fixture '
        "gatepost imitates, whether with its limits, and changed values of its profile.",
    )


@pytest.fixture(scope="session")
def gatepost_server() -> "Iterator[EmulatorServer]":
    """A process that opens relays: ``gatepost_server.open("gmail")``."""
    from gatepost.testing.emulator_server import EmulatorServer  # noqa: PLC0415 - only who asks

    with EmulatorServer() as server:
        yield server


@pytest.fixture(scope="session")
def acs_relay(gatepost_server: "EmulatorServer") -> "Iterator[LocalRelay]":
    """A relay that behaves like Azure Communication Services, for the whole session."""
    with gatepost_server.open() as relay, _trusted(gatepost_server.variables):
        yield relay


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """End the rules of scripted failures that a test has added to the relay of the session."""
    relay = getattr(item, "funcargs", {}).get("acs_relay")
    if relay is not None:
        relay.forget_failures()


@pytest.fixture
def gatepost(
    request: pytest.FixtureRequest, gatepost_server: "EmulatorServer"
) -> "Iterator[LocalRelay]":
    """A relay for this test; see the marker of the same name."""
    relay = _open(gatepost_server, request.node)
    try:
        with _trusted(gatepost_server.variables):
            yield relay
    finally:
        relay.kill()  # its clients, if there are any, belong to the test that has ended


def _open(server: "EmulatorServer", node: pytest.Item) -> "LocalRelay":
    from gatepost.errors import ConfigError  # noqa: PLC0415 - only who asks

    try:
        return server.open(**_wanted(node))
    except ConfigError as error:
        mistake = str(error)
    pytest.fail(f"@pytest.mark.{MARKER}: {mistake}", pytrace=False)


def _wanted(node: pytest.Item) -> dict[str, Any]:
    """Return what the markers say, the nearest last: of the test, its class and its module.

    Raises ConfigError.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only who asks

    from gatepost.errors import ConfigError  # noqa: PLC0415

    wanted: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers(MARKER))):
        if mark.args:
            raise ConfigError(f"use names for its arguments, such as profile={mark.args[0]!r}")
        for name, value in mark.kwargs.items():
            if name not in _KINDS:
                near = get_close_matches(name, _KINDS, n=1)
                raise ConfigError(
                    f"unknown argument {name!r}; there are {', '.join(_KINDS)}",
                    did_you_mean=near[0] if near else "",
                )
            if not isinstance(value, _KINDS[name]):
                kind = {str: "a string", bool: "True or False"}.get(_KINDS[name], "a mapping")
                raise ConfigError(f"{name} must be {kind}, not {value!r}")
            wanted[name] = value
    return wanted


_trusting: list[pytest.MonkeyPatch] = []
"""One for each relay that exists; the first one has set the variables."""


@contextmanager
def _trusted(variables: Mapping[str, str]) -> Iterator[None]:
    """Set the variables until the last relay has stopped, in whatever order they stop."""
    patch = _trusting[0] if _trusting else pytest.MonkeyPatch()
    if not _trusting:
        for name, value in variables.items():
            patch.setenv(name, value)
    _trusting.append(patch)
    try:
        yield
    finally:
        _trusting.pop()
        if not _trusting:
            patch.undo()
