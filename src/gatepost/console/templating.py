"""The templates of all pages, and the filters in them."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from gatepost.console.appearance import language_of, theme_of
from gatepost.console.catalogue import Translator
from gatepost.console.formats import changed_query, format_size, format_span, full_time, short_time
from gatepost.console.static_files import static_prefix

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context


def render(scope: Scope, template: str, values: Mapping[str, Any]) -> str:
    """Return a page in the language and theme of its request."""
    texts = Translator(language_of(scope))
    page = templates().get_template(template)
    return page.render(t=texts, language=texts.language, theme=theme_of(scope), **values)


@cache
def templates() -> "Environment":
    """Return the templates, which are compiled when they are first needed."""
    from jinja2 import (  # noqa: PLC0415 - large, and the APIs need none
        Environment,
        FileSystemLoader,
        StrictUndefined,
        pass_context,
    )

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
        "span": pass_context(_span),
        "with": changed_query,
    }
    return environment


def _span(context: "Context", seconds: float) -> str:
    return format_span(seconds, context["t"])


def _short_time(context: "Context", moment: str | datetime) -> str:
    return short_time(moment, context["now"])
