"""Units of sizes."""

from typing import Final

MIB: Final = 1024 * 1024
"""Octets."""
