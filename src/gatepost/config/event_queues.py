"""``queue`` in ``[events.provider.NAME]``: events in a queue of Amazon SQS."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gatepost.config import value_syntax as values
from gatepost.config.problems import nearest
from gatepost.config.settings import AwsKeyCredential, CredentialSettings, EventQueueSettings
from gatepost.config.table_reader import TableReader
from gatepost.model.provider_events import EventProvider

_PATH: Final = re.compile(r"(?:/[^/]{1,100}){0,4}/\d{12}/[A-Za-z0-9_-]{1,80}(?:\.fifo)?")
_HOST: Final = re.compile(
    r"(?:[a-z0-9-]{1,63}\.)?sqs(?:-fips)?\.([a-z]{2,3}(?:-[a-z0-9]{1,20}){1,4})"
    r"\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)"
)
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")


def read_queue(
    table: TableReader, provider: EventProvider, credentials: Mapping[str, CredentialSettings]
) -> EventQueueSettings | None:
    """Return the queue that a provider's events are in, if there is one."""
    if not table.has("queue"):
        keys = ["credential"] if "region" in provider.placeholders else ["credential", "region"]
        table.turn_away(keys, f"needs {table.name('queue')}")
        return None
    if provider.proof.kind != "sns":
        problem = f"cannot be used: events of {provider.title} do not come by Amazon SNS"
        table.turn_away(("queue", "credential"), problem)
        return None
    url = table.take("queue", _queue, "")
    region = table.take("region", _region, "") or _region_of(url)
    if url and not region and not table.is_mistaken("region"):
        problem = "the URL of the queue does not tell it"
        table.lack("region", f"{table.name('region')} is missing: {problem}", at="queue")
    name = table.need("credential", values.text, "")
    credential = credentials.get(name)
    if isinstance(credential, AwsKeyCredential):
        return EventQueueSettings(url, region, credential)
    if name:
        problem = f"there is no [credentials.{name}]"
        if credential is not None:
            problem = 'Amazon SQS needs credentials of the kind "aws-access-key"'
        near = "" if credential is not None else nearest(name, credentials)
        table.fault("credential", f"{table.name('credential')}: {problem}", near)
    return None


def _queue(value: Any) -> str:
    url = values.https_url(value)
    parts = urlsplit(url)
    if not _PATH.fullmatch(parts.path) or parts.query or parts.fragment:
        raise ValueError(
            "must be the URL of a queue: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
        )
    return url


def _region(value: Any) -> str:
    if not isinstance(value, str) or not _REGION.fullmatch(value):
        raise ValueError('must be a region of Amazon, such as "eu-west-1"')
    return value


def _region_of(url: str) -> str:
    match = _HOST.fullmatch(urlsplit(url).hostname or "")
    return "" if match is None else match[1]
