"""Permitted changes of the directory, and their consequences; one kind of object per file.

Each function takes the snapshot and the request, and returns ``Changes`` or raises ``Rejected``;
the caller saves them.
"""

from gatepost.directory.azure.changes.change_result import Changes, Rejected

__all__ = ["Changes", "Rejected"]
