"""The language and the theme of a request's pages: those that were chosen, in cookies."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from gatepost.console.catalogue import Language, choose_language

LANGUAGE_COOKIE: Final = "gatepost-language"
THEME_COOKIE: Final = "gatepost-theme"
THEMES: Final = ("system", "light", "dark")


def language_of(scope: Scope) -> Language:
    """Return the language: what was chosen, otherwise what the browser prefers."""
    request = HTTPConnection(scope)
    setting = request.cookies.get(LANGUAGE_COOKIE, "")
    return choose_language(setting, request.headers.get("accept-language", ""))


def theme_of(scope: Scope) -> str:
    """Return the theme: that of the system, unless one was chosen."""
    theme = HTTPConnection(scope).cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else "system"
