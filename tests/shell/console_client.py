"""A browser without scripts: cookies, forms and links of the console's pages."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.commands import PATIENCE

FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass
class Shown:
    """A page: its status, headers and text, with the forms and links in it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    forms: list[dict[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def form_token(self) -> str:
        return next(each["form_token"] for each in self.forms if "form_token" in each)


class Browser:
    """Follows redirects, and keeps the cookies of its server."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url, self.cookies, self.headers = url, dict[str, str](), headers

    def request(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Shown:
        """Send a request, and follow no redirect."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            named["cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.request(method, path, body or None, {**self.headers, **named})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0].strip('"')
        received = {name.lower(): value for name, value in response.getheaders()}
        shown = Shown(response.status, received, content)
        if received.get("content-type", "").startswith("text/html"):
            _Reader(shown).feed(content.decode())
        return shown

    def get(self, path: str) -> Shown:
        """Open a page."""
        shown = self.request(path)
        while shown.status == 303:
            shown = self.request(shown.headers["location"])
        return shown

    def post(self, path: str, fields: Mapping[str, Any], *, follows: bool = True) -> Shown:
        """Send a form as a page of ours does."""
        body = urlencode(fields, doseq=True)
        shown = self.request(path, "POST", body, origin=self.url, **FORM)
        return self.get(shown.headers["location"]) if shown.status == 303 and follows else shown

    def sign_in(self, token: str) -> "Browser":
        """Sign in with the token; return itself."""
        assert self.post("/sign-in", {"password": token}).status == 200
        return self


class _Reader(HTMLParser):
    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown = shown

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._shown.forms.append({"action": named.get("action", "")})
        elif tag == "input" and self._shown.forms and "name" in named:
            self._shown.forms[-1].setdefault(named["name"], named.get("value", ""))
        elif tag == "a":
            self._shown.links.append(named.get("href", ""))
