"""Reads documents and lists from Azure Resource Manager, or Microsoft Graph.

Pages (``nextLink``), throttling (429 with Retry-After) and servers that do not work now are handled
here; what the token may not read is noted, and everything else is read all the same.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

from gatepost.errors import ConfigError
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest, HttpResponse

Ask = Callable[[HttpRequest], HttpResponse]
"""Raises NetworkError or ProtocolError if there is no response."""
Document = Mapping[str, Any]
MAX_PAGES: Final = 2_000
TRIES: Final = 6
"""Requests for one page, while the server throttles or does not work."""
_OF_PATHS: Final = "/%!$&'()*+,;=:@"
"""What stays in a path; names of resource groups may have letters that are not ASCII."""
USUAL_WAIT, LONGEST_WAIT = 5.0, 60.0
"""Seconds to wait without a Retry-After, and at most."""


class Gap(NamedTuple):
    """Something that could not be read."""

    what: str
    why: str


class ArmReader:
    """Reads from one API with one token. ``gaps`` has what it could not read."""

    def __init__(self, ask: Ask, base: str, token: Secret, sleep: Callable[[float], None]) -> None:
        """``base`` is the URL of the API, without a slash at its end."""
        self._ask, self._base, self._token, self._sleep = ask, base, token, sleep
        self.gaps: list[Gap] = []

    def read_list(self, what: str, path: str, version: str, query: str = "") -> list[Document]:
        """Return all entries of a list; those that were read if a page cannot be.

        Raises ConfigError if the token is not accepted, and NetworkError.
        """
        return list(self._entries(what, self._url(path, version, query)))

    def read_document(self, what: str, path: str, version: str) -> Document:
        """Return a document; an empty one, and a gap, if it cannot be read."""
        return self._read(what, "GET", self._url(path, version))

    def run_action(self, what: str, path: str, version: str) -> Document:
        """Return what an action answers; an empty document, and a gap, if it is not permitted."""
        return self._read(what, "POST", self._url(path, version))

    def _url(self, path: str, version: str, query: str = "") -> str:
        about = f"api-version={version}" if version else ""
        parts = "&".join(filter(None, (about, query)))
        url = f"{self._base}/{quote(path.removeprefix('/'), safe=_OF_PATHS)}"
        return f"{url}?{parts}" if parts else url

    def _entries(self, what: str, url: str) -> Iterator[Document]:
        for _ in range(MAX_PAGES):
            page = self._read(what, "GET", url)
            entries = page.get("value")
            yield from (
                [each for each in entries if isinstance(each, dict)]
                if isinstance(entries, list)
                else ()
            )
            link = page.get("nextLink") or page.get("@odata.nextLink")
            if not isinstance(link, str) or not link:
                return
            if urlsplit(link)[:2] != urlsplit(self._base)[:2]:
                self.gaps.append(Gap(what, "its next page is at another server"))
                return
            url = link
        self.gaps.append(Gap(what, f"it has more than {MAX_PAGES} pages"))

    def _read(self, what: str, method: str, url: str) -> Document:
        response = self._respond(method, url)
        if response.status == 200:
            return response.document()
        error = response.document().get("error")
        code = error.get("code") if isinstance(error, dict) else ""
        text = f"HTTP {response.status} {str(code)[:80] if code else ''}".rstrip()
        if response.status == 401:
            raise ConfigError(f"{urlsplit(url).netloc} does not accept the token: {text}")
        self.gaps.append(Gap(what, text))
        return {}

    def _respond(self, method: str, url: str) -> HttpResponse:
        headers = {
            "authorization": f"Bearer {self._token.reveal()}", "accept": "application/json",
        }  # fmt: skip
        if method == "POST":
            headers["content-length"] = "0"
        request = HttpRequest(method, url, headers)
        response = self._ask(request)
        for _ in range(TRIES - 1):
            if response.status != 429 and response.status < 500:
                break
            wait = response.retry_after(datetime.now(UTC)) or USUAL_WAIT
            self._sleep(min(wait, LONGEST_WAIT))
            response = self._ask(request)
        return response
