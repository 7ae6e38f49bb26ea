"""Runs an operation of the command line on the directory that it is meant for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatepost.control.administration.accounts import AccountAdmin, administer_accounts
from gatepost.control.administration.administration import administer
from gatepost.control.administration.context import AdminContext
from gatepost.control.administration.documents import Document
from gatepost.directory.azure.changes.outcome import Rejected


@dataclass(slots=True)
class AdminDispatch:
    """The directories of a relay that operations can change; a reload may replace them."""

    azure: AdminContext | None = None
    accounts: AccountAdmin | None = None

    async def administer(self, operation: str, fields: Mapping[str, Any]) -> Document:
        """Run ``NOUN VERB`` with its fields and return its answer. Raises Rejected."""
        if operation.startswith("account "):
            return await administer_accounts(self.accounts, operation, fields)
        if self.azure is None:
            noun = operation.partition(" ")[0]
            said = f"this relay has no Azure directory, and so no {noun[:40]}s"
            raise Rejected("BadRequest", said)
        return await administer(self.azure, operation, fields)
