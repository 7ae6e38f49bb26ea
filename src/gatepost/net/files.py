"""Files: those that are read more than once, such as secrets, and durable names."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

_ACL: Final = "system.posix_acl_access"


def open_again(path: Path) -> BinaryIO:
    """Open a file that will be read again. Raises OSError, as ``check_again`` does."""
    check_again(path)
    return path.open("rb")


def check_again(path: str | Path) -> None:
    """Raise OSError for a file that does not exist, or a FIFO: opening a FIFO waits for its writer,
    and its content can be read only once."""
    if stat.S_ISFIFO(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "it is a FIFO, and would be read more than once")


@contextmanager
def in_memory(octets: bytes) -> Iterator[str]:
    """Provide the name of a file that is never on a disk, for functions that read only files.

    Raises OSError if the system cannot do it; Linux can (memfd_create(2)).
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    descriptor = os.memfd_create("gatepost")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(octets)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def keep_owner(created: int, directory: Path) -> None:
    """Give what root has just created in a directory to the owner of that directory.

    Root may run commands for a relay that runs as another user, which must be able to open all of
    its files afterwards. ``created`` is a descriptor. A file that has another name, too, is left
    as it is: that user may have put a file of root in its place.
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


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable; on Windows this is not needed."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
