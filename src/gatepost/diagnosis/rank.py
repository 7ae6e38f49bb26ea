"""Which finding is the cause: by strength, by what it explains, by position, by experience."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gatepost.model.evidence import POSITIONS
from gatepost.model.finding import Confidence, Finding

_STRENGTH: Final[Mapping[Confidence, int]] = MappingProxyType(
    {"certain": 0, "likely": 1, "possible": 2}
)

PRIORS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "mechanism_not_offered": 15,
        "starttls_required": 8,
        "helo_rejected": 8,
        "implicit_tls_on_starttls_port": 7,
        "starttls_on_implicit_tls_port": 6,
        "sender_not_authorised": 6,
        "app_password_required": 5,
        "mechanism_advertised_but_broken": 3,
        "port_blocked": 3,
        "unwanted_auth_attempt": 3,
        "cert_expired": 3,
        "cert_chain_incomplete": 3,
        "cert_hostname_mismatch": 2,
        "cert_untrusted": 1,
        "username_format": 2,
        "mesh_server_first_hang": 2,
        "smtp_auth_disabled_tenant": 2,
        "wrong_credential_kind": 3,
        "server_auth_backend_down": 2,
        "bad_credentials": 1,
        "auth_not_advertised": 1,
        "auth_throttled": 1,
        "backend_down_behind_proxy": 1,
        "basic_auth_disabled": 1,
        "client_lacks_mechanism": 1,
        "rate_limited": 1,
        "dns_failure": 1,
        "initial_response_required": 1,
        "login_initial_response_rejected": 1,
        "security_defaults_block": 1,
        "sender_domain_not_linked": 1,
        "server_tls_misconfigured": 1,
        "starttls_not_offered": 1,
        "address_blocklisted": 1,
        "smtp_auth_disabled_mailbox": 1,
        "tls_version_too_old": 1,
        "bare_lf": 3,
        "base64_line_wrapped": 3,
        "client_host_mismatch": 3,
        "client_sasl_plugin_missing": 3,
        "credential_mangled_by_config": 3,
        "credential_url_encoding": 3,
        "non_ascii_password": 3,
        "oauth_scope_wrong": 3,
        "account_name_used_as_sender": 2,
        "auth_before_tls_refused_by_client": 2,
        "auth_not_offered_on_port": 2,
        "auth_not_performed": 2,
        "credentials_missing": 2,
        "daily_quota_exceeded": 2,
        "host_setting_malformed": 2,
        "too_large": 2,
        "unwanted_starttls": 2,
        "auth_command_too_long": 1,
        "client_accepts_invalid_cert": 1,
        "client_ca_store_missing": 1,
        "client_config_conflict": 1,
        "client_credentials_dropped": 1,
        "client_mechanism_filter_wrong": 1,
        "client_left_after_greeting": 1,
        "client_reply_desync": 1,
        "client_sasl_bug": 1,
        "client_skipped_ehlo": 1,
        "client_speaks_http": 1,
        "client_tls_disabled": 1,
        "client_validation_rejects_username": 1,
        "conditional_access_block": 1,
        "ehlo_after_auth_resets_session": 1,
        "envelope_sender_missing": 1,
        "expired_secret": 1,
        "greylisted": 1,
        "ipv6_unreachable": 1,
        "oauth_refresh_token_expired": 1,
        "oauth_wrong_identity": 2,
        "provider_account_inactive": 1,
        "provider_sandbox": 1,
        "raw_utf8_headers": 1,
        "sender_not_verified": 1,
        "server_tls_state_bug": 1,
        "smtp_inspection_middlebox": 1,
        "smtputf8_not_supported_downstream": 1,
        "tls_intercepted": 1,
        "too_many_recipients": 1,
        "wrong_submission_host": 1,
        "address_family_not_tried": 1,
        "authzid_not_permitted": 1,
        "client_ehlo_parse_bug": 1,
        "client_no_ehlo_after_starttls": 1,
        "connection_redirected_by_network": 1,
        "credential_wrong_region": 1,
        "credentials_not_base64": 1,
        "empty_password_sent": 1,
        "line_too_long": 1,
        "missing_from_header": 1,
        "oauth_client_auth_failed": 1,
        "application_unknown": 2,
        "tenant_unknown": 2,
        "resource_unknown": 2,
        "role_missing": 2,
        "role_wrong_scope": 2,
        "service_principal_missing": 2,
        "smtp_username_missing": 2,
        "access_not_propagated": 2,
        "token_expired": 4,
        "pipelining_not_offered": 1,
        "provider_endpoint_changed": 1,
        "server_auth_backend_bug": 1,
        "stored_secret_undecryptable": 1,
        "open_relay": 1,
        "auth_in_clear": 1,
        "mail_in_clear": 1,
        "starttls_injection": 1,
        "smtp_smuggling": 1,
        "weak_tls": 1,
    }
)
"""How often each was the cause in public threads; what is more telling than its neighbour
(an expired certificate than an unknown issuer, a known mistake than a bare refusal) more."""


def rank(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings, the most likely true cause first."""
    return tuple(sorted(findings, key=_key))


def _key(finding: Finding) -> tuple[float | str, ...]:
    return (
        -finding.fit,
        _STRENGTH[finding.confidence],
        -len(finding.explains),
        POSITIONS.index(finding.position),
        -PRIORS.get(finding.id, 0),
        finding.id,
    )
