"""The meaning of an identity provider's refusals: codes to findings.

Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes"
(identity-platform/reference-error-codes); RFC 6749 5.2; Google, "Using OAuth 2.0 for server to
server applications", error codes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXPIRED_SECRET: Final = "expired_secret"
CLIENT_FAILED: Final = "oauth_client_auth_failed"
SCOPE_WRONG: Final = "oauth_scope_wrong"
REFRESH_EXPIRED: Final = "oauth_refresh_token_expired"
CONDITIONAL_ACCESS: Final = "conditional_access_block"
ENDPOINT_CHANGED: Final = "provider_endpoint_changed"

# fmt: off
_BY_NUMBER: Final[Mapping[int, str]] = MappingProxyType({
    7000222: EXPIRED_SECRET,      # the client secret keys are expired
    7000215: CLIENT_FAILED,       # invalid client secret; often the Secret ID
    7000216: CLIENT_FAILED,       # neither secret nor assertion
    7000218: CLIENT_FAILED,       # the same, for other grants
    7000229: CLIENT_FAILED,       # no service principal in the tenant
    700016:  CLIENT_FAILED,       # the application is not in the tenant
    7000112: CLIENT_FAILED,       # the application is disabled
    90002:   CLIENT_FAILED,       # no such tenant
    900023:  CLIENT_FAILED,       # the tenant is not a valid name
    50027:   CLIENT_FAILED,       # the assertion is malformed
    700021:  CLIENT_FAILED,       # the assertion is for another application
    700023:  CLIENT_FAILED,       # the assertion's audience
    700024:  CLIENT_FAILED,       # the assertion's time: look at the clock
    700027:  CLIENT_FAILED,       # the certificate is unknown or expired
    70021:   CLIENT_FAILED,       # no federated identity matches (workload identity)
    700211:  CLIENT_FAILED,       # the same: issuer
    700213:  CLIENT_FAILED,       # the same: subject
    500011:  SCOPE_WRONG,         # the resource is not in the tenant
    70008:   REFRESH_EXPIRED,     # expired through age or disuse
    50173:   REFRESH_EXPIRED,     # revoked: the password was changed
    700082:  REFRESH_EXPIRED,     # inactive for too long
    700084:  REFRESH_EXPIRED,     # the token of a single-page application, after 24 hours
    65001:   REFRESH_EXPIRED,     # the consent was withdrawn
    53003:   CONDITIONAL_ACCESS,
    50076:   CONDITIONAL_ACCESS,  # multi-factor authentication is required
    50079:   CONDITIONAL_ACCESS,
    530003:  CONDITIONAL_ACCESS,
})
# fmt: on
_BY_ERROR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "invalid_client": CLIENT_FAILED,
        "unauthorized_client": CLIENT_FAILED,
        "invalid_scope": SCOPE_WRONG,  # RFC 6749 5.2
        "invalid_target": SCOPE_WRONG,  # RFC 8707 2
        "invalid_resource": SCOPE_WRONG,  # Entra
    }
)


def meaning_of_token_error(error: str, number: int, grant: str) -> str:
    """Return the id of the finding that a permanent refusal proves; empty for none.

    ``grant`` is the ``grant_type`` of the request: ``invalid_grant`` is about what was granted.
    """
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if error == "invalid_grant":
        return REFRESH_EXPIRED if grant == "refresh_token" else CLIENT_FAILED
    return _BY_ERROR.get(error, "")
