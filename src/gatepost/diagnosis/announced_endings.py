"""When services, and logins with a password, end: the dates that their providers have announced."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends for the servers whose name ends with one of ``hosts``."""

    hosts: tuple[str, ...]
    on: date
    what: str
    source: str

    def __str__(self) -> str:
        return f"on {self.on}: {self.what} ({self.source})"

    def is_about(self, host: str) -> bool:
        """Tell whether the server of this name is one of these."""
        name = f".{host.rstrip('.').lower()}"
        return any(name.endswith(f".{each}") for each in self.hosts)


SERVICES: Final = (
    Ending(("azurecomm.net", "communication.azure.com"), date(2028, 9, 30),
           "Microsoft ends Azure Communication Services Email",
           "its retirement guide of 2026-08-18"),
)  # fmt: skip
PASSWORDS: Final = (
    Ending(("smtp.office365.com", "smtp-legacy.office365.com"), date(2026, 12, 31),
           "Exchange Online switches SMTP with a password off by default; administrators can "
           "switch it on again until a last date that Microsoft will name in the second half of "
           "2027", "the Exchange team's announcement of 2026-01-27"),
    Ending(("smtp.hve.mx.microsoft", "smtp-hve.office365.com"), date(2028, 9, 30),
           "High Volume Email takes no passwords any more", "reports of 2026"),
)  # fmt: skip


def endings_ahead(host: str, by_password: bool, today: date) -> Iterator[Ending]:
    """Yield what ends today or later for those who use this server, by a password or otherwise."""
    for each in (*SERVICES, *(PASSWORDS if by_password else ())):
        if each.is_about(host) and each.on >= today:
            yield each
