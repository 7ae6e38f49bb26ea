"""Client assertions: the key of a certificate authenticates the application (RFC 7523 2.2, RFC 7521
4.2).

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from gatepost.directory.azure.client_certificates import (
    matching_certificate,
    named_thumbprint,
    public_key,
)
from gatepost.directory.azure.entries import ClientCertificate
from gatepost.rest.entra.errors import (
    ASSERTION_AUDIENCE,
    ASSERTION_KEY_EXPIRED,
    ASSERTION_KEY_UNKNOWN,
    ASSERTION_MALFORMED,
    ASSERTION_OF_ANOTHER,
    ASSERTION_SIGNATURE,
    ASSERTION_TIME,
    EntraError,
)

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("RS256", "PS256")
SKEW: Final = 300
"""Seconds by which the clock of the client may be ahead of ours."""

_MAX_ID: Final = 255
_LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999."""
_DATE: Final = "%m/%d/%Y %H:%M:%S"
_TIME: Final = "%Y-%m-%dT%H:%M:%S.0000000Z"
_JWS: Final = jwt.PyJWS(algorithms=list(ALGORITHMS))


@dataclass(frozen=True, slots=True)
class Expected:
    """What an assertion must contain."""

    application_id: str
    certificates: Sequence[ClientCertificate]
    audiences: Collection[str]
    """Lower case."""
    now: datetime


def check_assertion(assertion: str, expected: Expected) -> ClientCertificate:
    """Return the certificate whose key signed ``assertion``. Raises EntraError.

    Its claims count only after its signature is verified. The same ``jti`` may be used again (RFC
    7523 3: the server MAY refuse it), because msal uses one assertion for every token for nine
    minutes.
    """
    header = _header(assertion)
    thumbprint = named_thumbprint(header)
    certificate = matching_certificate(expected.certificates, thumbprint)
    if certificate is None:
        raise EntraError(
            ASSERTION_KEY_UNKNOWN,
            "certificate_unknown: the application has no certificate with that thumbprint",
            thumbprint=thumbprint,
            application=expected.application_id,
        )
    claims = _signed_claims(assertion, certificate, thumbprint)
    if not certificate.start <= expected.now < certificate.end:
        raise EntraError(
            ASSERTION_KEY_EXPIRED,
            f"certificate_expired: certificate {certificate.id} is not valid now",
            thumbprint=thumbprint,
            **_validity(certificate),
        )
    _check_claims(claims, expected)
    return certificate


def _header(assertion: str) -> Mapping[str, Any]:
    try:
        header: Mapping[str, Any] | None = jwt.get_unverified_header(assertion)
    except (jwt.PyJWTError, ValueError, RecursionError):
        header = None
    if header is None:
        raise _malformed("it does not have the form of a signed token")
    if header.get("alg") not in ALGORITHMS:
        raise _malformed(f"it is not signed with one of {', '.join(ALGORITHMS)}")
    return header


def _signed_claims(
    assertion: str, certificate: ClientCertificate, thumbprint: str
) -> Mapping[str, Any]:
    try:
        payload = _JWS.decode(assertion, public_key(certificate), list(ALGORITHMS))
    except jwt.PyJWTError:
        payload = None
    if payload is None:
        raise EntraError(
            ASSERTION_SIGNATURE,
            "assertion_signature: the certificate's key did not sign the assertion",
            thumbprint=thumbprint,
            **_validity(certificate),
        )
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise _malformed("its claims are not a JSON object")
    return claims


def _check_claims(claims: Mapping[str, Any], expected: Expected) -> None:
    own = expected.application_id.lower()
    if any(str(claims.get(name, "")).lower() != own for name in ("iss", "sub")):
        raise EntraError(
            ASSERTION_OF_ANOTHER, "assertion_of_another: iss and sub are not both the client_id"
        )
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(str(each).lower() in expected.audiences for each in named):
        raise EntraError(
            ASSERTION_AUDIENCE, "assertion_audience: aud is not the token endpoint that was asked"
        )
    token_id = claims.get("jti", "-")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= _MAX_ID:
        raise _malformed(f"jti is not a text of 1 to {_MAX_ID} characters")
    _check_time(claims, expected.now)


def _check_time(claims: Mapping[str, Any], now: datetime) -> None:
    start = _moment(claims.get("nbf", claims.get("iat", 0)))
    end = _moment(claims.get("exp"))
    if not start - SKEW <= now.timestamp() < end:
        raise EntraError(
            ASSERTION_TIME,
            "assertion_time: the assertion is not valid now; are the clocks right?",
            now=f"{now:{_TIME}}",
            start=f"{datetime.fromtimestamp(start, UTC):{_TIME}}",
            end=f"{datetime.fromtimestamp(end, UTC):{_TIME}}",
        )


def _moment(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= _LAST_SECOND:
        raise _malformed("exp or nbf is missing, or is not a time")
    return float(value)


def _validity(certificate: ClientCertificate) -> dict[str, str]:
    return {"start": f"{certificate.start:{_DATE}}", "end": f"{certificate.end:{_DATE}}"}


def _malformed(sentence: str) -> EntraError:
    return EntraError(ASSERTION_MALFORMED, f"assertion_malformed: {sentence}")
