"""No report shows a secret in any form in which a server repeats it: live, in a log, recorded."""

import json

import pytest

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.logs.read_log import read_log
from gatepost.model.evidence import Evidence
from gatepost.model.transcript import Transcript
from tests.secret_forms import FORMS, b64
from tests.unit.doctor.recording.playing import played

SECRET = "kw-Zq7+xK/9w=T\u00e9\u20ac"


def report(evidence: Evidence) -> str:
    return json.dumps(report_document(diagnose_evidence(evidence)), ensure_ascii=False)


@pytest.mark.parametrize("form", FORMS)
def test_live(form: str) -> None:
    written, transcript = FORMS[form](SECRET), Transcript()
    transcript.hide(SECRET)
    transcript.server(f"535 5.7.8 {written} is wrong")
    shown = str(transcript).replace("\n", "")
    assert written.replace("\r", "").replace("\n", "") not in shown
    assert "[redacted]" in shown
    assert transcript.redact("535 5.7.8 authentication failed") == "535 5.7.8 authentication failed"


@pytest.mark.parametrize("form", [form for form in FORMS if "\n" not in FORMS[form](SECRET)])
def test_in_a_log(form: str) -> None:
    written = FORMS[form](SECRET)
    lines = [
        "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", f"C: {b64(b'me')}", "S: 334 UGFzc3dvcmQ6",
        f"C: {b64(SECRET.encode())}", f"S: 535 5.7.8 no ({written}) is wrong",
    ]  # fmt: skip
    shown = report(read_log("\n".join(lines)))
    assert written not in shown
    assert json.dumps(written)[1:-1] not in shown


@pytest.mark.parametrize("form", [form for form in FORMS if "\n" not in FORMS[form](SECRET)])
def test_in_a_recorded_session(form: str) -> None:
    written = FORMS[form](SECRET)
    sent = b64(f"\0me\0{SECRET}".encode())
    _, evidence = played([
        ("S", "220 a"), ("C", "EHLO b"), ("S", "250 AUTH PLAIN"), ("C", f"AUTH PLAIN {sent}"),
        ("S", f"535 5.7.8 no ({written}) is wrong"),
    ])  # fmt: skip
    shown = "\n".join(line.text for line in evidence.transcript)
    assert written not in shown
    assert "535 5.7.8 no" in shown
