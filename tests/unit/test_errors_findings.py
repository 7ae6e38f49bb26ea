"""An error names the doctor's finding where the evidence in it is enough."""

import pytest

from gatepost.errors import TlsError


@pytest.mark.parametrize(
    ("reason", "code", "slug"),
    [
        ("CERTIFICATE_VERIFY_FAILED", 18, "cert_untrusted"),
        ("CERTIFICATE_VERIFY_FAILED", 20, "cert_untrusted"),
        ("CERTIFICATE_VERIFY_FAILED", 10, "cert_expired"),
        ("CERTIFICATE_VERIFY_FAILED", 62, "cert_hostname_mismatch"),
        ("CERTIFICATE_VERIFY_FAILED", 64, "cert_hostname_mismatch"),
        ("CERTIFICATE_VERIFY_FAILED", 23, ""),
        ("WRONG_VERSION_NUMBER", 0, "implicit_tls_on_starttls_port"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 0, ""),
    ],
)
def test_findings_of_tls_errors(reason: str, code: int, slug: str) -> None:
    error = TlsError("no").because(reason, code, "words")
    assert (error.slug, error.reason, error.verify_code) == (slug, reason, code)
