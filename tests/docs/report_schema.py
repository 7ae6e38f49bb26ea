"""The reference of the doctor's report, generated from its types."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_type_hints

from gatepost.doctor import diagnosis_document
from gatepost.model import capabilities, entra, evidence, reply, setting
from tests.docs.tables import attribute_docstrings, cell, table

_MODULES: Final = (diagnosis_document, evidence, entra, reply, capabilities, setting)
_MODULE: Final = re.compile(r"\b(?:gatepost\.[\w.]+|typing|collections\.abc|datetime)\.(?=\w)")
_OWN: Final = {"Line"}
"""Types that the document has in another form."""


def schema_file() -> str:
    """Return the JSON Schema."""
    return json.dumps(diagnosis_document.report_schema(), indent=1) + "\n"


def report_page(note: str) -> str:
    """Return the page: every object with its keys, types and meanings."""
    lines = [
        "# The doctor's report", "", note, "",
        "`gatepost doctor --json` prints this report, and `gatepost doctor --save` writes its",
        "evidence. In a checkout, `make docs` writes a JSON Schema to `build/docs`.",
        "",
        "The keys listed here will stay; others may be added. A fact has a `state` (`seen`;",
        "`hidden`: it happened, but was not shown; `not_tried`) and a `value`, which is null",
        "unless it was seen. Times are in RFC 3339 format and UTC.",
    ]  # fmt: skip
    for name, told in _objects():
        lines += ["", f"## {name}", "", *told]
    return "\n".join(lines) + "\n"


def _objects() -> Iterator[tuple[str, list[str]]]:
    kinds = diagnosis_document.report_schema()["$defs"]
    for name in ("Report", *(each for each in kinds if each != "Report")):
        if name.startswith("Fact_") or name in _OWN:
            continue
        kind = _kind(name)
        if "properties" not in kinds[name]:
            yield name, ["An array of three numbers (RFC 3463)."]
            continue
        meanings = attribute_docstrings(kind)
        hints = get_type_hints(kind)
        rows = [
            (f"`{key}`", f"`{_type(key, hints)}`", meanings.get(_attribute(kind, key), ""))
            for key in kinds[name]["properties"]
        ]
        told = (kind.__doc__ or "").replace("``", "`").strip().split("\n\n")[0]
        yield name, [cell(told), "", *table(("key", "type", "meaning"), rows)]


def _kind(name: str) -> type[Any]:
    """Return the class, from the module that defines it."""
    names = (f"{name}Document", name)
    found = next(filter(None, (getattr(module, each, None) for each in names
                               for module in _MODULES)))  # fmt: skip
    assert isinstance(found, type)
    return found


def _attribute(kind: type[Any], key: str) -> str:
    """Return the attribute that has this key in the document."""
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else kind.__struct_fields__
    return key if key in names else {"from": "speaker"}[key]


def _type(key: str, hints: dict[str, Any]) -> str:
    hint = hints.get(key, hints.get("speaker"))
    text = hint.__name__ if isinstance(hint, type) else _MODULE.sub("", str(hint))
    text = text.replace(", ...", "").replace("Document]", "]")
    return f"one of {text[8:-1]}" if text.startswith("Literal[") else text
