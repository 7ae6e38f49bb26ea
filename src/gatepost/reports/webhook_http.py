"""HTTP requests to webhooks: ``net.http_client`` with an authority for each subscription."""

from collections.abc import Mapping
from typing import Protocol

from gatepost.errors import NetworkError, ProtocolError
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpClient, HttpRequest
from gatepost.rest.events.webhook_validation import EndpointResponse


class WebhookHttp(Protocol):
    """Makes requests to webhooks."""

    async def request(
        self,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        ca_file: str = "",
    ) -> EndpointResponse:
        """Return the response, redirections included: they are not followed. Raises Unreached."""

    async def close(self) -> None:
        """Close all connections."""


class Unreached(Exception):
    """No response was received; the message says why, and contains only the host of the URL."""


class WebhookHttpClient:
    """The default client: it ignores proxies, and limits what it reads of a response."""

    def __init__(self, timeout: float) -> None:
        """``timeout``: seconds for a whole request."""
        self._timeout = timeout
        self._by_authority: dict[str, HttpClient] = {}

    async def close(self) -> None:
        for client in self._by_authority.values():
            await client.close()
        self._by_authority.clear()

    async def request(
        self,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        ca_file: str = "",
    ) -> EndpointResponse:
        client = self._by_authority.get(ca_file)
        if client is None:
            client = self._by_authority[ca_file] = HttpClient(
                ca_file=ca_file or None, timeout=self._timeout, proxies=False
            )
        try:
            request = HttpRequest(method, url.reveal(), headers, body, may_break_off=True)
            response = await client.ask(request)
        except (NetworkError, ProtocolError) as error:
            raise Unreached(str(error)) from None
        return EndpointResponse(response.status, response.headers, response.body)
