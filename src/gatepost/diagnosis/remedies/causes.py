"""Causes that a change in the client's code or settings cures, and what that change is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Library, Topic

MECHANISM_TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {"LOGIN": "login", "PLAIN": "plain", "XOAUTH2": "xoauth2"}
)
_INSISTING: Final[Mapping[str, Topic]] = MappingProxyType(
    {"LOGIN": "only_login", "PLAIN": "only_plain"}
)
BY_MECHANISM: Final = frozenset(
    {"mechanism_not_offered", "auth_not_performed", "mechanism_advertised_but_broken"}
)
"""Causes whose cure depends on what the server offers."""

TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {
        # TLS
        "starttls_required": "starttls",
        "implicit_tls_on_starttls_port": "starttls",
        "auth_before_tls_refused_by_client": "starttls",
        "starttls_on_implicit_tls_port": "implicit",
        "cert_untrusted": "trust",
        "cert_hostname_mismatch": "name",
        # EHLO and AUTH
        "helo_rejected": "hello",
        "auth_not_advertised": "no_auth",
        "unwanted_auth_attempt": "no_auth",
        "initial_response_required": "one_line",
        "login_initial_response_rejected": "two_lines",
        "auth_command_too_long": "long_token",
        "authzid_not_permitted": "no_authzid",
        # what is configured
        "credential_url_encoding": "url",
        "non_ascii_password": "utf8",
        "credentials_missing": "check",
        "empty_password_sent": "check",
        "host_setting_malformed": "host",
        "client_host_mismatch": "host",
        # the envelope and the message
        "account_name_used_as_sender": "sender",
        "envelope_sender_missing": "sender",
        "sender_not_authorised": "sender",
        "sender_domain_not_linked": "sender",
        "missing_from_header": "from_header",
        "bare_lf": "line_ends",
        "line_too_long": "short_lines",
        "raw_utf8_headers": "ascii_headers",
        # faults that few libraries can have
        "client_config_conflict": "one_tls",
        "client_credentials_dropped": "credentials",
        "client_tls_disabled": "tls_version",
        "client_sasl_plugin_missing": "plugin",
        "client_mechanism_filter_wrong": "filter",
    }
)
"""Every other cause to its cure."""

CURABLE: Final = (*sorted(BY_MECHANISM), *TOPICS)
"""All causes that a change in the client cures."""

RARE: Final[frozenset[Topic]] = frozenset(
    {"only_login", "only_plain", "one_tls", "credentials", "tls_version", "plugin", "filter"}
)
"""Cures that only some libraries have; the others do without."""


def topic_of(finding_id: str, library: Library, offered: tuple[str, ...]) -> Topic | None:
    """Return which cure of ``library`` answers the finding; None when its code is not at fault.

    ``offered`` leaves out what is offered and known not to work.
    """
    if finding_id not in BY_MECHANISM:
        return TOPICS.get(finding_id)
    mechanism = library.could_use(offered) if offered else _instead(library)
    insisting = _INSISTING.get(mechanism)
    if finding_id == "mechanism_advertised_but_broken" and insisting in library.cures:
        return insisting
    return MECHANISM_TOPICS.get(mechanism)


def _instead(library: Library) -> str:
    """Return what to try in place of its first choice, where nobody saw what is offered."""
    known = (*library.mechanisms, *library.settable)
    first = library.mechanisms[0] if library.mechanisms else ""
    others = [name for name in MECHANISM_TOPICS if name in known and name != first]
    return next(iter(others), first)
