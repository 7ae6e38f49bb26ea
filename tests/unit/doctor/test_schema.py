"""Every report follows its JSON Schema."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.diagnosis_document import ReportDocument, report_document, report_schema
from gatepost.doctor.identity.token_claims import examine_token
from gatepost.doctor.logs.read_log import read_log
from gatepost.model.evidence import Evidence
from tests.conformance.acs_world import USERNAME
from tests.unit.diagnosis.test_entra_tokens import NOW, token
from tests.unit.diagnosis.test_rules import CASES
from tests.unit.doctor.identity.answering import by_password
from tests.unit.doctor.identity.test_look_behind_login import shared

LOGS = (
    "",
    "535 5.7.8 no",
    "S: 220 x\nC: EHLO y\nS: 250 AUTH LOGIN\nC: AUTH PLAIN\nS: 504 5.7.4 no",
)


@cache
def validator() -> Any:
    return jsonschema_rs.validator_for(report_schema())


def check(evidence: Evidence) -> None:
    text = json.dumps(report_document(diagnose_evidence(evidence)))
    errors = [str(each) for each in validator().iter_errors(json.loads(text))]
    assert errors == []


@pytest.mark.parametrize("evidence", [evidence for evidence, _ in CASES])
def test_reports_of_a_visit(evidence: Evidence) -> None:
    check(evidence)


@pytest.mark.parametrize("text", LOGS)
def test_reports_of_a_log(text: str) -> None:
    check(read_log(text))


def test_reports_of_checks_behind_a_server() -> None:
    door = shared()
    for secret in ("n0~t", door.plane.token()):
        diagnosis = door.examine(by_password(USERNAME, secret), arm_token=door.admin_token())
        check(diagnosis.evidence)


def test_reports_of_a_token() -> None:
    check(examine_token(token(upn="ann@example.com", scp="SMTP.Send"), USERNAME, NOW))


def test_other_documents_are_invalid() -> None:
    document = report_document(diagnose_evidence(CASES[0][0]))
    assert not validator().is_valid({**document, "verdict": "perhaps"})
    assert not validator().is_valid({**document, "more": 1})
    assert not validator().is_valid({key: document[key] for key in document if key != "target"})


def test_it_is_made_of_types_that_read_the_document() -> None:
    document = json.dumps(report_document(diagnose_evidence(CASES[0][0]))).encode()
    report = msgspec.json.decode(document, type=ReportDocument)
    assert report.schema == 1
    assert report.evidence.source == "probe"


def test_each_key_of_evidence_has_a_place_in_it() -> None:
    kinds = report_schema()["$defs"]
    document = report_document(diagnose_evidence(CASES[0][0]))
    assert set(document["evidence"]) == set(kinds["Evidence"]["properties"])
