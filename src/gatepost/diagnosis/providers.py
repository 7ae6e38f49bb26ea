"""What is known of a provider beyond its profile: what its refusals hide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """The meanings of one refusal for every wrong secret, and the shapes of known mistakes."""

    refused_because: str = ""
    next_probe: str = ""
    wrong_kinds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """From ``SecretShape.kind`` to what that is."""
    right_kind: str = ""
    wrong_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """From ``Login.username_form`` to what is wrong with it."""
    right_name: str = ""


_ACS: Final = ProviderFacts(
    refused_because=(
        "This provider gives the same 535 for: a wrong or expired client secret; the Secret ID "
        "pasted in place of the Value; an application or tenant that it does not know; a role "
        "that is missing or was assigned minutes ago; an SMTP user name that does not exist or "
        "is not ready; a wrong resource name. Check them in this order."
    ),
    next_probe=(
        "ask the tenant's token endpoint for a token with this application and secret (grant "
        "client_credentials, scope https://communication.azure.com/.default): AADSTS7000222 is "
        "an expired secret, 7000215 a wrong one, 700016 an unknown application, 90002 an unknown "
        "tenant; a token means that the role, the SMTP user name or the resource is at fault"
    ),
    wrong_kinds=MappingProxyType(
        {
            "guid": "it looks like the Secret ID, not the Value",
            "access_key": "it looks like the resource's access key",
            "connection_string": "it looks like a connection string",
        }
    ),
    right_kind=(
        "Use the Value of a client secret of the Entra application; it is shown once, when the "
        "secret is made."
    ),
    wrong_names=MappingProxyType(
        {
            "connection_string": "it is a connection string",
            "guid": "it is a bare GUID, without resource and tenant",
            "empty": "it is empty",
        }
    ),
    right_name=(
        "Use resource.application-id.tenant-id (or with | between them), or the name of an SMTP "
        "Username of the resource."
    ),
)
_FACTS: Final[Mapping[str, ProviderFacts]] = MappingProxyType({"acs": _ACS})
_NOTHING: Final = ProviderFacts()


def provider_facts(profile: str) -> ProviderFacts:
    """Return what is known of the provider with this profile; empty facts when nothing is."""
    return _FACTS.get(profile, _NOTHING)
