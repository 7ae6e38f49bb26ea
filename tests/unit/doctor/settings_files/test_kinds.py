"""What a configuration file is, in linear time."""

import pytest

from gatepost.doctor.settings_files.kinds import kind_of
from tests.processor_time import run_within

UNITS = [
    "\n",
    "\r\n",
    " \n",
    "//",
    "// a\n",
    "/**/",
    "/* */\n",
    "[a]\n",
    "a.",
    "a:\n",
    "export ",
    "kind:",
]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["", ".env", "compose.yaml", "a.json", "a.properties", "a.py"])
@pytest.mark.parametrize("unit", UNITS)
def test_takes_linear_time(name: str, unit: str) -> None:
    text = unit * (200_000 // len(unit)) + "x"
    run_within(1, lambda: kind_of(name, text))


@pytest.mark.parametrize("before", ["", "// a\n", "/* a */ ", "/* a\n b */\n\n// c\n"])
def test_json_may_begin_with_comments(before: str) -> None:
    assert kind_of("-", f'{before}{{"host": "mail.example.com"}}') == "json"
