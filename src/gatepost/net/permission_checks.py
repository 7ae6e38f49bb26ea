"""Who else can use the data directory, and the key in it."""

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.errors import ConfigError
from gatepost.net.file_owners import has_access_list

_GROUP: Final = stat.S_IRWXG
_EVERYBODY: Final = stat.S_IRWXO
_PRIVATE: Final = 0o700


def check_private(path: Path) -> None:
    """Raise ConfigError if others than its owner can use a secret file.

    Not counted: our access through the group of another user's file; a group of an access control
    list (acl(5)), which limits others; the group of a directory that gives it to all its files
    (setgid, as Kubernetes does for ``fsGroup``); and a file system that keeps no modes.
    """
    if sys.platform == "win32":
        return
    status = path.stat()
    who = ""
    if status.st_mode & _EVERYBODY:
        who = "everybody on this machine"
    elif status.st_mode & _GROUP and status.st_uid == os.geteuid() and not _is_shared(path, status):
        who = "its group, too"
    if who and _has_file_modes(path.parent):
        raise ConfigError(
            f"the key can be used by {who}: `chmod 600 {path}`; if somebody may have read it, "
            "replace the secrets that it protects",
            where=str(path),
        )


def _is_shared(path: Path, status: os.stat_result) -> bool:
    """Tell whether a file's mode for its group is not the owner's choice."""
    directory = path.parent.stat()
    is_of_directory = directory.st_mode & stat.S_ISGID and directory.st_gid == status.st_gid
    return bool(is_of_directory) or has_access_list(path)


def _has_file_modes(directory: Path) -> bool:
    """Tell whether a new file is private; on some mounts of other systems every file is open."""
    with suppress(OSError):
        descriptor, name = tempfile.mkstemp(dir=directory)
        try:
            return not os.fstat(descriptor).st_mode & (_GROUP | _EVERYBODY)
        finally:
            os.close(descriptor)
            Path(name).unlink()
    return True


def tighten_directory(directory: Path) -> str:
    """Make a data directory that is still empty private; return a warning about another one that
    others can use, or an empty text.

    One that has files in it may be somebody else's, too, and is not changed. The directories of
    volumes that belong to another user cannot be changed, and those with setgid are shared on
    purpose.
    """
    if sys.platform == "win32":
        return ""
    with suppress(OSError):
        status = directory.stat()
        is_ours = status.st_uid == os.geteuid()
        if (
            not is_ours
            or not status.st_mode & (_GROUP | _EVERYBODY)
            or status.st_mode & stat.S_ISGID
        ):
            return ""
        if not any(directory.iterdir()):
            directory.chmod(_PRIVATE)
            return ""
        if not _has_file_modes(directory):
            return ""
        who = "everybody on this machine" if status.st_mode & _EVERYBODY else "its group, too"
        return f"the data directory {directory} can be used by {who} (chmod 700 {directory})"
    return ""
