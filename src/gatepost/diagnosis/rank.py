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
        "smtp_auth_disabled_mailbox": 1,
        "tls_version_too_old": 1,
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
