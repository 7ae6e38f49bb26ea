"""The supported api-versions.

Source: the folders of Azure/azure-rest-api-specs, specification/communication/data-plane/Email.
"""

import re
from collections.abc import Sequence
from typing import Final

from gatepost.rest.email.refusals import missing_api_version, unsupported_api_version
from gatepost.rest.url_forms import is_date

FIRST: Final = "2021-10-01-preview"
"""It has headers, documents and a path of its own: ``preview_2021_10.py``."""
SINCE: Final = (
    "2023-01-15-preview",
    "2023-03-31",
    "2024-07-01-preview",
    "2025-01-01-preview",
    "2025-01-15-preview",
    "2025-09-01",
)
SUPPORTED: Final = (FIRST, *SINCE)
NEWEST: Final = SUPPORTED[-1]

_VERSION: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-preview)?", re.ASCII)


def check_version(values: Sequence[str], supported: Sequence[str] = SUPPORTED) -> str:
    """Return the api-version of a request; ``values``: those of its query parameter.

    ``supported``: those of its path. A version newer than all we know is treated as the newest, if
    the path has that, so that new SDKs work. Raises ApiError.
    """
    if not any(values):
        raise missing_api_version()
    version = values[0]
    match = _VERSION.fullmatch(version)
    newer = match is not None and match[1] > NEWEST and is_date(match[1])
    if len(values) > 1 or not (version in supported or (newer and NEWEST in supported)):
        raise unsupported_api_version(version, ", ".join(supported))
    return version
