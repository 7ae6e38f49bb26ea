"""What an error of the client proves: from its facts to a finding and a fix."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.entra.codes import CODES, DEEPER
from gatepost.diagnosis.known_refusals import meaning_of
from gatepost.errors import AuthenticationRefused, GatepostError, Refused, TokenError

_CLIENT_FAILED: Final = "oauth_client_auth_failed"
_ENDPOINT_CHANGED: Final = "provider_endpoint_changed"
_BY_OAUTH_ERROR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "invalid_client": _CLIENT_FAILED,
        "unauthorized_client": _CLIENT_FAILED,
        "invalid_scope": "oauth_scope_wrong",  # RFC 6749 5.2
        "invalid_target": "oauth_scope_wrong",  # RFC 8707 2
        "invalid_resource": "oauth_scope_wrong",  # Entra
    }
)
_REFUSED: Final = 535
_ELSEWHERE: Final = frozenset({404, 405, 410})
"""HTTP status if the URL is not, or is no longer, that of a token endpoint."""
_COMPARE_ENDPOINT: Final = (
    "Compare the credential's token_endpoint or authority with the provider's documentation; "
    "a proxy in between may have answered instead."
)


def finding_of(error: GatepostError) -> str:
    """Return the id of the finding that the error proves or makes likely; empty for none."""
    if error.slug:
        return error.slug
    match error:
        case AuthenticationRefused():
            return meaning_of(error.reply, "auth") or (
                "bad_credentials" if error.reply.code == _REFUSED else ""
            )
        case Refused(phase="mail" | "rcpt" | "data" | "content"):
            return meaning_of(error.reply, "mail")
        case TokenError():
            return _of_token_request(error)
    return ""


def fix_of(error: GatepostError) -> str:
    """Return what to do, if that differs from the fix of the finding, which is for clients."""
    if error.fix:
        return error.fix
    if finding_of(error) == _ENDPOINT_CHANGED:
        return _COMPARE_ENDPOINT
    if not isinstance(error, TokenError) or error.is_transient:
        return ""
    code = CODES.get(error.number)
    return f"{code.proves} {code.fix}" if code is not None else ""


def explain(error: GatepostError) -> None:
    """Set the finding of the error, and of the refusals that led to it."""
    error.slug = finding_of(error)
    if isinstance(error.__cause__, Refused):
        explain(error.__cause__)


def _of_token_request(error: TokenError) -> str:
    id_ = _of_codes(error)
    if error.status == 401 and not error.error:
        id_ = _CLIENT_FAILED  # RFC 6749 5.2
    has_code = bool(error.error or error.number)
    if not id_ and (error.status in _ELSEWHERE or (0 < error.status < 400 and not has_code)):
        return _ENDPOINT_CHANGED
    return "" if error.is_transient else id_


def _of_codes(error: TokenError) -> str:
    """Return the id that the AADSTS number or the OAuth error proves; empty for none."""
    code = CODES.get(error.number)
    if code is not None:
        return _CLIENT_FAILED if code.finding in DEEPER else code.finding
    if error.error == "invalid_grant":  # about what was granted
        is_refresh = error.grant == "refresh_token"
        return "oauth_refresh_token_expired" if is_refresh else _CLIENT_FAILED
    return _BY_OAUTH_ERROR.get(error.error, "")
