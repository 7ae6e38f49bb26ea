"""HTTP requests to webhooks: one connection pool, a deadline on each, certificates checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from gatepost.errors import TlsError
from gatepost.model.secret import Secret
from gatepost.net.tls import Context, client_context
from gatepost.rest.events.handshake import Answer

if TYPE_CHECKING:
    import aiohttp

MAX_ANSWER: Final = 65_536
"""Octets of an answer that are read."""
CONNECTIONS: Final = 100
PER_HOST: Final = 16


class Client(Protocol):
    """Makes HTTP requests."""

    async def request(
        self,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        ca_file: str = "",
    ) -> Answer:
        """Return the answer, redirections included: they are not followed. Raises Unreached."""

    async def close(self) -> None:
        """Close all connections."""


class Unreached(Exception):
    """No answer came; the message says why, without the URL."""


class HttpClient:
    """The client that is used; ``aiohttp`` is loaded with the first request: many make none."""

    def __init__(self, timeout: float) -> None:
        """``timeout``: seconds for a whole request."""
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[tuple[str, int], Context] = {}

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        ca_file: str = "",
    ) -> Answer:
        import aiohttp  # noqa: PLC0415 - see above

        address = url.reveal()
        try:
            secure = self._context(ca_file) if address.startswith("https:") else True
            async with self._open().request(
                method, address, headers=dict(headers), data=body or None, ssl=secure,
                allow_redirects=False,
            ) as response:  # fmt: skip
                told = await _read(response.content)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, found, told)
        except TimeoutError:
            raise Unreached(f"no answer within {self._timeout:g} s") from None
        except (aiohttp.ClientError, TlsError, OSError, ValueError) as error:
            raise Unreached(_explain(error)) from None

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp  # noqa: PLC0415 - see above

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, limit_per_host=PER_HOST),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"user-agent": "gatepost"},
            )
        return self._session

    def _context(self, ca_file: str) -> Context:
        """Return what checks certificates; read anew when the file changed."""
        changed = Path(ca_file).stat().st_mtime_ns if ca_file else 0
        context = self._contexts.get((ca_file, changed))
        if context is None:
            context = client_context(ca_file=ca_file or None)
            self._contexts = {
                key: each for key, each in self._contexts.items() if key[0] != ca_file
            }
            self._contexts[ca_file, changed] = context
        return context


async def _read(content: "aiohttp.StreamReader") -> bytes:
    told = bytearray()
    async for chunk in content.iter_chunked(MAX_ANSWER):
        told += chunk
        if len(told) >= MAX_ANSWER:
            break
    return bytes(told[:MAX_ANSWER])


def _explain(error: Exception) -> str:
    """Say what went wrong; only what names no URL, because that may hold a secret."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    if isinstance(error, TlsError):
        return str(error)
    if cause is not None:
        return f"{type(error).__name__}: {getattr(cause, 'verify_message', '') or cause.strerror}"
    strerror = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {strerror}" if strerror else type(error).__name__
