"""``[target.NAME]`` of kind ``http-api``: the API of a provider that a file describes."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gatepost.config import value_syntax as values
from gatepost.config.http_provider_file import PLACEHOLDER
from gatepost.config.settings import ApiKeyCredential, AwsKeyCredential, CredentialSettings
from gatepost.config.table_reader import TableReader
from gatepost.model.http_provider import HttpProvider, Placeholder
from gatepost.model.route import HopLimits, HttpApiTarget

_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


def read_http_api(
    table: TableReader,
    name: str,
    provider: HttpProvider,
    credential: tuple[str, CredentialSettings | None],
    read_limits: Callable[[TableReader, int], HopLimits],
) -> HttpApiTarget:
    """Return the target; ``credential`` is its name, and what it is, if there is one."""
    most = provider.limits.recipients
    settings = {key: read_setting(table, key, each) for key, each in provider.placeholders.items()}
    base = table.take("endpoint", values.https_url, "")
    size = table.take("message_size", values.positive_size, provider.limits.message_size)
    _check_credential(table, provider, credential[1])
    limits = read_limits(table, most or HopLimits().recipients)
    if most is not None and limits.recipients > most:
        problem = f"{provider.title} takes {most} recipients in a request"
        table.fault("recipients_per_message", f"{table.name('recipients_per_message')}: {problem}")
    return HttpApiTarget(
        name,
        provider,
        _endpoint(table, provider, settings, base),
        credential[0],
        tuple(settings.items()),
        size,
        limits,
    )


def read_setting(table: TableReader, key: str, placeholder: Placeholder) -> str:
    """Return what a placeholder stands for in a table of the configuration."""
    if placeholder.words:
        read = values.one_of(tuple(placeholder.words))
    else:
        read = _word if placeholder.default is None else _optional_word
    if placeholder.default is None:
        value = table.need(key, read, "")
    else:
        value = table.take(key, read, placeholder.default)
    return placeholder.words.get(value, value)


def _word(value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("must be a word of letters, digits, dots, hyphens and underscores")
    return value


def _optional_word(value: Any) -> str:
    return _word(value) if value != "" else ""


def _endpoint(
    table: TableReader, provider: HttpProvider, settings: Mapping[str, str], base: str
) -> str:
    """Return the URL for messages: the provider's, at the server ``base`` if that is not empty."""
    url = PLACEHOLDER.sub(lambda match: settings.get(match[1], ""), provider.url)
    if base:
        parts = urlsplit(url)
        return f"{base}{parts.path}?{parts.query}" if parts.query else f"{base}{parts.path}"
    if not all(settings[each] for each in PLACEHOLDER.findall(provider.url)):
        return url  # reported as missing
    try:
        return values.https_url(url)
    except ValueError as error:
        table.fault(None, f"{table.name('provider')}: its URL {url} {error}")
        return url


def _check_credential(
    table: TableReader, provider: HttpProvider, credential: CredentialSettings | None
) -> None:
    is_signed = provider.sign_in.kind == "sigv4"
    wanted, kind = (
        (AwsKeyCredential, "aws-access-key") if is_signed else (ApiKeyCredential, "api-key")
    )
    if credential is not None and not isinstance(credential, wanted):
        problem = f'{provider.title} needs credentials of the kind "{kind}"'
        table.fault("credential", f"{table.name('credential')}: {problem}")
