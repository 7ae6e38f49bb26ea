"""The three forms of a diagnosis: terminal, Markdown, JSON."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.diagnose import diagnose
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.evidence_sentences import printable
from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.markdown_report import render_markdown
from gatepost.doctor.terminal_report import WIDTH, render
from gatepost.model.evidence import Evidence, Target
from gatepost.model.finding import Diagnosis
from gatepost.model.reply import Reply
from gatepost.model.transcript import Line
from tests.examples import share
from tests.unit.diagnosis.cases import attempt, but, client, hello, judged, login, tried
from tests.unit.diagnosis.test_rules import CASES

PAGES = Path(__file__).parents[3] / "docs" / "findings"
TRANSCRIPT = (
    Line("S", "220 mail.example.com ESMTP", False),
    Line("C", "STARTTLS", False),
    Line("C", "AUTH PLAIN", True),
    Line("S", "504 5.7.4 Unrecognized authentication type", True),
)


def seed(library: str = "go-net-smtp") -> Diagnosis:
    """The case that the doctor was made for."""
    seen = but(
        client=client(library),
        target=Target("smtp.azurecomm.net", 587),
        over_tls=hello("SIZE 31457280", "AUTH LOGIN"),
        auth=tried(attempt("PLAIN", "504 5.7.4 Unrecognized authentication type")),
    )
    return diagnose(with_transcript(seen, *TRANSCRIPT))


def with_transcript(seen: Evidence, *lines: Line) -> Evidence:
    return replace(seen, transcript=lines)


SEED = """\
smtp.azurecomm.net:587: the cause was found

  192.0.2.1: connected after 3 ms
  greeting: 220 mail.example.com ESMTP
  TLSv1.3, TLS_AES_256_GCM_SHA384
  certificate for mail.example.com
  signed by CN=Some CA, valid until 2026-03-03
  sent by the server: 2 certificates
  verified against the system

EHLO in clear                          | EHLO over TLS
---------------------------------------+---------------------------------------
EHLO localhost                         | EHLO localhost
250 mail.example.com                   | 250 mail.example.com
250 STARTTLS                           | 250 SIZE 31457280
                                       | 250 AUTH LOGIN

Cause: mechanism_not_offered (certain)
  Go net/smtp signs in with PLAIN; the server offers LOGIN.
  Proof
    - EHLO over TLS offers AUTH LOGIN
    - no AUTH before TLS
    - AUTH PLAIN was answered 504 5.7.4 Unrecognized authentication type
  Fix
    Make the client sign in with LOGIN.
  In go-net-smtp
    net/smtp has PLAIN and CRAM-MD5 only. Add LOGIN as an smtp.Auth and use it
    in place of smtp.PlainAuth:

    // LoginAuth speaks AUTH LOGIN, which net/smtp lacks
"""
SEED_END = """\
        auth := LoginAuth(username, password, "smtp.azurecomm.net")
        return smtp.SendMail("smtp.azurecomm.net:587", auth, from, to, msg)
    }
    more: gatepost doctor --explain mechanism_not_offered

Transcript (secrets removed)
  S: 220 mail.example.com ESMTP
  C: STARTTLS
  -- TLS --
  C: AUTH PLAIN
  S: 504 5.7.4 Unrecognized authentication type

finding: mechanism_not_offered
"""


def test_the_report_of_the_seed_case() -> None:
    report = render(seed())
    assert report.startswith(SEED)
    assert report.endswith(SEED_END)


@pytest.mark.parametrize(("number", "library"), [*enumerate(["", *sorted(LIBRARIES)])])
def test_reports_fit_a_terminal(number: int, library: str) -> None:
    for evidence, _ in share(CASES, number):
        seen = but(evidence, client=client(library, evidence.client.tls))
        lines = render(diagnose(seen)).splitlines()
        assert [line for line in lines if len(line) > WIDTH] == []


@pytest.mark.parametrize("text", ["hello", "ECONNREFUSED", "wrong version number"])
def test_no_two_lines_in_a_row_are_empty(text: str) -> None:
    assert "\n\n\n" not in render(diagnose(read_log(text)))


WIDE = ["登录失败，请使用授权码登录。" * 12, "a 密码" * 40, "ａｂｃ " * 50]


@pytest.mark.parametrize("text", WIDE)
def test_characters_of_two_columns_fit_it_too(text: str) -> None:
    answer = Reply(250, f"mail.example.com {text}")
    greeted = replace(hello("STARTTLS"), reply=answer)
    seen = with_transcript(but(in_clear=greeted), Line("S", f"535 {text}", True))
    for line in render(diagnose(seen)).splitlines():
        assert sum(2 if east_asian_width(each) in "WF" else 1 for each in line) <= WIDTH


def test_colour_only_adds_escapes() -> None:
    coloured = render(seed(), colour=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(seed())
    assert "\x1b" not in render(seed())


def test_without_a_library_the_report_names_those_with_code() -> None:
    report = render(seed("")).replace("\n      ", " ")
    assert "code with --as LIBRARY: go-net-smtp, python-smtplib" in report


HOSTILE = ["\x1b[2J\x1b[31mowned", "a\rb\x08\x07", "\u202eevil", "\udcff\udc80", "``` </details>"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_server_does_not_move_the_cursor(text: str) -> None:
    seen = with_transcript(but(auth=tried(attempt("LOGIN", f"535 {text}"))), Line("S", text, True))
    for report in (render(diagnose(seen)), render_markdown(diagnose(seen))):
        assert all(each.isprintable() or each == "\n" for each in report)


def test_markdown_fences_server_text() -> None:
    seen = with_transcript(but(), Line("S", "220 ``` @everyone <script>", False))
    report = render_markdown(diagnose(seen))
    assert "````text\nS: 220 ``` @everyone <script>\n````" in report


@given(st.text())
def test_printable_is_printable(text: str) -> None:
    assert printable(text).isprintable()


class Remedy(msgspec.Struct, forbid_unknown_fields=True):
    library: str
    text: str
    code: str | None
    executed: bool


class Finding(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    confidence: str
    summary: str
    proof: list[str]
    fix: str
    remedies: list[Remedy]
    docs: str


class TranscriptLine(msgspec.Struct, forbid_unknown_fields=True, rename={"speaker": "from"}):
    speaker: str
    text: str
    tls: bool


class Report(msgspec.Struct, forbid_unknown_fields=True):
    """The contract."""

    schema: int
    verdict: str
    target: str | None
    findings: list[Finding]
    notes: list[str]
    next_probe: str | None
    evidence: dict[str, Any]
    transcript: list[TranscriptLine]


@pytest.mark.parametrize("evidence", [evidence for evidence, _ in CASES])
def test_the_document_keeps_its_contract(evidence: Evidence) -> None:
    document = json.dumps(report_document(diagnose(evidence)))
    report = msgspec.json.decode(document, type=Report)
    assert report.schema == 1
    assert report.verdict in ("healthy", "finding", "unreachable", "unknown")
    for finding in report.findings:
        assert finding.confidence in ("certain", "likely", "possible")
        assert finding.docs == f"findings/{finding.id}"


@pytest.mark.parametrize("finding", sorted(CAUSES))
def test_every_finding_has_a_page(finding: str) -> None:
    page = (PAGES / f"{finding}.md").read_text()
    for heading in ("# ", "## Symptom", "## Proof", "## Fix"):
        assert heading in page


def test_every_page_has_a_finding() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == set(CAUSES)


def test_the_secret_s_shape_is_not_the_secret() -> None:
    seen = but(login=login("", edge_blank=True), auth=tried(judged("LOGIN", "535 5.7.8 no")))
    assert "white space" in render(diagnose(seen))


def test_octets_that_are_no_text_leave_json_whole() -> None:
    """A server's 535 in GBK, say, read as UTF-8 with what does not fit escaped."""
    seen = but(login=login(), auth=tried(judged("LOGIN", "535 \udcc7\udceb no")))
    text = json.dumps(report_document(diagnose(seen)))
    assert msgspec.json.decode(text)["verdict"] == "finding"
