"""The file system of a directory, and whether it may be shared."""

from pathlib import Path

import pytest

from gatepost.store.mounts import is_shared, parse_mounts

MOUNTS = r"""
/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
server:/export /srv/mail nfs4 rw 0 0
//nas/share /srv/my\040mail cifs rw 0 0
host /mnt/c 9p rw 0 0
overlay /mnt/c/inner overlay rw 0 0
/dev/vdb /tmp ext4 rw 0 0
short
""".strip()

HOLDERS = [
    ("/home/me/.gatepost", "ext4"),
    ("/srv/mail", "nfs4"),
    ("/srv/mail/deep/down", "nfs4"),
    ("/srv/mailbox", "ext4"),
    ("/srv/my mail/x", "cifs"),
    ("/mnt/c/x", "9p"),
    ("/mnt/c/inner/x", "overlay"),
    ("/tmp/x", "ext4"),
]


@pytest.mark.parametrize(("path", "kind"), HOLDERS)
def test_the_innermost_and_last_mount_holds_it(path: str, kind: str) -> None:
    assert parse_mounts(MOUNTS, Path(path)) == kind


def test_no_mounts_no_answer() -> None:
    assert parse_mounts("", Path("/x")) == ""


@pytest.mark.parametrize(
    ("kind", "shared"),
    [
        ("ext4", False), ("xfs", False), ("btrfs", False), ("tmpfs", False), ("overlay", False),
        ("fuse.fuse-overlayfs", False), ("fuseblk", False), ("", False), ("nfs", True),
        ("nfs4", True), ("cifs", True), ("9p", True), ("fuse.sshfs", True), ("virtiofs", True),
    ],
)  # fmt: skip
def test_a_shared_file_system_is_known(kind: str, shared: bool) -> None:
    assert is_shared(kind) is shared
