"""The table of refusals, compared with the texts that servers and services are known to send."""

import tomllib
from collections.abc import Iterator
from typing import Any

from gatepost.diagnosis.known_refusals import REFUSALS, find_refusal
from gatepost.model.evidence import DialoguePhase
from tests.docs.pages import ROOT
from tests.unit.diagnosis.cases import reply

PHASES: dict[str, DialoguePhase] = {
    "auth": "auth", "greeting": "greeting", "ehlo": "greeting", "mail": "mail", "rcpt": "mail",
    "data": "mail",
}  # fmt: skip


def refusals() -> Iterator[tuple[str, DialoguePhase, dict[str, int]]]:
    """Yield each reply of the catalogue with a code: its text, its phase, its causes."""
    for folder in ("servers", "services"):
        for path in sorted((ROOT / "catalogue" / folder).glob("*.toml")):
            for text in tomllib.loads(path.read_text("utf-8")).get("text", ()):
                for line in lines(text):
                    for phase in {PHASES[each] for each in text.get("steps", ()) if each in PHASES}:
                        yield line, phase, text["causes"]


def lines(text: dict[str, Any]) -> Iterator[str]:
    for code in text.get("codes", ()):
        if 400 <= code < 600:
            statuses = [each for each in text.get("status", ()) if each[0] == str(code)[0]]
            for status in statuses or [""]:
                yield " ".join(f"{code} {status} {text['words'].replace('*', 'x')}".split())


def test_no_row_is_certain_of_what_has_other_causes() -> None:
    wrong = []
    for line, phase, causes in refusals():
        row = find_refusal(reply(line), phase)
        if row is None or row.confidence != "certain":
            continue
        if causes.get(row.id, 0) < 0.9 * sum(causes.values()):
            wrong.append((row.id, line, causes))
    assert wrong == []


def test_a_text_with_several_causes_is_likely_at_most() -> None:
    """``find_refusal`` returns one row, so others must come from what the text says."""
    shared = {"432 4.7.12 a password transition is needed", "535 5.7.8 password expired"}
    for line in shared:
        row = find_refusal(reply(line), "auth")
        assert row is not None
        assert row.confidence == "likely"


def test_statuses_belong_to_their_codes() -> None:
    for row in REFUSALS:
        statuses = (row.status,) if isinstance(row.status, str) else row.status
        classes = {str(code)[0] for code in row.codes}
        assert {each[0] for each in statuses if each} <= classes, row
