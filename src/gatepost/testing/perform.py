"""Plays a dialogue from both sides."""

from gatepost.testing.client import perform_client
from gatepost.testing.dialogue import Dialogue, Values
from gatepost.testing.server import perform_server


def perform(dialogue: Dialogue, values: Values | None = None) -> None:
    """Play ``dialogue`` in each of its roles: no sockets, no waiting.

    As ``server`` the client's lines are fed to our session and its replies are checked; as
    ``client`` the server's lines are fed to our client's conversation and what it sends is
    checked. Raises Mismatch, an AssertionError, at the first difference.
    """
    if "server" in dialogue.roles:
        perform_server(dialogue, values)
    if "client" in dialogue.roles:
        perform_client(dialogue, values)
