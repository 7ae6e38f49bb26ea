"""Room on the disk: when to refuse mail, and the reserve with which deletion can go on."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.store.sqlite.disk import Disk

CHECK_EVERY: Final = 0.25
"""Seconds between two looks at the free space."""
MIB: Final = 1024 * 1024


class Room:
    """Watches the free space under ``watermark`` octets, and keeps ``reserve`` octets back."""

    def __init__(self, directory: Path, disk: Disk, watermark: int, reserve: int) -> None:
        self._directory, self._disk = directory, disk
        self._watermark, self._reserve = watermark, reserve
        self._reserve_file = directory / "reserve"
        self._checked = 0.0
        self.refusal = ""
        """Why nothing more is accepted; empty while there is room."""

    def look(self) -> str:
        """Return the refusal of now; looks at the disk at most every CHECK_EVERY seconds."""
        now = time.monotonic()
        if now - self._checked >= CHECK_EVERY:
            self._checked = now
            try:
                free = self._disk.free(self._directory)
            except OSError as error:
                self.refusal = f"the disk does not tell its free space: {error}"
                return self.refusal
            self.refusal = "" if free >= self._watermark else self._too_little(free)
        return self.refusal

    def run_out(self) -> None:
        """A write found the disk full: refuse at once, whatever the free space says."""
        self._checked = time.monotonic()
        self.refusal = "the disk is full"

    def release(self) -> bool:
        """Give the reserve back to the disk; False when it was given before."""
        try:
            self._reserve_file.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> None:
        """Set the reserve aside, if there is room above the watermark for it."""
        if not self._reserve or self._reserve_file.exists():
            return
        with suppress(OSError):  # then there is none; the next round tries again
            if self._disk.free(self._directory) >= self._watermark + self._reserve:
                self._set_aside()

    def _set_aside(self) -> None:
        descriptor = os.open(self._reserve_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._disk.allocate(descriptor, self._reserve)
        except OSError:
            self._reserve_file.unlink()
        finally:
            os.close(descriptor)

    def _too_little(self, free: int) -> str:
        return (
            f"the disk has {free // MIB} MiB free, less than the {self._watermark // MIB} MiB"
            " that are kept free"
        )
