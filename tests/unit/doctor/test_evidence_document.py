"""Evidence survives a round trip, and hides secrets."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.evidence_document import MAX_DOCUMENT, MAX_TEXT, from_json, to_document
from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.settings_files.read_settings_file import read_config
from gatepost.errors import ConfigError
from gatepost.model.evidence import SCHEMA, Evidence, Fact, TlsFirst
from gatepost.model.transcript import Line
from tests.examples import share
from tests.unit.diagnosis.cases import HEALTHY, attempt, but, client, hello, login, tls, tried
from tests.unit.diagnosis.test_rules import CASES

FULL = but(
    client=client("go-net-smtp", "none"),
    login=login("guid", edge_blank=True),
    auth=tried(attempt("PLAIN", "504 5.7.4 no")),
    other_name=hello("AUTH LOGIN"),
)


@pytest.mark.parametrize("evidence", [FULL, *(evidence for evidence, _ in CASES)])
def test_evidence_survives_a_round_trip(evidence: Evidence) -> None:
    assert from_json(json.dumps(to_document(evidence)).encode()) == evidence


def test_a_report_can_be_diagnosed_again() -> None:
    transcript = (Line("S", "220 hi", False), Line("C", "EHLO me", False))
    seen = but(over_tls=hello("AUTH LOGIN"), client=client("go-net-smtp"))
    seen = replace(seen, transcript=transcript)
    report = report_document(diagnose(seen))
    assert from_json(json.dumps(report).encode()) == seen
    assert diagnose(from_json(json.dumps(report).encode())) == diagnose(seen)


def test_hidden_and_not_tried_stay_apart() -> None:
    seen = but(tls_first=Fact("hidden"), starttls=Fact())
    document = to_document(seen)
    assert document["tls_first"]["state"] == "hidden"
    assert document["starttls"]["state"] == "not_tried"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not evidence"),
        ("[]", "not evidence"),
        ("{}", "no schema"),
        ('{"schema": "one", "source": "probe"}', "not evidence"),
        (json.dumps({"schema": SCHEMA + 1}), "reads up to"),
        (json.dumps({"schema": 1, "source": "rumour"}), "not evidence"),
        (json.dumps({"schema": 1, "source": "log", "tls": {"state": "seen"}}), "is seen"),
        ('{"evidence": {"schema": 1, "source": "log"}, "transcript": [7]}', "not evidence"),
        ("\xff", "not evidence"),
        ('{"schema": 1, "more": ' + '{"a":' * 100_000, "not evidence"),
        (" " * (MAX_DOCUMENT + 1), "longer than"),
        ("[" * 100_000, "not evidence"),
        ('{"a":' * 100_000, "not evidence"),
        (f'{{"schema": 1, "source": "log", "x": {"[" * 99_999}{"]" * 99_999}}}', "not evidence"),
        (f'{{"schema": {"9" * 5_000}, "source": "log"}}', "reads up to|not evidence"),
        ('{"schema": 1e999, "source": "log"}', "not evidence"),
        ('{"schema": 1, "source": "log", "remarks": ["\\ud800"]}', "not evidence"),
        ('{"schema": 1, "source": "log"', "not evidence"),
    ],
)
def test_documents_that_are_not_evidence(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        from_json(text.encode("latin-1"))


WRONG: tuple[object, ...] = (
    None, True, -1, 10**400, 1e308, "", "\0\x1b[31m\r\n", [], {}, [[]], [{}], "9" * 30,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else ()
    for key, part in enumerate(value) if isinstance(value, list) else parts:
        yield from places(part, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], part: object) -> Any:
    if not path:
        return part
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], part)
    return copy


def test_anything_in_any_place_is_diagnosed_or_refused() -> None:
    said = (
        "S: 220 a ESMTP\nC: EHLO b\nS: 250-a\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AGEAYg==\nS: 535 no"
    )
    log = to_document(read_log(f"{said}\nC: MAIL FROM:<a@b>\nS: 550 5.1.1 no\nerror (535, b'no')"))
    config = to_document(read_config(b"SMTP_HOST=h.org\nSMTP_PORT=25\nSMTP_PASSWORD=$a\n", ".env"))
    for document in (log, config):
        for number, path in enumerate(places(document)):
            for wrong in share(WRONG, number):
                text = json.dumps(replaced(document, path, wrong)).encode()
                try:
                    seen = from_json(text)
                except ConfigError:
                    continue
                json.dumps(report_document(diagnose_evidence(seen)), ensure_ascii=False).encode()


def test_a_name_that_appears_twice_counts_once() -> None:
    assert from_json(b'{"schema": 1, "source": "log", "source": "probe"}').source == "probe"


def test_a_text_without_end_is_cut() -> None:
    text = json.dumps({"schema": 1, "source": "log", "remarks": ["a" * 99_999]})
    assert len(from_json(text.encode()).remarks[0]) == MAX_TEXT


def test_octets_that_are_not_text_do_not_break_the_document() -> None:
    said = b"535 \xc3\xdc\xc2\xeb".decode("utf-8", "surrogateescape")
    seen = but(auth=tried(attempt("LOGIN", said)), tls=tls(), tls_first=TlsFirst(False))
    json.dumps(to_document(seen), ensure_ascii=False).encode()


@pytest.mark.parametrize("state", ["seen", "hidden", "not_tried"])
def test_a_fact_that_contradicts_itself(state: str) -> None:
    with pytest.raises(ValueError, match="a fact that is"):
        Fact(state, None if state == "seen" else 1)  # type: ignore[arg-type]  # a state by name


def test_the_healthy_case_has_every_schema_mark() -> None:
    assert to_document(HEALTHY)["schema"] == SCHEMA


def test_a_library_is_known_by_its_former_name() -> None:
    saved = json.dumps(to_document(replace(FULL, client=replace(FULL.client, library="smtplib"))))
    assert from_json(saved.encode()).client.library == "python-smtplib"
