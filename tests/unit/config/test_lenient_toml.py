"""Invalid TOML is reported with the other mistakes: every line once, and without values."""

import pytest

from tests.unit.config.small import SMALL, mistakes
from tests.unit.config.test_load import LARGE

_PAIRS = [n for n, line in enumerate(LARGE.splitlines(), 1) if " = " in line]
_HEADS = [n for n, line in enumerate(LARGE.splitlines(), 1) if line.startswith("[")]


def _with(number: int, *changed: str) -> str:
    lines = LARGE.splitlines()
    lines[number - 1 : number] = changed
    return "\n".join(lines)


@pytest.mark.parametrize("number", _PAIRS)
def test_one_mistake_is_reported_once(number: int) -> None:
    line = LARGE.splitlines()[number - 1]
    key, _, value = line.partition(" = ")
    ways = (f"{key} = ~{value}", f"{key} =", f"{key} = \u201cx\u201d", f"{key}: {value}", "twice")
    way = ways[number % len(ways)]
    if way == "twice":
        [told] = mistakes(_with(number, line, line))
        assert told == f"g.toml:{number + 1}: {key} is defined a second time here"
    else:
        [told] = mistakes(_with(number, way))
        assert told.startswith(f"g.toml:{number}: {key} is not valid TOML: ")


@pytest.mark.parametrize("number", _HEADS)
def test_an_unclosed_table_header_is_suggested_closed(number: int) -> None:
    head = LARGE.splitlines()[number - 1]
    [told] = mistakes(_with(number, head.rstrip("]")))
    assert told.startswith(f"g.toml:{number}: invalid TOML: ")
    assert told.endswith(f"(did you mean {head}?)")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("errors = yes", "errors is not valid TOML: Invalid value (did you mean true?)"),
        ("idle = 5m", "idle is not valid TOML: a string needs quotation marks"),
        ("message_size = 50 MiB", "message_size is not valid TOML: a string needs quotation marks"),
        ('idle = "5m', "idle is not valid TOML: the string has no closing quotation mark"),
        ("idle = '5m", "idle is not valid TOML: the string has no closing quotation mark"),
        ("[target.here]", "[target.here] is defined a second time here"),
    ],
)
def test_common_toml_mistakes_have_an_explanation(line: str, said: str) -> None:
    number = SMALL.count("\n") + 2
    assert mistakes(f"{SMALL}[limits]\n{line}\n") == [f"g.toml:{number}: {said}"]


def test_both_kinds_of_mistakes_are_reported_together_without_values() -> None:
    text = (
        SMALL.replace('"none"', "none").replace("capture", "captur").replace("[[route]]", "[[route")
    )
    text += '[credentials.x]\nkind = "password"\nusername = "u"\npassword = hunter2\n'
    told = mistakes(text)
    assert [each.split(": ")[0] for each in told] == [
        "g.toml:3",
        "g.toml:5",
        "g.toml:6",
        "g.toml:11",
    ]
    assert "hunter2" not in str(told)


def test_a_syntax_error_without_a_place_is_reported_alone() -> None:
    """What follows an array without an end may be all that is in it."""
    text = f"{SMALL}[dns]\nnameservers = [\n'1.1.1.1'\n[limits]\nidle = 0\n"
    [told] = mistakes(text)
    assert "invalid TOML" in told
