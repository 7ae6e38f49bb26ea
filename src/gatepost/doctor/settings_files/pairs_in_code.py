"""Names and literal values in code: Rails environments, PHP, JavaScript. Nothing is executed."""

import re
from typing import Final

from gatepost.doctor.settings_files.entry import FileEntry, Form, Section, make_entry

_LITERAL: Final = (
    r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|:\w+|[^\s,;(){}\[\n][^,;)}\n]*)"""
)
_PAIR: Final = re.compile(
    rf"(?:(?P<quoted>['\"])(?P<a>[\w.-]+)(?P=quoted)\s*(?:=>|:|\]\s*=)|:(?P<b>\w+)\s*=>|"
    rf"->(?P<c>\w+)\s*=(?!=)|define\(\s*['\"](?P<d>\w+)['\"]\s*,|(?<![\w:.$?])(?P<e>\w+)\s*:(?!:)|"
    rf"\bENV\[['\"](?P<f>\w+)['\"]\]\s*\|?\|?=)\s*(?P<value>{_LITERAL})"
)
_CALL: Final = re.compile(r"->\s*(?P<name>setFrom)\(\s*(?P<value>[^,)\n]+)")
_OPENS: Final = re.compile(
    r"['\"]?\b([A-Za-z_]\w{0,60})\b['\"]?\]?\s*(?:=>|:|=)\s*(?:\{|\[|array\()\s*$|"
    r"\b(\w{0,40}smtp_settings)\s*="
)
_URL: Final = re.compile(r"(?i)\(\s*(['\"`])(smtps?(?:\+\w+)?://(?:(?!\1).)+)\1")
"""A URL as the first argument of a call: ``createTransport("smtps://...")``."""
_COMMENT: Final = re.compile(r"^\s*(?://|#|\*|/\*)")


def read(text: str, dollars: bool = False) -> list[Section]:
    """Return the pairs, in order; ``dollars``: double quotes expand variables, as in PHP."""
    section = Section()
    stack = [""]
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if _COMMENT.match(line):
            continue
        opened = _OPENS.search(line.rstrip())
        if opened and opened[2]:
            stack.append(opened[2])
        for match in _URL.finditer(line):
            url = f"{match[1]}{match[2]}{match[1]}"
            section.entries.append(_entry("smtp.url", number, url, dollars))
        line = _URL.sub("(", line)  # noqa: PLW2901
        for match in (*_PAIR.finditer(line), *_CALL.finditer(line)):
            groups = match.groupdict()
            name = next((groups[each] for each in "abcdef" if groups.get(each)), groups.get("name"))
            raw = match["value"].strip()
            if name and not raw.startswith(("{", "[", "array(", "{{")):
                section.entries.append(_entry(_under(stack, name), number, raw, dollars))
        if opened and not opened[2]:
            stack.append(opened[1] or "")
        elif re.match(r"\s*[}\])]", line) and len(stack) > 1:
            stack.pop()
    return [section]


def _under(stack: list[str], name: str) -> str:
    inside = next((each for each in reversed(stack) if each), "")
    return f"{inside}.{name}" if inside and inside.lower() not in ("const", "options") else name


def _entry(path: str, line: int, raw: str, dollars: bool) -> FileEntry:
    if raw[0] not in "'\"`" or len(raw) < 2:
        return _bare(path, line, raw)
    quote, inner = raw[0], raw[1:-1]
    marks = set()
    if quote == '"':
        if dollars and re.search(r"(?<!\\)\$[A-Za-z_{]", inner):
            return make_entry(path, line, inner, "text", ["dollar"])
        if re.search(r"#\{|\$\{", inner):
            return FileEntry(path, line, "", "elsewhere")
        if re.search(r"\\[^\"\\$]", inner):
            marks.add("backslash")
    elif quote == "`" and "${" in inner:
        return FileEntry(path, line, "", "elsewhere")
    value = re.sub(r"\\(['\"`\\$])", r"\1", inner)
    return make_entry(path, line, value, "text", marks)


def _bare(path: str, line: int, raw: str) -> FileEntry:
    low = raw.lower()
    forms: dict[str, Form] = {
        "true": "true", "false": "false", "nil": "null", "null": "null", "undefined": "null",
    }  # fmt: skip
    if low in forms:
        return FileEntry(path, line, "" if forms[low] == "null" else low, forms[low])
    if re.fullmatch(r"\d+", raw):
        return FileEntry(path, line, raw)
    if re.fullmatch(r":\w+", raw):
        return FileEntry(path, line, raw[1:], "text")
    constant = re.fullmatch(
        r"\\?PHPMailer(?:\\\w+)*::ENCRYPTION_(\w+)|OpenSSL::SSL::VERIFY_(\w+)", raw
    )
    if constant:
        meanings = {"SMTPS": "ssl", "STARTTLS": "tls", "NONE": "none", "PEER": "peer"}
        return FileEntry(path, line, meanings.get(constant[1] or constant[2], ""), "text")
    return FileEntry(path, line, "", "elsewhere")
