"""The owners of files: root may run commands for a relay that runs as another user."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_ACL: Final = "system.posix_acl_access"


def keep_owner(created: int, directory: Path) -> None:
    """Give what root has just created in a directory to the owner of that directory.

    The relay's user must be able to open all files of the relay afterwards. ``created`` is a
    descriptor. A file that has another name, too, is left as it is: that user may have put a file
    of root in its place.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    owner, new = directory.stat(), os.fstat(created)
    if owner.st_uid and (stat.S_ISDIR(new.st_mode) or new.st_nlink <= 1):
        with suppress(PermissionError):  # root of a container that may not do this
            os.fchown(created, owner.st_uid, owner.st_gid)


def has_access_list(path: Path) -> bool:
    """Tell whether a file has an access control list (acl(5))."""
    if sys.platform != "linux":
        return False
    try:
        return _ACL in os.listxattr(path)
    except OSError:  # a file system that keeps none
        return False


def make_private_directory(path: Path) -> None:
    """Create a directory for the owner of its parent only, if it does not exist. Raises OSError."""
    try:
        path.mkdir(0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        keep_owner(descriptor, path.parent)
    finally:
        os.close(descriptor)


def not_ours(directory: Path) -> str:
    """Return which file in ``directory`` this process cannot write because of its owner, as a
    sentence; empty if there is none."""
    if sys.platform == "win32" or os.geteuid() == 0:
        return ""
    with suppress(OSError):
        inside = sorted(directory.iterdir()) if _may_use(directory) else ()
        for each in (directory, *inside):
            owner = each.lstat().st_uid
            if owner != os.geteuid() and not _may_use(each):
                return f"{each} belongs to {_user(owner)}, and this is {_user(os.geteuid())}"
    return ""


def _may_use(path: Path) -> bool:
    by_effective = os.access in os.supports_effective_ids
    return os.access(path, os.R_OK | os.W_OK, effective_ids=by_effective)


def _user(number: int) -> str:
    return "root" if number == 0 else f"user {number}"
