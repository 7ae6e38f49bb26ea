"""AWS Signature Version 4 of an HTTP request: a pure function of the request, the key and the time.

docs.aws.amazon.com, "Create a signed AWS API request", as botocore 1.44.8 does it: the digest of
the body is signed, but not sent as a field. Tested with a vector made by botocore.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from gatepost.net.http_client import HttpRequest

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"


@dataclass(frozen=True, slots=True)
class AwsKey:
    """An access key; ``session_token`` belongs to temporary ones."""

    id: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def sign(
    request: HttpRequest, key: AwsKey, region: str, service: str, now: datetime
) -> HttpRequest:
    """Return the request with the fields Authorization, X-Amz-Date and, for a temporary key,
    X-Amz-Security-Token. Every field of the request is signed."""
    moment = now.astimezone(UTC)
    date, time = f"{moment:%Y%m%d}", f"{moment:%Y%m%dT%H%M%SZ}"
    fields = {**request.headers, "x-amz-date": time}
    if key.session_token:
        fields["x-amz-security-token"] = key.session_token
    canonical, signed = _canonical(request, fields)
    scope = f"{date}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    derived = f"AWS4{key.secret}".encode()
    for part in (date, region, service, "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    text = f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"
    signature = hmac.digest(derived, text.encode(), "sha256").hex()
    proof = f"Credential={key.id}/{scope}, SignedHeaders={signed}, Signature={signature}"
    return replace(request, headers={**fields, "authorization": f"{_ALGORITHM} {proof}"})


def _canonical(request: HttpRequest, fields: Mapping[str, str]) -> tuple[str, str]:
    """Return the canonical request, and the names of the signed fields."""
    parts = urlsplit(request.url)
    host = parts.netloc.rpartition("@")[2].lower()
    if parts.port == (443 if parts.scheme == "https" else 80):
        host = host.rpartition(":")[0]  # nor does the client send it
    signed = {**{name.lower(): " ".join(value.split()) for name, value in fields.items()}}
    signed["host"] = host
    names = ";".join(sorted(signed))
    query = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    lines = [
        request.method,
        quote(parts.path or "/", safe=f"/{_UNRESERVED}"),
        "&".join(f"{name}={value}" for name, value in query),
        *[f"{name}:{signed[name]}" for name in sorted(signed)],
        "",
        names,
        hashlib.sha256(request.body).hexdigest(),
    ]
    return "\n".join(lines), names
