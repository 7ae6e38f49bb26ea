"""Free disk space: when to refuse mail, and the reserve for deletions."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.model.units import MIB
from gatepost.store.private_files import open_private
from gatepost.store.sqlite.durable_calls import Disk
from gatepost.store.sqlite.recovery import DATABASE

CHECK_EVERY: Final = 0.25
"""Seconds between two checks of the free space."""


class Room:
    """Watches the free space below ``watermark`` octets, and reserves ``try_reserve`` octets."""

    def __init__(self, directory: Path, disk: Disk, watermark: int, reserve: int) -> None:
        self._directory, self._disk = directory, disk
        self._watermark, self._reserve = watermark, reserve
        self._reserve_file = directory / "reserve"
        self._database = directory / DATABASE
        self.is_spent = False
        """The reserve was used for necessary writes: until it is restored, it gets free space
        first."""
        self._checked = 0.0
        self.refusal = ""
        """Why no mail is accepted; empty if there is space."""

    def look(self) -> str:
        """Return the current refusal; checks the disk at most every CHECK_EVERY seconds."""
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
            needed = self._watermark + (self._missing() if self.is_spent else 0)
            self.refusal = "" if free >= needed else _too_little(free, needed)
        return self.refusal

    def run_out(self) -> None:
        """A write found the disk full: refuse mail immediately, whatever the free space."""
        self._checked = time.monotonic()
        self.refusal = "the disk is full"

    def make_way(self) -> None:
        """Release the reserve if a start would not have space for its writes."""
        with suppress(OSError):
            if self._disk.free(self._directory) < MIB:
                self.release()

    def release(self) -> None:
        """Release the reserve, unless that was done before."""
        with suppress(OSError):
            self._reserve_file.unlink()
            self.is_spent = True

    def restore(self) -> None:
        """Restore the reserve, if there is space for it above the watermark.

        A reserve that was used gets up to half of the free space, before others take it.
        """
        if not (missing := self._missing()):
            return
        with suppress(OSError):  # then there is no reserve; the next round tries again
            free = self._disk.free(self._directory)
            if free >= self._watermark + missing:
                self._set_aside(self._reserve)
                self.is_spent = False
            elif self.is_spent and free // 2 >= MIB:
                self._set_aside(self._reserve - missing + min(missing, free // 2))

    def _missing(self) -> int:
        """Return how much of the reserve is missing."""
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


def _too_little(free: int, needed: int) -> str:
    least = f"the {needed // MIB} MiB that are kept free"
    return f"the disk has {free // MIB} MiB free, less than {least}"
