"""A rule in one line: ``rcpt recipient=*@slow.test attempt=1-2 -> reply 451 4.7.1 Try later``.

    line = stage *("," stage) *(SP key "=" value) " -> " action *(" ; " action)

A value with spaces is quoted; commas in a value separate alternatives. The keys before the arrow
are those of ``when``, ``header.NAME``, and those of the rule (``id``, ``lane``, ``order``,
``note``).
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from gatepost.failures.condition_values import parse_duration
from gatepost.failures.grammar import Actions, Conditions, FailureRule, Text
from gatepost.failures.possibilities import present, stages_of
from gatepost.failures.read_rule import RuleMistake, RuleMistakes, nearest, read_rule

MAX_LINE: Final = 4_000
"""Characters."""
ARROW: Final = "->"
_OF_RULE: Final = ("id", "lane", "order", "note")
_NUMBERS: Final = frozenset({"times", "seed", "order"})
_LISTS: Final = frozenset(
    {"listener", "peer", "ehlo", "command", "user", "application", "mechanism", "sender",
     "recipient", "subject"}
)  # fmt: skip
_WORD: Final = re.compile(r'(?:([^\s="]+)=)?(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S+))')
_ESCAPED: Final = re.compile(r"\\(.)")
_PLAIN: Final = re.compile(r'[^\s"\\]+')

Document = dict[str, Any]


def read_line(
    line: str, *, captures: bool = True, others: Mapping[str, Any] = MappingProxyType({})
) -> FailureRule:
    """Return the rule in a line. ``others`` are keys of the rule beside it, such as its id.

    Raises RuleMistakes with every mistake.
    """
    document, mistakes = _parse(line)
    try:
        rule = read_rule({**document, **others}, captures=captures)
    except RuleMistakes as error:
        mistaken = {each.path[0] for each in mistakes}
        mistakes += [each for each in error.mistakes if each.path not in (("do",), *mistaken)]
        raise RuleMistakes(mistakes or error.mistakes) from None
    if mistakes:
        raise RuleMistakes(mistakes)
    return rule


def parse_line(line: str) -> Document:
    """Return a line as the document of a rule, still unchecked. Raises RuleMistakes."""
    document, mistakes = _parse(line)
    if mistakes:
        raise RuleMistakes(mistakes)
    return document


def _parse(line: str) -> tuple[Document, list[RuleMistake]]:
    if len(line) > MAX_LINE:
        raise _mistake("line", f"a line has at most {MAX_LINE} characters")
    before, arrow, after = f" {line.strip()} ".partition(f" {ARROW} ")
    if not arrow:
        raise _mistake("line", f"a rule is STAGE [KEY=VALUE ...] {ARROW} ACTION [; ACTION ...]")
    mistakes: list[RuleMistake] = []
    document: Document = {"when": {}, "do": {}}
    _read_conditions(before, document, mistakes)
    for text in after.split(" ; "):
        _read_action(text.strip(), document["do"], mistakes)
    return document, mistakes


def _mistake(key: str, message: str) -> RuleMistakes:
    return RuleMistakes([RuleMistake((key,), message)])


def _words(text: str) -> list[tuple[str, str]]:
    """Split into keys and values; a word without ``=`` has no key. Quotes vanish."""
    words = []
    for match in _WORD.finditer(text.rstrip()):
        value = match[3] if match[2] is None else _ESCAPED.sub(r"\1", match[2])
        words.append((match[1] or "", value))
    return words


# Before the arrow.


def _read_conditions(text: str, document: Document, mistakes: list[RuleMistake]) -> None:
    words = _words(text)
    when = document["when"]
    if not words or words[0][0]:
        mistakes.append(RuleMistake(("when", "stage"), "the line begins with a stage"))
    else:
        stages = words.pop(0)[1].split(",")
        when["stage"] = stages[0] if len(stages) == 1 else stages
    for key, value in words:
        if not key:
            mistakes.append(RuleMistake(("line",), f"{value[:40]!r} is not KEY=VALUE"))
        elif key in _OF_RULE:
            document[key] = _value(key, value)
        elif key.startswith("header."):
            when.setdefault("header", {})[key.removeprefix("header.")] = _alternatives(value)
        else:
            when[key] = _value(key, value)


def _value(key: str, text: str) -> object:
    """Return a condition's value, as JSON has it; a wrong one stays text, for the check."""
    if key in _LISTS:
        return _alternatives(text)
    if key == "tls":
        return {"true": True, "false": False, "yes": True, "no": False}.get(text, text)
    if key in _NUMBERS and text.lstrip("-").isdecimal():
        return int(text)
    if key == "chance":
        return _number(text)
    return text


def _alternatives(text: str) -> Text:
    if text.startswith(("/", "!/")):
        return text
    alternatives = text.split(",")
    return text if len(alternatives) == 1 else alternatives


def _number(text: str) -> object:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return text


# Behind the arrow.


def _read_action(text: str, do: Document, mistakes: list[RuleMistake]) -> None:
    name, _, rest = text.partition(" ")
    read = _ACTIONS.get(name)
    if read is None:
        message = f"unknown action {name[:40]!r}" if name else "an action is missing"
        mistakes.append(RuleMistake(("do",), message, nearest(name, _ACTIONS)))
    elif name in do:
        mistakes.append(RuleMistake(("do", name), "this action is there twice"))
    else:
        try:
            do[name] = read(rest.strip())
        except ValueError as error:
            mistakes.append(RuleMistake(("do", name), str(error)))


def _no_value(text: str) -> object:
    if text:
        raise ValueError(f"nothing may follow, but {text[:40]!r} does")
    return True


def _delay(text: str) -> object:
    least, dash, most = text.partition("-")
    return [parse_duration(least), parse_duration(most)] if dash else parse_duration(text)


def _stall(text: str) -> object:
    return "forever" if text in ("", "forever") else parse_duration(text)


def _reply(text: str) -> object:
    if not text:
        raise ValueError("a code is missing, as in: reply 451 4.7.1 Try later")
    lines = text.split("\\n")
    return lines[0] if len(lines) == 1 else lines


def _pace(text: str) -> object:
    octets, slash, every = text.partition("/")
    if not (slash and octets.isdecimal()):
        raise ValueError("pace is OCTETS/SECONDS, such as 1/0.2")
    return {"bytes": int(octets), "every": parse_duration(every)}


def _close(text: str) -> object:
    if text.startswith("after_bytes="):
        return {"after_bytes": _whole(text.partition("=")[2])}
    return text or "before"


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text[:40]!r} is not a number")
    return int(text)


def _tls(text: str) -> object:
    name, equals, value = text.partition("=")
    if not equals:
        return text
    return {name: _whole(value) if name == "truncate" else value}


def _ehlo(text: str) -> object:
    return {key: value.split(",") for key, value in _options(text)}


def _rate(text: str) -> object:
    return {key: _whole(value) for key, value in _options(text)}


def _options(text: str) -> list[tuple[str, str]]:
    words = _words(text)
    for key, value in words:
        if not key:
            raise ValueError(f"{value[:40]!r} is not KEY=VALUE")
    return words


def _greylist(text: str) -> object:
    wait, _, rest = text.partition(" ")
    return {"wait": parse_duration(wait), **dict(_options(rest))}


def _quota(text: str) -> object:
    amount, _, rest = text.partition(" ")
    limit, slash, window = amount.partition("/")
    if not (slash and limit.isdecimal()):
        raise ValueError("quota is LIMIT/WINDOW, such as 30/60s")
    return {"limit": int(limit), "window": parse_duration(window), **dict(_options(rest))}


def _outcome(text: str) -> object:
    return {key or "status": value for key, value in _words(text)}


_ACTIONS: Final[Mapping[str, Callable[[str], object]]] = {
    "delay": _delay, "ehlo": _ehlo, "tls": _tls, "stall": _stall, "rate": _rate,
    "greylist": _greylist, "quota": _quota, "reply": _reply, "pace": _pace, "close": _close,
    "reset": _no_value, "keep": _no_value, "discard": _no_value, "outcome": _outcome,
    "pass": _no_value, "go_on": _no_value,
}  # fmt: skip


# Back into a line.


def format_line(rule: FailureRule) -> str:
    """Return a rule as a line, without its id, lane, order and note."""
    return f"{_format_conditions(rule.when)} {ARROW} {_format_actions(rule.do)}"


def _format_conditions(when: Conditions) -> str:
    words = [",".join(stages_of(when))]
    for name, value in present(when).items():
        if name == "header":
            words += [f"header.{key}={_quote(each)}" for key, each in (when.header or {}).items()]
        elif name != "stage" and (name, value) != ("per", "rule"):
            words.append(f"{name}={_quote(value)}")
    if when.tls is False:
        words.append("tls=false")
    return " ".join(words)


def _quote(value: object) -> str:
    if isinstance(value, list):
        value = ",".join(value)
    text = str(value).lower() if isinstance(value, bool) else _text(value)
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _format_actions(do: Actions) -> str:
    return " ; ".join(_format_action(name, value) for name, value in present(do).items())


def _format_action(name: str, value: Any) -> str:
    if value is True:
        return name
    if name == "delay" and isinstance(value, list):
        return f"delay {value[0]:g}s-{value[1]:g}s"
    if isinstance(value, float):
        return f"{name} {value:g}s"
    if isinstance(value, list):
        return f"{name} " + "\\n".join(value)
    if isinstance(value, str):
        return f"{name} {value}"
    fields = present(value)
    if name == "pace":
        return f"pace {value.bytes}/{value.every:g}"
    if name == "quota":
        head = f"quota {fields.pop('limit')}/{fields.pop('window'):g}s"
    elif name == "greylist":
        head = f"greylist {fields.pop('wait'):g}s"
    elif name == "outcome":
        head = f"outcome {fields.pop('status', '')}".rstrip()
    else:
        head = name
    words = [f"{key}={_quote(each)}" for key, each in fields.items() if each]
    return " ".join([head, *words])
