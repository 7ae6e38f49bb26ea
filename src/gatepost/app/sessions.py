"""Recording of sessions in the store process, and in front processes."""

import time
from collections.abc import Callable
from datetime import datetime

from gatepost.control.session_operations import SessionControl
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.relay.session_archive import SessionArchive
from gatepost.relay.session_recorder import SessionRecorder


def open_sessions(
    now: Callable[[], datetime],
    application: Callable[[str], str],
    server: Callable[[str], Placeholders],
) -> SessionControl:
    """Return the recorder of the store process, with its archive.

    ``application`` returns an application's name by its id, ``server`` where clients reach a
    listener.
    """
    archive = SessionArchive()
    recorder = SessionRecorder(now, time.monotonic, archive.add, archive.note_message)
    return SessionControl(archive, recorder, application, server)
