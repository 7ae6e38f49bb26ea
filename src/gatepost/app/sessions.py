"""Recording of sessions in the store process, and in front processes."""

import time
from collections.abc import Callable
from datetime import datetime

from gatepost.app.make_directories import Directories
from gatepost.control.session_operations import SessionControl
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.relay.session_archive import SessionArchive
from gatepost.relay.session_recorder import SessionRecorder


def open_sessions(
    now: Callable[[], datetime],
    directories: Directories,
    server: Callable[[str], Placeholders],
) -> SessionControl:
    """Return the recorder of the store process, with its archive.

    ``directories`` know the applications, and ``server`` returns where clients reach a listener.
    """
    archive = SessionArchive()
    recorder = SessionRecorder(now, time.monotonic, archive.add_recording, archive.note_message)
    names = directories.application_name, directories.application_of
    return SessionControl(archive, recorder, *names, server)
