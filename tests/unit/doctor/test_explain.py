"""The page of a finding, from the package's own data."""

import json

import pytest

from gatepost.cli.main import main
from gatepost.diagnosis.causes import CAUSES
from gatepost.doctor.explain import explain, fix_in, pages
from gatepost.errors import ConfigError


def test_every_finding_has_a_page() -> None:
    assert set(CAUSES) <= set(pages())


@pytest.mark.parametrize("id", sorted(pages()))
def test_a_page_is_whole(id: str) -> None:
    page = explain(id)
    assert page.startswith(f"# {id}\n")
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings[:4] == [f"# {id}", "## Symptom", "## Proof", "## Fix"]


@pytest.mark.parametrize("name", ["findings/rate_limited", "RATE-LIMITED", " rate_limited "])
def test_ids_are_found_however_they_are_written(name: str) -> None:
    assert explain(name) == explain("rate_limited")


def test_an_unknown_one_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        explain("rate_limit")
    assert caught.value.did_you_mean == "rate_limited"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--explain", "rate_limited"), 0),
        (("--explain", "nothing"), 64),
        (("--explain", "rate_limited", "mail.example.com"), 64),
        ((), 64),
    ],
)
def test_on_the_command_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["doctor", *arguments])
    assert left.value.code == status
    said = capsys.readouterr()
    assert said.out == (explain("rate_limited") if status == 0 else "")


def test_a_page_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--explain", "rate-limited", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document == {"id": "rate_limited", "page": explain("rate_limited")}


@pytest.mark.parametrize(
    ("id", "library", "fix"),
    [
        ("mechanism_not_offered", "go", "func LoginAuth"),
        ("bare-lf", "smtplib", "smtp.send_message(message)"),
        ("bare_lf", "aiosmtplib", "It writes CRLF"),
        ("bad_credentials", "curl", ""),
    ],
)
def test_the_fix_in_a_library(id: str, library: str, fix: str) -> None:
    told = fix_in(id, library)
    assert fix in told
    assert bool(told) is bool(fix)


def test_an_unknown_library_has_no_fix() -> None:
    with pytest.raises(ConfigError, match="no library is called"):
        fix_in("bare_lf", "qqqq")
