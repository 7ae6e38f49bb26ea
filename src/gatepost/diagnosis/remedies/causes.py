"""The causes that a change in the client's code or settings fixes, and the topic of that change."""

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
"""Causes whose fix depends on what the server offers."""

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
        # the configuration
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
        "tls_version_too_old": "tls_version",
        "client_sasl_plugin_missing": "plugin",
        "client_mechanism_filter_wrong": "filter",
    }
)
"""The topic of every other cause."""

FIXABLE: Final = (*sorted(BY_MECHANISM), *TOPICS)
"""All causes that a change in the client fixes."""

_OF_FEW: Final[Mapping[str, tuple[frozenset[str], str]]] = MappingProxyType(
    {
        "auth_before_tls_refused_by_client": (
            frozenset({"go-net-smtp", "go-mail", "msmtp"}),
            "It sends a password in clear if told to. The doctor does not: use a port with TLS.",
        ),
        "client_host_mismatch": (
            frozenset({"go-net-smtp"}),
            "Nothing in it compares the host of the sign-in with the host that it connects to.",
        ),
    }
)
"""Causes that only these libraries can have, and why the others cannot."""
_WITHOUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_config_conflict": "It has one setting for TLS, or one of two wins without a word.",
        "client_credentials_dropped": "It has no switch that throws away credentials that are set.",
        "client_tls_disabled": "It asks for TLS 1.2 itself, or leaves the version to the system.",
        "tls_version_too_old": "It asks for TLS 1.2 itself, or leaves the version to the system, "
        "which has to be renewed then.",
        "client_sasl_plugin_missing": "Its mechanisms are its own, and no plug-ins of Cyrus SASL.",
        "client_mechanism_filter_wrong": "It has no filter: what is named and not listed is "
        "`mechanism_not_offered`.",
    }
)
"""Why a library without a fix for one of these needs none."""


def topic_of(finding_id: str, library: Library, offered: tuple[str, ...]) -> Topic | None:
    """Return the topic of ``library`` that fixes the finding; None if its code is not at fault.

    ``offered`` does not include mechanisms that are known not to work.
    """
    if finding_id not in BY_MECHANISM:
        return TOPICS.get(finding_id)
    mechanism = library.could_use(offered) if offered else _instead(library)
    insisting = _INSISTING.get(mechanism)
    if finding_id == "mechanism_advertised_but_broken" and insisting in library.fixes:
        return insisting
    return MECHANISM_TOPICS.get(mechanism)


def why_not(finding_id: str, library: Library, offered: tuple[str, ...]) -> str:
    """Return why ``library`` cannot have the fault; empty if it can, or if that is unknown."""
    those, why = _OF_FEW.get(finding_id, (frozenset({library.name}), ""))
    if library.name not in those:
        return why
    if finding_id in library.cannot:
        return library.cannot[finding_id]
    topic = topic_of(finding_id, library, offered)
    if topic is None or topic in library.fixes:
        return ""
    return library.spared.get(topic) or _WITHOUT.get(finding_id, "")


def _instead(library: Library) -> str:
    """Return what to try instead of its first choice if the offer is unknown."""
    known = (*library.mechanisms, *library.settable)
    first = library.mechanisms[0] if library.mechanisms else ""
    others = [name for name in MECHANISM_TOPICS if name in known and name != first]
    return next(iter(others), first)
