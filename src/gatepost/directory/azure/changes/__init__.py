"""What may be changed in the directory, and what a change brings with it; one noun, one file.

Each function takes the snapshot and the wish, and returns ``Changes`` or raises ``Rejected``;
saving them is the caller's.
"""

from gatepost.directory.azure.changes.outcome import Changes, Rejected

__all__ = ["Changes", "Rejected"]
