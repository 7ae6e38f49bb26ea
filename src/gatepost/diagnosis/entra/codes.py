"""Entra's error codes in plain words: what each proves, and what to do.

Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes"
(identity-platform/reference-error-codes; 2025), and public issues that quote them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """The meaning of AADSTS``number``. ``finding`` is empty if the fix is to wait."""

    number: int
    finding: str
    proves: str
    fix: str


_PORTAL: Final = "Microsoft Entra admin center, App registrations"
_CERTIFICATE: Final = (
    "Upload the certificate (its public part) to the application again, or use a client secret."
)
_FEDERATED: Final = (
    "Compare issuer, subject and audience of the workload's token with the application's federated "
    "credential, letter by letter."
)
_SIGN_IN_AGAIN: Final = (
    "Sign in again where the application asks for it: it gets a new refresh token."
)

# fmt: off
_CODES: Final = (
    # the tenant
    Code(90002, "tenant_unknown", "There is no tenant with this id or domain in this cloud.",
         f"Copy the Directory (tenant) ID from the application's overview ({_PORTAL}); for a "
         "national cloud name its authority (AZURE_AUTHORITY_HOST)."),
    Code(900023, "tenant_unknown", "The given tenant is neither a tenant's id nor a domain.",
         "Use the Directory (tenant) ID, a GUID, or one of the tenant's domains."),
    Code(50059, "tenant_unknown", "The request names no tenant in particular.",
         "Use the Directory (tenant) ID instead of common or organizations."),
    # the application
    Code(700016, "application_unknown", "The tenant exists, but has no application with this id.",
         f"Copy the Application (client) ID from its overview ({_PORTAL}), not the object id, and "
         "the tenant's id from the same page; in another tenant an administrator must consent."),
    Code(7000229, "service_principal_missing",
         "The application is registered, but has no service principal in this tenant.",
         "az ad sp create --id APPLICATION; roles are assigned to that service principal."),
    Code(7000112, "oauth_client_auth_failed", "The application is disabled in this tenant.",
         "Enable it: Microsoft Entra admin center, Enterprise applications, the application, "
         "Properties, Enabled for users to sign in."),
    Code(7000215, "oauth_client_auth_failed",
         "Tenant and application are right; the client secret is not one of this application's.",
         f"Create a new client secret ({_PORTAL}, Certificates & secrets) and use its Value, which "
         "is shown once, not its Secret ID."),
    Code(7000216, "oauth_client_auth_failed", "The request contained neither a secret nor an "
                                              "assertion.",
         "Give the application's client secret: the setting that should hold it is empty."),
    Code(7000218, "oauth_client_auth_failed", "The request contained neither a secret nor an "
                                              "assertion.",
         "Give the application's client secret: the setting that should hold it is empty."),
    Code(7000222, "expired_secret",
         "Tenant and application are right; the application's client secrets have expired.",
         f"Create a new client secret ({_PORTAL}, Certificates & secrets) and replace the old "
         "value with its Value; note when it expires."),
    Code(50194, "oauth_client_auth_failed",
         "The application is for one tenant, and the request went to /common.",
         "Use the tenant's own id in the authority."),
    # certificates and assertions of other providers
    Code(50027, "oauth_client_auth_failed", "The client assertion is malformed.", _CERTIFICATE),
    Code(700021, "oauth_client_auth_failed", "The client assertion is another application's.",
         "Let iss and sub of the assertion be the client id of the request."),
    Code(700023, "oauth_client_auth_failed", "The client assertion is for another audience.",
         "Let aud of the assertion be the token endpoint of the tenant that is asked."),
    Code(700024, "oauth_client_auth_failed", "The client assertion is not valid at this time.",
         "Correct the clock of the machine that signs it."),
    Code(700027, "oauth_client_auth_failed",
         "The certificate is not one of the application's, or has expired.", _CERTIFICATE),
    Code(70021, "oauth_client_auth_failed", "No federated credential matches the workload.",
         _FEDERATED),
    Code(700211, "oauth_client_auth_failed", "No federated credential has this issuer.",
         _FEDERATED),
    Code(700213, "oauth_client_auth_failed", "No federated credential has this subject.",
         _FEDERATED),
    # the request
    Code(500011, "oauth_scope_wrong", "The tenant does not know the resource of this scope.",
         "Ask for https://communication.azure.com/.default (Azure Communication Services) or "
         "https://outlook.office365.com/.default (Microsoft 365)."),
    Code(1002012, "oauth_scope_wrong", "The scope does not end in /.default.",
         "Client credentials get RESOURCE/.default: https://communication.azure.com/.default."),
    Code(70011, "oauth_scope_wrong", "The scope is not valid.",
         "Client credentials get RESOURCE/.default: https://communication.azure.com/.default."),
    Code(28000, "oauth_scope_wrong", "The scope names more than one resource.",
         "Ask for one resource at a time."),
    # consent of a user
    Code(70008, "oauth_refresh_token_expired", "The refresh token has expired, by age or disuse.",
         _SIGN_IN_AGAIN),
    Code(700082, "oauth_refresh_token_expired", "The refresh token was not used for too long.",
         _SIGN_IN_AGAIN),
    Code(700084, "oauth_refresh_token_expired",
         "The refresh token is a single-page application's, which expires after 24 hours.",
         "Register the application's redirect URI as Web or as a native client."),
    Code(50173, "oauth_refresh_token_expired",
         "The refresh token was revoked: the password was changed, or an administrator did it.",
         _SIGN_IN_AGAIN),
    Code(65001, "oauth_refresh_token_expired", "The user's or administrator's consent was "
                                               "withdrawn.",
         "Have an administrator consent to the application's permissions again."),
    Code(65004, "oauth_refresh_token_expired", "The person declined what the application asked "
                                               "for.",
         "Sign in again and accept, or have an administrator consent."),
    Code(90094, "role_missing", "Only an administrator may consent to this permission.",
         "Have an administrator consent to the application's permissions."),
    # policies
    Code(530035, "security_defaults_block",
         "Security defaults forbid this kind of sign-in, such as device codes.",
         "Sign in with a browser, or use an application's own identity."),
    Code(53003, "conditional_access_block", "A conditional access policy forbids this login.",
         "The policy's name is in the tenant's sign-in log; have this identity excluded."),
    Code(530003, "conditional_access_block", "A policy requires a managed device.",
         "Have this identity excluded from the policy, or run the client on a managed device."),
    Code(50076, "conditional_access_block", "A policy requires a second factor.",
         "Use an application's own identity (client credentials) instead of a person's."),
    Code(50079, "conditional_access_block", "A policy requires that a second factor is set up.",
         "Use an application's own identity (client credentials) instead of a person's."),
    # temporary failures
    Code(90033, "", "A temporary failure of the service.", "Try again in some minutes."),
    Code(50196, "", "The same request came too often: a client in a loop.",
         "Keep the token until it expires, and wait before you ask again."),
    Code(90006, "", "A server behind the service failed.", "Try again in some minutes."),
    Code(90024, "", "The tenant's budget of requests is used up.", "Try again in some minutes."),
)
# fmt: on
DEEPER: Final = frozenset({"tenant_unknown", "application_unknown", "service_principal_missing"})
"""Causes that only these codes prove: to a client, all are ``oauth_client_auth_failed``."""
CODES: Final[Mapping[int, Code]] = MappingProxyType({each.number: each for each in _CODES})


def find_code(text: str) -> Code | None:
    """Return the code for ``AADSTS700016`` or its number alone; None if it is not known."""
    number = text.strip().upper().removeprefix("AADSTS").rstrip(":")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        return None
    return CODES.get(int(number))


def page_of(code: Code) -> str:
    """Return the code's explanation as Markdown."""
    lines = [f"# AADSTS{code.number}", "", code.proves, "", "## Fix", "", code.fix]
    if code.finding:
        lines += ["", "## Finding", "", f"`gatepost doctor --explain {code.finding}`"]
    return "\n".join(lines) + "\n"
