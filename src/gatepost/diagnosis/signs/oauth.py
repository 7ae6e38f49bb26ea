"""Tokens: at the mail server and at the token endpoint; Microsoft's policies."""

from typing import Final

from gatepost.diagnosis.signs.log_statements import Reading
from gatepost.diagnosis.signs.login import has_no_auth, is_login_refused, is_token_login
from gatepost.diagnosis.signs.sign import Sign, Test
from gatepost.diagnosis.token_error_document import find_status


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
    Sign("oauth_refresh_token_expired", ("bad protocol",), when=is_token_login),
    Sign("expired_secret", when=lambda r: is_login_refused(r) and "acs" in r.providers,
         proof="Azure says the same of an expired secret"),
    # nodemailer at the token endpoint
    # Entra's code proves the cause; what is observed is behind it
    Sign("oauth_scope_wrong", when=lambda r: is_token_login(r) and has_error_document(r)
         and ("microsoft365" not in r.providers) and find_status(r.seen) not in _SAYING,
         proof="a 334 with an error document came for the token"),
    Sign("oauth_scope_wrong", when=_status("insufficient_scope"),
         proof="insufficient_scope: the token permits less than this needs (RFC 6750 3.1)"),
    Sign("token_expired", when=_status("invalid_token"),
         proof="invalid_token: it is expired, revoked, malformed or not for this (RFC 6750 3.1)"),
    Sign("oauth_scope_wrong", when=_status("invalid_token"),
         proof="invalid_token is said of a token for something else, too"),
    Sign("client_sasl_bug", when=_status("invalid_request"),
         proof="invalid_request: the client's message is malformed (RFC 6750 3.1)"),
    Sign("oauth_scope_wrong", when=lambda r: is_token_login(r) and bool(r.providers & {"gmail",
         "gmail_relay"}) and (is_login_refused(r) or "error" in r.text or not r.refusals),
         proof="Google refuses a token so that is not for its full mail scope"),
    Sign("oauth_scope_wrong", _SEND_SCOPES, when=is_token_login),
    Sign("oauth_scope_wrong", ("aud*graph.microsoft.com", "scp*mail.send", "scope*mail.send",
         "aud*management.azure", "audience*graph", "scp*imap."), when=is_login_refused),
    Sign("oauth_scope_wrong", when=lambda r: is_token_login(r) and is_login_refused(r)
         and ("microsoft365" in r.providers),
         proof="Microsoft refuses a token without SMTP.Send with the same words"),
    Sign("oauth_scope_wrong", when=lambda r: is_token_login(r) and is_login_refused(r)
         and not (r.providers & {"microsoft365", "gmail", "gmail_relay"}),
         proof="a token was refused"),
    Sign("oauth_wrong_identity", when=lambda r: any(response.identity_differs for one
         in r.seen.attempts for response in one.responses),
         proof="the user named in XOAUTH2 is not the one in the token"),
    Sign("oauth_wrong_identity", when=lambda r: is_token_login(r) and is_login_refused(r)
         and ("microsoft365" in r.providers) and "5.7.139" not in r.text,
         proof="Microsoft refuses a token so whose user is not the one named"),
    Sign("client_sasl_bug", when=lambda r: is_token_login(r) and has_error_document(r)
         and not any(line.speaker == "C" and not line.text.upper().startswith("AUTH")
         and line.text.strip() in ("", "*", "[redacted]") for line in r.seen.transcript) and any(w
         in r.text for w in ("timeout", "hang", "desync")),
         proof="the client does not answer the error document"),

    # Microsoft's own texts
    # 5.7.57 follows a refusal that the client did not log, or a missing AUTH
    Sign("conditional_access_block", ("5.7.57", "not authenticated to send"),
         unless=("5.7.139", "5.7.3 ", "5.7.4 "), when=has_no_auth),
)
# fmt: on
