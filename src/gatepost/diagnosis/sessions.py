"""Why a recorded session was refused: the cause, and the fix in the library that was seen."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.known_refusals import meaning_of
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.find_remedies import remedies
from gatepost.diagnosis.remedies.library import Library, Placeholders
from gatepost.model.finding import Remedy
from gatepost.model.reply import EnhancedStatus, Reply
from gatepost.model.session_record import SessionLine, text_of

MOST: Final = 3
"""Libraries whose fixes are shown if none was recognised."""

_SLUG: Final = re.compile(r"(?:header From: )?([a-z][a-z0-9_]*): (.+)", re.DOTALL)
"""How the directory and the policies begin their reasons."""
_BY_SLUG: Final[Mapping[str, str]] = MappingProxyType({
    "access_key_pasted": "wrong_credential_kind",
    "account_changed": "server_auth_backend_down",
    "account_unknown": "bad_credentials",
    "app_not_allowed": "role_missing",
    "authzid_refused": "authzid_not_permitted",
    "busy": "server_auth_backend_down",
    "channel_binding": "client_sasl_bug",
    "external_rate": "daily_quota_exceeded",
    "high_volume_elsewhere": "wrong_submission_host",
    "mailbox_not_opened": "role_missing",
    "mailbox_out_of_scope": "role_wrong_scope",
    "mailbox_unknown": "bad_credentials",
    "mechanism_broken": "mechanism_advertised_but_broken",
    "mechanism_unsupported": "mechanism_not_offered",
    "no_postmaster": "recipient_unknown",
    "no_verifier": "mechanism_advertised_but_broken",
    "not_high_volume": "wrong_submission_host",
    "not_signed_in": "login_forgotten",
    "password_wrong": "bad_credentials",
    "permission_missing": "role_missing",
    "propagating": "access_not_propagated",
    "recipient_external": "recipient_restricted",
    "recipient_rate": "daily_quota_exceeded",
    "reconfigured": "server_auth_backend_down",
    "response_malformed": "client_sasl_bug",
    "secret_expired": "expired_secret",
    "secret_id_pasted": "wrong_credential_kind",
    "secret_missing": "bad_credentials",
    "secret_not_yet_valid": "bad_credentials",
    "secret_wrong": "bad_credentials",
    "sender_not_registered": "sender_not_authorised",
    "service_principal_of_registration": "service_principal_missing",
    "token_application_mismatch": "oauth_wrong_identity",
    "smtp_username_domain_not_linked": "smtp_username_missing",
    "token_audience_wrong": "oauth_scope_wrong",
    "token_delegated": "oauth_wrong_identity",
    "token_principal_gone": "service_principal_missing",
    "token_tenant_mismatch": "oauth_wrong_identity",
    "token_unknown": "bad_credentials",
    "too_many_connections": "rate_limited",
    "unknown_user": "bad_credentials",
})  # fmt: skip
"""The cause by the name of a reason that is not a cause itself."""
_BY_REASON: Final[Mapping[str, str]] = MappingProxyType({
    "AUTH before STARTTLS": "starttls_required",
    "MAIL before STARTTLS": "starttls_required",
    "MAIL without a sign-in": "auth_not_performed",
    "AUTH before EHLO": "client_skipped_ehlo",
    "MAIL before EHLO": "client_skipped_ehlo",
    "STARTTLS before EHLO": "client_skipped_ehlo",
    "STARTTLS is not offered here": "starttls_not_offered",
    "the profile refuses this name": "helo_rejected",
    "the profile greylists: the first attempt": "greylisted",
    "AUTH LOGIN with an initial response": "login_initial_response_rejected",
    "AUTH without an initial response": "initial_response_required",
    "AUTH behind a sign-in that worked": "client_sasl_bug",
    "a TLS handshake came in clear": "implicit_tls_on_starttls_port",
    "the client speaks HTTP": "client_speaks_http",
    "the client does not speak TLS, which this port requires from the start":
        "starttls_on_implicit_tls_port",
    "the TLS handshake was not finished in time": "starttls_on_implicit_tls_port",
    "the client does not support TLS 1.2 or newer": "tls_version_too_old",
    "the client supports none of our TLS versions (1.2 and newer)": "tls_version_too_old",
    "the client does not accept our certificate: it does not know the authority": "cert_untrusted",
    "the client does not accept our certificate: its name, authority or form": "cert_untrusted",
    "the client does not accept our certificate: it has expired by the client's clock":
        "cert_expired",
})  # fmt: skip
"""The cause by a reason, or by what it has before a parenthesis."""
_PATTERNS: Final = (
    (re.compile(r"AUTH .{1,60} is not offered"), "mechanism_not_offered"),
    (re.compile(r"\d{1,20} octets were announced"), "too_large"),
)
"""The same for reasons with a part that varies."""
_REPLY: Final = re.compile(r"(\d{3})(?: (\d)\.(\d{1,3})\.(\d{1,3}))?(?: (.*))?", re.DOTALL)
_AUTH_LINE: Final = re.compile(r"(?m)^250[ -]AUTH (.*)$")
_HELLO: Final = re.compile(r"(?i)(?:EHLO|HELO) (.+)")
_LOGIN: Final = re.compile(r"(?i)AUTH (\S+)( .*)?")
_LITERAL: Final = re.compile(r"\[.*\]")


@dataclass(frozen=True, slots=True)
class SessionExplanation:
    """Why a session, or a login, was refused, and what to do."""

    sentence: str
    """The true reason, as a sentence."""
    cause: str = ""
    """The id of a finding; empty if none is known."""
    fix: str = ""
    remedies: tuple[Remedy, ...] = ()
    """In the library that was seen; of several that it may be, in the likeliest ones."""
    libraries: tuple[str, ...] = ()
    """The names of the libraries that behave like the client, the most frequent ones first; empty
    if it may be any."""


def cause_of(phase: str, reply: str, reason: str) -> str:
    """Return the id of the finding for a refusal, from the operator's reason and the reply; empty
    if none is known."""
    slug = _SLUG.fullmatch(reason)
    if slug is not None:
        id_ = _BY_SLUG.get(slug[1], slug[1])
        if id_ in CAUSES:
            return id_
    known = _BY_REASON.get(reason.partition(" (")[0]) or _BY_REASON.get(reason)
    known = known or next((id_ for form, id_ in _PATTERNS if form.fullmatch(reason)), None)
    if known is not None:
        return known
    parsed = _parse(reply)
    if parsed is None or phase not in ("auth", "mail"):
        return ""
    return meaning_of(parsed, "auth" if phase == "auth" else "mail")


def sentence_of(reason: str) -> str:
    """Return the operator's reason as a sentence."""
    slug = _SLUG.fullmatch(reason)
    text = reason if slug is None else slug[2]
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def explain_refusal(
    cause: str, reason: str, lines: Sequence[SessionLine], server: Placeholders
) -> SessionExplanation:
    """Explain a refusal in a session with these lines.

    ``cause`` is the id of the finding, or empty; ``reason`` the operator's. ``server`` is where
    clients connect, for code examples.
    """
    alike = recognise_libraries(lines)
    names = tuple([each.name for each in alike[:MOST]]) if len(alike) < len(LIBRARIES) else ()
    if not cause:
        return SessionExplanation(sentence_of(reason), libraries=names)
    fixes = remedies(cause, alike[:MOST], offered_mechanisms(lines), server)
    return SessionExplanation(sentence_of(reason), cause, CAUSES[cause].fix, fixes, names)


def offered_mechanisms(lines: Sequence[SessionLine]) -> tuple[str, ...]:
    """Return the mechanisms in the last reply to EHLO that lists some."""
    said = [text_of(each) for each in lines if each[1] == "S"]
    offers = [each for text in said for each in _AUTH_LINE.findall(text)]
    return tuple(offers[-1].split()) if offers else ()


def recognise_libraries(lines: Sequence[SessionLine]) -> tuple[Library, ...]:
    """Return the libraries that behave like the client of a session: by its name in EHLO, by the
    case of its commands, and by how it signs in. If none does, all of them, the most frequent ones
    first.
    """
    said = [text_of(each) for each in lines if each[1] == "C"]
    hello = next((match for text in said if (match := _HELLO.fullmatch(text))), None)
    if hello is None:
        return tuple(LIBRARIES.values())
    login = next((match for text in said if (match := _LOGIN.fullmatch(text))), None)
    offered = offered_mechanisms(lines)
    is_python = hello[0][:4].islower()
    alike = [
        each
        for each in LIBRARIES.values()
        if (each.name in _LOWER_CASE) == is_python
        and _has_name(each, hello[1])
        and (login is None or _can_sign_in_so(each, login, offered))
    ]
    return tuple(alike) or tuple(LIBRARIES.values())


_LOWER_CASE: Final = frozenset({"python-smtplib", "django"})
"""Those that send ``ehlo`` and ``mail``: smtplib does, and whatever is built on it."""


def _has_name(library: Library, name: str) -> bool:
    """Tell whether the library sends such a name in EHLO."""
    if library.hello == "{literal}":
        return _LITERAL.fullmatch(name) is not None
    if library.hello == "{fqdn}":
        return "." in name or ":" in name
    return library.hello in {"{node}", name}


def _can_sign_in_so(library: Library, login: "re.Match[str]", offered: tuple[str, ...]) -> bool:
    mechanism, initial = login[1].upper(), login[2] is not None
    if mechanism not in (*library.mechanisms, *library.settable, library.last_resort):
        return False
    is_usual = offered and mechanism in library.mechanisms
    if is_usual and mechanism != library.first_choice(offered):
        return False
    return (mechanism in library.initial) == initial


def _parse(reply: str) -> Reply | None:
    match = _REPLY.fullmatch(reply)
    if match is None:
        return None
    status = EnhancedStatus(*(int(match[at]) for at in (2, 3, 4))) if match[2] else None
    return Reply(int(match[1]), match[5] or "", status)
