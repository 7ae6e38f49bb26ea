"""Which api-versions are answered.

Source: the folders of Azure/azure-rest-api-specs, specification/communication/data-plane/Email.
"""

import re
from collections.abc import Sequence
from typing import Final

from gatepost.rest.email.refusals import missing_api_version, unsupported_api_version
from gatepost.rest.routing import is_date

SUPPORTED: Final = (
    "2023-01-15-preview",
    "2023-03-31",
    "2024-07-01-preview",
    "2025-01-01-preview",
    "2025-01-15-preview",
    "2025-09-01",
)
"""2021-10-01-preview is not among them: it had other paths, headers and documents, and no SDK
that is still offered asks for it."""
NEWEST: Final = SUPPORTED[-1]

_VERSION: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-preview)?", re.ASCII)


def check_version(values: Sequence[str]) -> str:
    """Return the api-version that a request asks for; ``values``: of its query parameter.

    One that is newer than all we know is answered like the newest, so that a new SDK works.
    Raises ApiError.
    """
    if not any(values):
        raise missing_api_version()
    version = values[0]
    match = _VERSION.fullmatch(version)
    newer = match is not None and match[1] > NEWEST and is_date(match[1])
    if len(values) > 1 or not (version in SUPPORTED or newer):
        raise unsupported_api_version(version, ", ".join(SUPPORTED))
    return version
