"""The refusals of Entra, one per line: number, HTTP status, OAuth error, text.

Numbers and texts: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and
public issues. Clients show them unchanged, and people search for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class EntraRefusal:
    """One kind of refusal; ``text`` has placeholders."""

    number: int
    status: int
    error: str
    """The OAuth 2.0 error code (RFC 6749 5.2)."""
    text: str


# fmt: off
TENANT_MALFORMED: Final = EntraRefusal(
    900023, 400, "invalid_request",
    "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external "
    "domain.")
TENANT_UNKNOWN: Final = EntraRefusal(
    90002, 400, "invalid_request",
    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are "
    "signing into the correct cloud. Check with your subscription administrator, this may happen "
    "if there are no active subscriptions for the tenant.")
TENANT_MISSING: Final = EntraRefusal(
    50059, 400, "invalid_request",
    "No tenant-identifying information found in either the request or implied by any provided "
    "credentials.")
INSTANCE_UNKNOWN: Final = EntraRefusal(
    50049, 400, "invalid_instance", "Unknown or invalid instance.")

POST_ONLY: Final = EntraRefusal(
    900561, 405, "invalid_request",
    "The endpoint only accepts POST requests. Received a {method} request.")
BODY_TOO_LONG: Final = EntraRefusal(
    90013, 413, "invalid_request", "Invalid input received from the user.")
INPUT_INVALID: Final = EntraRefusal(
    90013, 400, "invalid_request", "Invalid input received from the user.")
PARAMETER_TWICE: Final = EntraRefusal(
    9000411, 400, "invalid_request",
    "The request is not properly formatted. The parameter '{name}' is duplicated.")
PARAMETER_MISSING: Final = EntraRefusal(
    900144, 400, "invalid_request",
    "The request body must contain the following parameter: '{name}'.")
GRANT_UNSUPPORTED: Final = EntraRefusal(
    70003, 400, "unsupported_grant_type",
    "The app requested an unsupported grant type '{grant}'.")
RESOURCE_IN_V2: Final = EntraRefusal(
    901002, 400, "invalid_request", "The 'resource' request parameter is not supported.")
SCOPE_INVALID: Final = EntraRefusal(
    1002012, 400, "invalid_scope",
    "The provided value for scope {scope} is not valid. Client credential flows must have a scope "
    "value with /.default suffixed to the resource identifier (application ID URI).")
SCOPES_OF_SEVERAL: Final = EntraRefusal(
    28000, 400, "invalid_scope",
    "Provided value for the input parameter scope is not valid because it contains more than one "
    "resource. Scope {scope} is not valid.")

APPLICATION_UNKNOWN: Final = EntraRefusal(
    700016, 400, "unauthorized_client",
    "Application with identifier '{application}' was not found in the directory '{directory}'. "
    "This can happen if the application has not been installed by the administrator of the tenant "
    "or consented to by any user in the tenant. You may have sent your authentication request to "
    "the wrong tenant.")
CREDENTIAL_MISSING: Final = EntraRefusal(
    7000216, 401, "invalid_client",
    "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' "
    "grant type.")
SECRET_WRONG: Final = EntraRefusal(
    7000215, 401, "invalid_client",
    "Invalid client secret provided. Ensure the secret being sent in the request is the client "
    "secret value, not the client secret ID, for a secret added to app '{application}'.")
SECRET_EXPIRED: Final = EntraRefusal(
    7000222, 401, "invalid_client",
    "The provided client secret keys for app '{application}' are expired. Visit the Azure portal "
    "to create new keys for your app: https://aka.ms/NewClientSecret, or consider using "
    "certificate credentials for added security: https://aka.ms/certCreds.")
PRINCIPAL_MISSING: Final = EntraRefusal(
    7000229, 401, "invalid_client",
    "The client application {application} is missing service principal in the tenant {tenant}. "
    "See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119")
RESOURCE_UNKNOWN: Final = EntraRefusal(
    500011, 400, "invalid_resource",
    "The resource principal named {resource} was not found in the tenant named {directory}. This "
    "can happen if the application has not been installed by the administrator of the tenant or "
    "consented to by any user in the tenant. You might have sent your authentication request to "
    "the wrong tenant.")

# people who sign in
REDIRECT_UNKNOWN: Final = EntraRefusal(
    50011, 400, "invalid_request",
    "The redirect URI '{uri}' specified in the request does not match the redirect URIs configured "
    "for the application '{application}'. Make sure the redirect URI sent in the request matches "
    "one added to your application in the Azure portal. Navigate to "
    "https://aka.ms/redirectUriMismatchError to learn more about how to troubleshoot this issue.")
RESPONSE_TYPE_UNKNOWN: Final = EntraRefusal(
    700054, 400, "unsupported_response_type",
    "response_type '{kind}' is not enabled for the application.")
RESPONSE_MODE_UNKNOWN: Final = EntraRefusal(
    70007, 400, "invalid_request",
    "'{mode}' is not a supported value of 'response_mode' when requesting a token.")
CHALLENGE_INVALID: Final = EntraRefusal(
    501491, 400, "invalid_request", "Invalid size of Code_Challenge parameter.")
NOT_SIGNED_IN: Final = EntraRefusal(
    50058, 400, "login_required",
    "A silent sign-in request was sent but no user is signed in.")
CODE_INVALID: Final = EntraRefusal(
    70000, 400, "invalid_grant", "Provided grant is invalid or malformed.")
CODE_EXPIRED: Final = EntraRefusal(
    70008, 400, "invalid_grant",
    "The provided authorization code or refresh token has expired due to inactivity. Send a new "
    "interactive authorization request for this user and resource.")
CODE_USED: Final = EntraRefusal(
    54005, 400, "invalid_grant",
    "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an "
    "existing refresh token.")
CODE_FOR_ANOTHER_URI: Final = EntraRefusal(
    500112, 400, "invalid_client",
    "The reply address '{uri}' does not match the reply address '{requested}' provided when "
    "requesting Authorization code.")
VERIFIER_WRONG: Final = EntraRefusal(
    501481, 400, "invalid_grant",
    "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
CODE_NEEDS_CREDENTIAL: Final = EntraRefusal(
    7000218, 401, "invalid_client",
    "The request body must contain the following parameter: 'client_assertion' or "
    "'client_secret'.")

CONSENT_MISSING: Final = EntraRefusal(
    65001, 400, "invalid_grant",
    "The user or administrator has not consented to use the application with ID '{application}' "
    "named '{name}'. Send an interactive authorization request for this user and resource.")
CONSENT_DECLINED: Final = EntraRefusal(
    65004, 400, "access_denied", "User declined to consent to access the app.")
ADMIN_CONSENT_MISSING: Final = EntraRefusal(
    90094, 400, "access_denied",
    "{name} needs permission to access resources in your organization that only an admin can "
    "grant. Request an admin to grant permission to this app before you can use it.")
SCOPE_UNKNOWN: Final = EntraRefusal(
    650053, 400, "invalid_scope",
    "The application asked for scope '{scope}' that doesn't exist on the resource '{resource}'.")
REFRESH_TOKEN_EXPIRED: Final = EntraRefusal(
    700082, 400, "invalid_grant",
    "The refresh token has expired due to inactivity.")
DEVICE_PENDING: Final = EntraRefusal(
    70016, 400, "authorization_pending",
    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
DEVICE_DECLINED: Final = EntraRefusal(
    65004, 400, "authorization_declined", "User declined to consent to access the app.")
DEVICE_CODE_UNKNOWN: Final = EntraRefusal(
    70018, 400, "bad_verification_code",
    "Invalid verification code due to User typing in wrong user code for device code flow. "
    "Authorization is not approved.")
DEVICE_CODE_EXPIRED: Final = EntraRefusal(
    70019, 400, "expired_token", "Verification code expired. Have the user retry the sign-in.")
DEVICE_TOO_OFTEN: Final = EntraRefusal(  # RFC 8628 3.5; the number and the text are ours
    70016, 400, "slow_down", "OAuth 2.0 device flow error. The device polls too often.")

TOO_SLOW: Final = EntraRefusal(
    90013, 408, "invalid_request", "Invalid input received from the user.")
SERVER_FAILED: Final = EntraRefusal(
    50000, 500, "server_error",
    "There was an error issuing a token or an issue with our sign-in service.")

ASSERTION_MALFORMED: Final = EntraRefusal(
    50027, 401, "invalid_client", "JWT token is invalid or malformed.")
ASSERTION_OF_ANOTHER: Final = EntraRefusal(
    700021, 401, "invalid_client",
    "Client assertion application identifier doesn't match 'client_id' parameter. Review the "
    "documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.")
ASSERTION_KEY_UNKNOWN: Final = EntraRefusal(
    700027, 401, "invalid_client",
    "The certificate with identifier used to sign the client assertion is not registered on "
    "application. [Reason - The key was not found., Thumbprint of key used by client: "
    "'{thumbprint}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see "
    "configured keys for app Id '{application}'.]")
ASSERTION_SIGNATURE: Final = EntraRefusal(
    700027, 401, "invalid_client",
    "Client assertion contains an invalid signature. [Reason - The provided signature value did "
    "not match the expected signature value., Thumbprint of key used by client: '{thumbprint}', "
    "Found key 'Start={start}, End={end}']")
ASSERTION_KEY_EXPIRED: Final = EntraRefusal(
    700027, 401, "invalid_client",
    "Client assertion contains an invalid signature. [Reason - The key used is expired., "
    "Thumbprint of key used by client: '{thumbprint}', Found key 'Start={start}, End={end}']")
ASSERTION_AUDIENCE: Final = EntraRefusal(
    700023, 401, "invalid_client",
    "Client assertion audience claim does not match Realm issuer. Review the documentation at "
    "https://learn.microsoft.com/entra/identity-platform/certificate-credentials.")
ASSERTION_TIME: Final = EntraRefusal(
    700024, 401, "invalid_client",
    "Client assertion is not within its valid time range. Current time: {now}, assertion valid "
    "from {start}, expiry time of assertion {end}. Review the documentation at "
    "https://learn.microsoft.com/entra/identity-platform/certificate-credentials.")
# fmt: on


_RESOURCES: Final = (
    "https://communication.azure.com", "https://management.azure.com",
    "https://graph.microsoft.com", "https://outlook.office365.com",
)  # fmt: skip
_HARMLESS: Final = frozenset(
    {
        "authorization_code", "client_credentials", "password", "refresh_token", "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer", "device_code",
        "user_code", "SMTP.Send", "Mail.Send",
        "assertion", "authorization_endpoint", "client_assertion", "client_assertion_type",
        "client_id", "client_secret", "code", "grant_type", "redirect_uri", "resource",
        "response_type", "scope", "token",
        "openid", "profile", "email", "offline_access",
        "GET", "HEAD", "PUT", "PATCH", "DELETE",
        *(f"{base}{end}" for base in _RESOURCES for end in ("", "/", "/.default", "//.default")),
    }
)  # fmt: skip


def _redact(value: str) -> str:
    """Return what an event may show of a client's value, because people paste secrets anywhere."""
    return " ".join(each if each in _HARMLESS else "(unknown)" for each in value.split()[:8])


class EntraError(Exception):
    """A refused request; ``reason`` is for the operator: a slug, a colon and a sentence."""

    def __init__(self, refusal: EntraRefusal, reason: str = "", **values: str) -> None:
        self.text = f"AADSTS{refusal.number}: {refusal.text.format_map(values)}"
        super().__init__(self.text)
        self.refusal = refusal
        text = refusal.text.format_map({name: _redact(value) for name, value in values.items()})
        self.reason = reason or f"bad_request: AADSTS{refusal.number}: {text}"

    def document(self, trace_id: str, correlation_id: str, now: datetime) -> Mapping[str, Any]:
        """Return the body of the response."""
        refusal, moment = self.refusal, f"{now:%Y-%m-%d %H:%M:%S}Z"
        ids = f"Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {moment}"
        return {
            "error": refusal.error,
            "error_description": f"{self.text} {ids}",
            "error_codes": [refusal.number],
            "timestamp": moment,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={refusal.number}",
        }
