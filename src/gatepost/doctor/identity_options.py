"""The identity provider that the doctor asks after a refused login, from the command line."""

from dataclasses import dataclass

from gatepost.model.secret import Secret


@dataclass(frozen=True, slots=True)
class IdentityUrls:
    """URLs given by the user; an empty one is taken from the environment, else the public one."""

    authority: str = ""
    arm: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class IdentityOptions:
    """Where the provider is, and what the doctor may do there."""

    urls: IdentityUrls = IdentityUrls()
    stands_for: str = ""
    """RESOURCE.APPLICATION.TENANT that an SMTP user name represents."""
    arm_token: Secret | None = None
    """An access token for Azure Resource Manager."""
    closed: bool = False
    """Ask only the mail server."""
