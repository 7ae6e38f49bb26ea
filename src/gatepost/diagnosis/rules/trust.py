"""Whose certificate it is: an inspecting product's, another server's, a public authority's."""

from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.recognise_provider import DOMAINS
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

_INSPECTS: Final = (
    "avast", "avg technologies", "kaspersky", "eset ", "bitdefender", "zscaler", "fortinet",
    "fortigate", "netskope", "sophos", "mcafee", "norton", "blue coat", "bluecoat", "palo alto",
    "mail shield", "web shield", "mitmproxy", "fiddler", "charles proxy", "check point",
    "watchguard", "sonicwall", "forcepoint", "cisco umbrella", "squid", "doctor web", "dr.web",
    "untangle", "ssl inspection", "tls inspection",
)  # fmt: skip
"""Products that inspect TLS, by the names of their authorities."""
_PUBLIC: Final = (
    "let's encrypt", "digicert", "google trust services", "amazon", "sectigo", "globalsign",
    "microsoft corporation", "godaddy", "entrust", "comodo", "usertrust", "identrust",
    "quovadis", "swisssign", "certum", "buypass", "d-trust", "t-systems", "zerossl", "ssl.com",
)  # fmt: skip
"""Authorities that every system trusts."""
_NO_ISSUER: Final = frozenset({2, 19, 20, 21})


def tls_intercepted(seen: Evidence) -> Finding | None:
    """The certificate is signed by a product that inspects TLS."""
    certificate, tls = seen.certificate, seen.tls.value
    if certificate is None or tls is None or tls.verified:
        return None
    product = next((word for word in _INSPECTS if word in certificate.issuer.lower()), "")
    if not product:
        return None
    return conclude(
        "tls_intercepted",
        "certain",
        f"the certificate is signed by {certificate.issuer}",
        "that is not a public authority",
        next_probe="compare the certificate's issuer with the one seen from another network",
    )


def connection_redirected_by_network(seen: Evidence) -> Finding | None:
    """The host belongs to a large provider, but another server answers."""
    certificate, tls = seen.certificate, seen.tls.value
    host = seen.host.rstrip(".").lower()
    owner = next((name for name, domains in DOMAINS.items()
                  if any(_is_within(host, each) for each in domains.split())), "")  # fmt: skip
    if certificate is None or tls is None or tls.verified or not owner or not certificate.names:
        return None
    if any(_is_within(name, each) for name in certificate.names for each in DOMAINS[owner].split()):
        return None
    return conclude(
        "connection_redirected_by_network",
        "certain",
        f"the certificate is for {', '.join(certificate.names[:5])}",
        f"none of these belongs to {DOMAINS[owner].split()[0]}",
        summary=f"A server other than {host} answers: the network redirects the mail.",
        phase="tls",
        next_probe="compare greeting and certificate with those seen from another network",
    )


def client_ca_store_missing(seen: Evidence) -> Finding | None:
    """This machine does not know a public authority: its store is empty or old."""
    certificate, tls = seen.certificate, seen.tls.value
    if certificate is None or tls is None or tls.verify_code not in _NO_ISSUER:
        return None
    public = any(word in certificate.issuer.lower() for word in _PUBLIC)
    whole = tls.chain_length >= _WITH_ISSUER and not tls.issuer_missing
    if not public or tls.trust != "system" or not whole:
        return None
    return conclude(
        "client_ca_store_missing",
        "likely",
        f"the certificate is signed by {certificate.issuer}",
        f"the server sent {tls.chain_length} certificates",
        f"verification says: {tls.verify_error}",
        summary="This machine does not know an authority that all others know.",
    )


_WITH_ISSUER: Final = 2
"""Number of certificates from which on a chain is complete."""


def _is_within(name: str, domain: str) -> bool:
    name = name.lower().removeprefix("*.")
    return name == domain or name.endswith(f".{domain}")


RULES: Final = (
    tls_intercepted, connection_redirected_by_network, client_ca_store_missing,
)  # fmt: skip
