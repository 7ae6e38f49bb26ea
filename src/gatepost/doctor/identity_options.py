"""How to look behind a server: what was named on the command line."""

from dataclasses import dataclass

from gatepost.model.secret import Secret


@dataclass(frozen=True, slots=True)
class IdentityUrls:
    """URLs that were named; empty: by the environment, or as usual."""

    authority: str = ""
    arm: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class IdentityOptions:
    """Where to look, and how far."""

    places: IdentityUrls = IdentityUrls()
    stands_for: str = ""
    """RESOURCE.APPLICATION.TENANT, where the user name is an SMTP user name."""
    arm_token: Secret | None = None
    closed: bool = False
    """Ask the mail server alone."""
