"""The page of a finding from the installed package, which has no docs directory."""

import difflib
import re
from functools import cache
from importlib.resources import files
from typing import Final

from gatepost.diagnosis.entra.codes import find_code, page_of
from gatepost.diagnosis.remedies.find_remedies import find_library, remedies
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.errors import ConfigError

PAGES: Final = "findings.md"
"""All pages of ``docs/findings`` in one file; ``make docs`` makes it."""

_PAGE: Final = re.compile(r"^# ([a-z][a-z0-9_]*)$", re.MULTILINE)


@cache
def pages() -> dict[str, str]:
    """Return the page of every finding as Markdown, by the finding's id."""
    text = (files("gatepost.doctor") / PAGES).read_text("utf-8")
    starts = list(_PAGE.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    return {
        start[1]: text[start.start() : end].strip() + "\n"
        for start, end in zip(starts, ends, strict=True)
    }


def explain(id: str) -> str:
    """Return the page of the finding ``id``, or of Entra's error ``AADSTS`` and a number.

    Raises ConfigError if there is none.
    """
    code = find_code(id)
    if code is not None:
        return page_of(code)
    page = pages().get(id.strip().lower().removeprefix("findings/").replace("-", "_"))
    if page is None:
        near = difflib.get_close_matches(id, pages(), 1)
        raise ConfigError(f"there is no finding {id!r}", did_you_mean=near[0] if near else "")
    return page


_SOMEWHERE: Final = Placeholders("mail.example.com", 587)
_OFFERED: Final = ("LOGIN",)
"""What the example's server offers; the doctor asks the real one."""


def fix_in(id: str, library: str) -> str:
    """Return the fix of the finding ``id`` for a library, as Markdown; empty if there is none.

    Raises ConfigError if no library has that name.
    """
    named = find_library(library)
    wanted = id.strip().lower().removeprefix("findings/").replace("-", "_")
    for remedy in remedies(wanted, (named,), _OFFERED, _SOMEWHERE):
        code = f"\n\n```{named.language}\n{remedy.code.rstrip()}\n```" if remedy.code else ""
        return f"\n## In {named.title}\n\n{remedy.text}{code}\n"
    return ""
