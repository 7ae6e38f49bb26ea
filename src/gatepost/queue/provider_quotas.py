"""Quotas of providers: which reply says that one is used up, and when mail is tried again.

The code and the status decide; a text only where a provider has no status for its quota.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gatepost.model.reply import Reply


@dataclass(frozen=True, slots=True)
class SendingQuota:
    """Something that a provider counts over a window of time."""

    what: str
    """What is used up, as the beginning of a sentence."""
    seconds: float = 3600.0
    """Time until one message is tried again. Ours: no reply says when a window ends, and one that
    slides becomes free little by little."""

    def reason(self, reply: Reply) -> str:
        """Return why nothing is sent."""
        return f"{self.what} is used up, and becomes free little by little: {reply}"


_OF_TENANT: Final = "the tenant's limit of recipients outside in 24 hours (TERRL)"

# fmt: off
_BY_STATUS: Final[Mapping[tuple[int, str], SendingQuota]] = {
    # Microsoft Learn, "Fix issues with printers, scanners, and LOB applications"
    (550, "5.7.232"): SendingQuota(f"{_OF_TENANT}, of a trial tenant,"),
    (550, "5.7.233"): SendingQuota(_OF_TENANT),
    # Google, "Gmail SMTP errors and codes", "SMTP relay service error messages"
    (550, "5.4.5"):   SendingQuota("the account's limit of messages in 24 hours"),
}
# fmt: on
_SES: Final = SendingQuota("the account's quota of recipients in 24 hours")
_SES_TEXT: Final = "daily message quota exceeded"
"""docs.aws.amazon.com/ses, "Errors related to the sending quotas"; the same 454 4.7.0 without this
text asks for a lower rate."""


def quota_of(reply: Reply) -> SendingQuota | None:
    """Return the quota that a reply says is used up; None if it says something else."""
    if reply.status is not None and (found := _BY_STATUS.get((reply.code, str(reply.status)))):
        return found
    return _SES if reply.code == 454 and _SES_TEXT in reply.text.lower() else None
