"""``[failures]``, and files of rules."""

from pathlib import Path

import pytest

from gatepost.config.failure_rules_file import parse_rules, read_rules_file
from gatepost.config.load import load_config, parse_config
from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import FailureSettings
from tests.unit.config.small import SMALL, mistakes

RULES = """\
[[rule]]
when = { stage = "rcpt", until = 2030-01-01T00:00:00Z }
do = { reply = "451 4.7.1 Later", delay = "200ms" }

[[rule]]
id = "two"
when.stage = ["mail", "data"]
do.greylist = { wait = "1m", per = "sender" }
"""


def test_rules_are_allowed_by_a_word() -> None:
    assert parse_config(SMALL).failures is None
    assert parse_config(f"{SMALL}[failures]\n").failures is None
    assert parse_config(f"{SMALL}[failures]\nallow = true\n").failures == FailureSettings()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("file = 'f.toml'", "g.toml:9: failures.file is ignored: rules need failures.allow = true"),
        ("allow = 1", "g.toml:9: failures.allow must be true or false"),
        ("allow = true\nfiel = 'x'", "g.toml:10: unknown key failures.fiel"),
    ],
)
def test_a_mistake_is_reported_where_it_is(text: str, mistake: str) -> None:
    (message,) = mistakes(f"{SMALL}[failures]\n{text}\n")
    assert message.startswith(mistake)


def test_who_allows_them_is_warned(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "gatepost.toml").write_text(
        f"{SMALL}[failures]\nallow = true\nfile = '{tmp_path / 'rules.toml'}'\n"
    )
    config = load_config(tmp_path / "gatepost.toml", {})
    (warning,) = config.warnings
    assert str(warning).endswith("cut off the mail of clients: this is for tests")
    (tmp_path / "rules.toml").write_text('[[rule]]\nwhen.stage = "message"\ndo.discard = true\n')
    with pytest.raises(ConfigProblems, match=r"rules\.toml:3: do\.discard: only gatepost up may"):
        load_config(tmp_path / "gatepost.toml", {})


def test_a_file_of_rules_is_read() -> None:
    one, two = parse_rules(RULES, "f.toml")
    assert (one.id, one.when.until, one.do.delay) == ("rule-1", "2030-01-01T00:00:00+00:00", 0.2)
    assert two.do.greylist is not None
    assert (two.id, two.do.greylist.wait, two.do.greylist.per) == ("two", 60.0, "sender")


@pytest.mark.parametrize(
    ("text", "mistakes_in_it"),
    [
        ("[rule]\n", ["f.toml:1: rules are [[rule]], in two brackets"]),
        ("x = 1\n", ["f.toml:1: unknown key x: rules are [[rule]]"]),
        ("rule = [3]\n", ["f.toml:1: this must be an object with keys"]),
        (
            RULES.replace('"two"', '"rule-1"'),
            ["f.toml:6: there is another rule rule-1"],
        ),
        (
            "[[rule]]\nid = \nwhen.stage = 'rcpt'\ndo.delay = 1\n",
            ["f.toml:2: "],
        ),
    ],
)
def test_mistakes_in_a_file_have_their_lines(text: str, mistakes_in_it: list[str]) -> None:
    with pytest.raises(ConfigProblems) as raised:
        parse_rules(text, "f.toml")
    found = [str(each) for each in raised.value.problems]
    assert len(found) == len(mistakes_in_it)
    assert all(each.startswith(start) for each, start in zip(found, mistakes_in_it, strict=True))


def test_a_file_that_is_missing_or_endless_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="the rules cannot be read"):
        read_rules_file(tmp_path / "none.toml", captures=True)
    (tmp_path / "long.toml").write_text("#" * 2_000_000)
    with pytest.raises(ConfigProblems, match="longer than"):
        read_rules_file(tmp_path / "long.toml", captures=True)
