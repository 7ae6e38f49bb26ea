"""Tokens: at the mail server and at the token endpoint; Microsoft's policies."""

from typing import Final

from gatepost.diagnosis.error_document import find_status
from gatepost.diagnosis.signs.auth import has_no_auth, is_login_refused, is_token_login
from gatepost.diagnosis.signs.reading import Reading
from gatepost.diagnosis.signs.sign import Sign, Test


def has_error_document(reading: Reading) -> bool:
    """A 334 came with an error document (XOAUTH2), decoded or in base64."""
    return any(
        line.speaker == "S" and line.text.startswith(("334 eyJ", "334 ey", "334 <"))
        for line in reading.seen.transcript
    ) or any(word in reading.text for word in ("334 eyj", "334 ey", '"status":"40', "scope"))


def _status(*statuses: str) -> Test:
    """Return a test: the error document has one of these statuses (RFC 7628 3.2.2)."""
    return lambda reading: is_token_login(reading) and find_status(reading.seen) in statuses


_SAYING = ("invalid_request", "invalid_token", "insufficient_scope")
"""Statuses that name the cause (RFC 6750 3.1); Google sends HTTP statuses, which do not."""
_REFRESH = (
    "invalid_grant", "expired or revoked", "refresh token*expired", "aadsts70008",
    "refresh token*invalid", "refresh_token*expired", "refresh token*revoked",
    "token has been expired", "aadsts50173", "token refresh failed", "failed to refresh",
    "could not refresh", "refreshing token", "generating new access token", "refresh access token",
    "new access token for",
)  # fmt: skip
_CLIENT = (
    "invalid_client", "aadsts7000215", "aadsts700016", "unauthorized_client", "aadsts90002",
    "invalid client secret", "aadsts50194",
)  # fmt: skip
_SEND_SCOPES = (
    "gmail.modify", "mail.send", "smtp.send", "gmail.compose", "scope", "insufficient permission",
    "insufficientpermissions",
)  # fmt: skip

# fmt: off
SIGNS: Final = (
    Sign("oauth_refresh_token_expired", 19, _REFRESH),
    Sign("oauth_refresh_token_expired", 12, ("create new access token", "refresh the access token",
         "no refresh token", "renew access token")),
    Sign("oauth_refresh_token_expired", 19, ("bad protocol",), when=is_token_login),
    Sign("expired_secret", 18, ("aadsts7000222", "secret keys*expired", "client secret*expired",
         "secret has expired", "expired*client secret")),
    Sign("expired_secret", 4, when=lambda r: is_login_refused(r) and "acs" in r.providers,
         proof="Azure says the same of an expired secret"),
    Sign("oauth_client_auth_failed", 14, _CLIENT),
    # nodemailer at the token endpoint
    Sign("oauth_refresh_token_expired", 9, ("xoauth2/index.js",)),
    Sign("oauth_client_auth_failed", 8, ("xoauth2/index.js",)),
    # Entra's code proves the cause; what is observed is behind it
    Sign("tenant_unknown", 24, ("aadsts90002", "aadsts50059")),
    Sign("application_unknown", 24, ("aadsts700016",)),
    Sign("service_principal_missing", 24, ("aadsts7000229",)),
    Sign("role_missing", 13, ("denied by the resource provider",)),
    Sign("sender_domain_not_linked", 13, ("domainnotlinked",)),
    Sign("sender_not_authorised", 24, ("invalidsenderusername", "invalid email sender username")),
    Sign("oauth_client_auth_failed", 7, ("cannot fetch token", "token endpoint", "oauth2: ",
         "failed to get token", "failed to obtain token", "could not get token",
         "token request failed", "acquire token")),
    Sign("oauth_scope_wrong", 13, when=lambda r: is_token_login(r) and has_error_document(r)
         and ("microsoft365" not in r.providers) and find_status(r.seen) not in _SAYING,
         proof="a 334 with an error document came for the token"),
    Sign("oauth_scope_wrong", 13, when=_status("insufficient_scope"),
         proof="insufficient_scope: the token permits less than this needs (RFC 6750 3.1)"),
    Sign("token_expired", 11, when=_status("invalid_token"),
         proof="invalid_token: it is expired, revoked, malformed or not for this (RFC 6750 3.1)"),
    Sign("oauth_scope_wrong", 2.5, when=_status("invalid_token"),
         proof="invalid_token is said of a token for something else, too"),
    Sign("client_sasl_bug", 11, when=_status("invalid_request"),
         proof="invalid_request: the client's message is malformed (RFC 6750 3.1)"),
    Sign("oauth_scope_wrong", 12, when=lambda r: is_token_login(r) and bool(r.providers & {"gmail",
         "gmail_relay"}) and (is_login_refused(r) or "error" in r.text or not r.refusals),
         proof="Google refuses a token so that is not for its full mail scope"),
    Sign("oauth_scope_wrong", 17, ("smtpauthenticationerror: (334",)),
    Sign("app_password_required", -14, ("smtpauthenticationerror: (334",)),
    Sign("oauth_scope_wrong", 5, _SEND_SCOPES, when=is_token_login),
    Sign("oauth_scope_wrong", 16, ("aud*graph.microsoft.com", "scp*mail.send", "scope*mail.send",
         "aud*management.azure", "audience*graph", "scp*imap."), when=is_login_refused),
    Sign("oauth_scope_wrong", 9, when=lambda r: is_token_login(r) and is_login_refused(r)
         and ("microsoft365" in r.providers),
         proof="Microsoft refuses a token without SMTP.Send with the same words"),
    Sign("oauth_scope_wrong", 6, when=lambda r: is_token_login(r) and is_login_refused(r)
         and not (r.providers & {"microsoft365", "gmail", "gmail_relay"}),
         proof="a token was refused"),
    Sign("oauth_wrong_identity", 15, when=lambda r: any(response.identity_differs for one
         in r.seen.attempts for response in one.responses),
         proof="the user named in XOAUTH2 is not the one in the token"),
    Sign("oauth_wrong_identity", 12, when=lambda r: is_token_login(r) and is_login_refused(r)
         and ("microsoft365" in r.providers) and "5.7.139" not in r.text,
         proof="Microsoft refuses a token so whose user is not the one named"),
    Sign("oauth_wrong_identity", 5, ("shared mailbox", "delegate", "on behalf")),
    Sign("client_sasl_bug", 8, when=lambda r: is_token_login(r) and has_error_document(r)
         and not any(line.speaker == "C" and not line.text.upper().startswith("AUTH")
         and line.text.strip() in ("", "*", "[redacted]") for line in r.seen.transcript) and any(w
         in r.text for w in ("timeout", "hang", "desync")),
         proof="the client does not answer the error document"),

    # Microsoft's own texts
    Sign("smtp_auth_disabled_tenant", 20, ("disabled for the tenant",)),
    Sign("smtp_auth_disabled_mailbox", 20, ("disabled for the mailbox",)),
    Sign("smtp_auth_disabled_tenant", 8, ("smtp_auth_disabled", "smtpclientauthentication")),
    Sign("smtp_auth_disabled_mailbox", 6, ("smtp_auth_disabled", "smtpclientauthentication")),
    Sign("security_defaults_block", 20, ("security defaults",)),
    Sign("basic_auth_disabled", 20, ("basic authentication is disabled", "basic auth is disabled",
         "basic authentication is not supported", "basic auth*not supported",
         "basic authentication*disabled", "basic authentication*retired")),
    Sign("basic_auth_disabled", 16, codes=(550,), status=("5.7.30",)),
    Sign("conditional_access_block", 18, ("conditional access", "aadsts53003", "aadsts50076",
         "aadsts50079", "aadsts53000", "access policy")),
    Sign("conditional_access_block", 13, ("did not meet the criteria",
         "criteria to be authenticated", "blocked by*policy", "security policy")),
    # 5.7.57 follows a refusal that the client did not log, or a missing AUTH
    Sign("smtp_auth_disabled_tenant", 9, ("5.7.57", "not authenticated to send"),
         unless=("5.7.139", "5.7.3 ", "5.7.4 ")),
    Sign("conditional_access_block", 9.5, ("5.7.57", "not authenticated to send"),
         unless=("5.7.139", "5.7.3 ", "5.7.4 "), when=has_no_auth),
    Sign("smtp_auth_disabled_mailbox", 8, ("5.7.57", "not authenticated to send"),
         unless=("5.7.139", "5.7.3 ", "5.7.4 ")),
    Sign("mechanism_not_offered", 7, ("5.7.57", "not authenticated to send"), unless=("5.7.139",)),
    Sign("security_defaults_block", 6, ("5.7.57", "not authenticated to send"),
         unless=("5.7.139",)),
    Sign("client_credentials_dropped", 8.5, ("5.7.57", "not authenticated to send"),
         client=("system-net-mail", "powershell"), unless=("5.7.139", "5.7.3 ", "5.7.4 ")),
)
# fmt: on
