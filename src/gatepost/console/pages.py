"""Renders pages: templates with texts in the reader's language, and what every page shows."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gatepost.console.access.authentication import LOGIN
from gatepost.console.access.logins import ConsoleLogin
from gatepost.console.catalogue import Language, Translator, choose_language
from gatepost.console.formats import changed_query, format_size, format_span, full_time, short_time
from gatepost.console.static_files import static_prefix
from gatepost.model.console_access import USER

LANGUAGE_COOKIE: Final = "gatepost-language"
THEME_COOKIE: Final = "gatepost-theme"
THEMES: Final = ("system", "light", "dark")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = lambda name: f"{static_prefix()}/{name}"
    environment.filters |= {
        "full_time": full_time,
        "short_time": pass_context(_short_time),
        "size": format_size,
        "span": format_span,
        "with": changed_query,
    }
    return environment


def _short_time(context: Context, moment: str | datetime) -> str:
    return short_time(moment, context["now"])


class Pages:
    """Renders the templates."""

    def __init__(self, banner: Callable[[], str] = lambda: "") -> None:
        """``banner`` names what every page must say: the end of a text's key, or nothing."""
        self._banner = banner

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
    ) -> HTMLResponse:
        """Return the page."""
        login: ConsoleLogin | None = request.scope[LOGIN]
        texts = Translator(language_of(request))
        page = (
            _environment()
            .get_template(template)
            .render(
                t=texts,
                language=texts.language,
                theme=theme_of(request),
                path=request.scope["path"],
                user=request.scope[USER],
                form_token=login.form_token if login else "",
                banner=self._banner(),
                **values,
            )
        )
        return HTMLResponse(page, status)


def language_of(request: Request) -> Language:
    """Return the language of a request's pages."""
    setting = request.cookies.get(LANGUAGE_COOKIE, "")
    return choose_language(setting, request.headers.get("accept-language", ""))


def theme_of(request: Request) -> str:
    """Return the theme of a request's pages: that of the system, unless one was chosen."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else "system"
