"""Mail that is switched off."""

from collections.abc import Iterator
from typing import Final

from gatepost.diagnosis.settings.fault import Fault, View


def sending(view: View) -> Iterator[Fault]:
    """A server is set, and the switch above it is off."""
    switch = view.first("sending")
    if switch is None or switch.on is not False or not (view.has("host") or view.has("endpoint")):
        return
    text = " is off: the application uses no other setting of mail, and sends nothing"
    fix = f"{view.written(switch, 'true')}, and restart the application."
    yield view.fault(switch, "client_not_configured", "likely", text, fix)


RULES: Final = (sending,)
