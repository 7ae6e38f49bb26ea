"""Detects directories on network file systems, on which SQLite may lose mail."""

from pathlib import Path
from typing import Final

# fmt: off
SHARED: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs",
    "nfs", "nfs4", "ocfs2", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})
# fmt: on
"""File system types whose other users do not share our locks or our memory."""
_LOCAL_FUSE: Final = frozenset({"fuse.fuse-overlayfs"})
_ESCAPES: Final = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


def is_shared(kind: str) -> bool:
    """Tell whether a file system of this type may be shared with another machine."""
    return kind in SHARED or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


def parse_mounts(text: str, path: Path) -> str:
    """Return the type of the file system of an absolute `path`; empty if unknown.

    `text` is /proc/mounts (proc(5)): the last of several mounts on one directory counts.
    """
    best, kind = -1, ""
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = words[1]
        for escape, character in _ESCAPES:
            point = point.replace(escape, character)
        if len(point) >= best and path.is_relative_to(point):
            best, kind = len(point), words[2]
    return kind


def shared_mount(directory: Path) -> str:
    """Return the type of `directory`'s file system if it is a network or shared one; otherwise
    empty.

    Only Linux is supported: elsewhere every disk counts as local.
    """
    try:
        text = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    kind = parse_mounts(text, directory.resolve())
    return kind if is_shared(kind) else ""
