"""YAML: with PyYAML as far as it parses.

If a file does not parse, templates in it are replaced by a word, and then each part that parses by
itself is read; ``yaml_faults`` judges the lines that remain.
"""

import re
from typing import Final

from gatepost.doctor.settings_files.entry import Section
from gatepost.doctor.settings_files.urls import REFERENCE
from gatepost.doctor.settings_files.yaml_faults import read_parts
from gatepost.doctor.settings_files.yaml_nodes import Error, YamlReader

_TEMPLATE: Final = re.compile(r"\{\{[^{}]*\}\}|\{%[^%{}]*%\}|\{#[^#]*#\}|<%[^%]*%>")
_TEMPLATE_ALONE: Final = re.compile(rf"(?m)^[ \t]*(?:{REFERENCE}[ \t]*)+$")


def read(text: str) -> list[Section]:
    """Return every scalar of the file under its path; list items share their list's path."""
    text = text.removeprefix("\ufeff")
    try:
        return [Section("", YamlReader().read(text))]
    except Error:
        text = without_templates(text)
    try:
        return [Section("", YamlReader().read(text))]
    except Error:
        return [Section("", read_parts(text))]


def without_templates(text: str) -> str:
    """Return ``text`` with a word for each expression of a template, and blank lines for those that
    stand alone: Helm, Jinja, ERB."""

    def replaced(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n") or REFERENCE

    return _TEMPLATE_ALONE.sub("", _TEMPLATE.sub(replaced, text))
