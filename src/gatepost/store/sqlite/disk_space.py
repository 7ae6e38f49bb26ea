"""Room on the disk: when to refuse mail, and the reserve with which deletion can go on."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.store.private import open_private
from gatepost.store.sqlite.disk import Disk
from gatepost.store.sqlite.recovery import DATABASE

CHECK_EVERY: Final = 0.25
"""Seconds between two looks at the free space."""
MIB: Final = 1024 * 1024


class Room:
    """Watches the free space under ``watermark`` octets, and keeps ``reserve`` octets back."""

    def __init__(self, directory: Path, disk: Disk, watermark: int, reserve: int) -> None:
        self._directory, self._disk = directory, disk
        self._watermark, self._reserve = watermark, reserve
        self._reserve_file = directory / "reserve"
        self._database = directory / DATABASE
        self.is_spent = False
        """What must be written has had the reserve: until it is whole again, room is for it."""
        self._checked = 0.0
        self.refusal = ""
        """Why nothing more is accepted; empty while there is room."""

    def look(self) -> str:
        """Return the refusal of now; looks at the disk at most every CHECK_EVERY seconds."""
        now = time.monotonic()
        if now - self._checked >= CHECK_EVERY:
            self._checked = now
            try:
                if not self._database.exists():
                    self.refusal = f"{self._database} is missing: only waiting mail is still sent"
                    return self.refusal
                free = self._disk.free(self._directory)
            except OSError as error:
                self.refusal = f"the free disk space cannot be determined: {error}"
                return self.refusal
            kept = self._watermark + (self._missing() if self.is_spent else 0)
            self.refusal = "" if free >= kept else _too_little(free, kept)
        return self.refusal

    def run_out(self) -> None:
        """A write found the disk full: refuse at once, whatever the free space says."""
        self._checked = time.monotonic()
        self.refusal = "the disk is full"

    def make_way(self) -> None:
        """Give the reserve back where a start would not find room for what it writes."""
        with suppress(OSError):
            if self._disk.free(self._directory) < MIB:
                self.release()

    def release(self) -> bool:
        """Give the reserve back to the disk; False when it was given before."""
        try:
            self._reserve_file.unlink()
        except OSError:
            return False
        self.is_spent = True
        return True

    def restore(self) -> None:
        """Set the reserve aside, if there is room above the watermark for it.

        Of one that was spent as much as half of the room will do, before somebody else takes it.
        """
        if not (missing := self._missing()):
            return
        with suppress(OSError):  # then there is none; the next round tries again
            free = self._disk.free(self._directory)
            if free >= self._watermark + missing:
                self._set_aside(self._reserve)
                self.is_spent = False
            elif self.is_spent and free // 2 >= MIB:
                self._set_aside(self._reserve - missing + min(missing, free // 2))

    def _missing(self) -> int:
        """Return how much of the reserve is not there."""
        try:
            return max(0, self._reserve - self._reserve_file.stat().st_size)
        except OSError:
            return self._reserve

    def _set_aside(self, size: int) -> None:
        descriptor = open_private(self._reserve_file)
        try:
            self._disk.allocate(descriptor, size)
        except OSError:
            self._reserve_file.unlink()
            raise
        finally:
            os.close(descriptor)


def _too_little(free: int, kept: int) -> str:
    least = f"the {kept // MIB} MiB that are kept free"
    return f"the disk has {free // MIB} MiB free, less than {least}"
