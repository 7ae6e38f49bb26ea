"""A recorded session is the same for any split of its octets, and has no secrets."""

import base64
import json
from functools import cache
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import gatepost
from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.evidence_document import from_json, to_document
from gatepost.doctor.markdown_report import render_markdown
from gatepost.doctor.recording.tap import MAX_KEPT, MAX_LINE, Tap
from gatepost.doctor.terminal_report import render
from gatepost.model.evidence import Evidence
from tests.unit.doctor.recording.playing import Said, played
from tests.unit.doctor.recording.test_faults import FAULTS, HEALTHY, b64, under_tls

SESSIONS = [*(session for _, session in FAULTS.values()), *HEALTHY.values()]


@settings(deadline=None)
@given(st.sampled_from(SESSIONS), st.data())
def test_any_split_of_what_each_side_says_is_the_same_session(
    session: list[Said], data: st.DataObject
) -> None:
    cut: list[Said] = []
    for who, said in session:
        octets = said if isinstance(said, bytes) else f"{said}\r\n".encode()
        while octets and who != "T":
            size = data.draw(st.integers(1, max(len(octets), 1)))
            cut.append((who, octets[:size]))
            octets = octets[size:]
        if who == "T":
            cut.append(("T", ""))
    assert played(cut)[1] == played(session)[1]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\1\r\n"), min_size=8, max_size=60)


def everything(evidence: Evidence) -> str:
    """Return all that any reader may see of it."""
    diagnosis = diagnose(evidence)
    shown = json.dumps(report_document(diagnosis), ensure_ascii=False)
    saved = json.dumps(to_document(evidence), ensure_ascii=False)
    return "\n".join((shown, saved, render(diagnosis), render_markdown(diagnosis)))


def aligned(secret: str) -> set[str]:
    """Return its base64 with something before and after it."""
    raw = secret.encode()
    found = set()
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + raw).decode()
        found.add(whole[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6])
    return found


EXCHANGES = st.sampled_from(
    [
        "AUTH PLAIN {plain}", "AUTH PLAIN|{plain}", "AUTH LOGIN|{user}|{secret}",
        "AUTH LOGIN {user}|{secret}", "auth plain {plain}", "AUTH PLAIN {raw}", "AUTH {secret}",
        "AUTH XOAUTH2 {token}", "AUTH XOAUTH2|{token}", "AUTH SCRAM-SHA-256|{plain}|{secret}",
        "AUTH PLAIN {cut}", "{secret}", "PASS {raw}", "NOOP {raw}",
        "QUIT {secret}", "AUTH  PLAIN  {plain}", " AUTH PLAIN {plain}", "AUTH=PLAIN {plain}",
        "BURL imap://{raw}@host LAST", "AUTH LOGIN|{raw}|{raw}", "HELP+{secret}",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(TEXT, EXCHANGES, st.sampled_from(["535 no", "500 what: {line}", "501 {raw}?", "235 ok"]))
def test_no_secret_comes_out(secret: str, exchange: str, answer: str) -> None:
    seen = told(secret, exchange, answer)
    if exchange.startswith(("HELP+", "BURL")) and "raw" in answer:
        return  # no server can know what stands inside of that
    if secret in ours() or not secret.strip():
        return
    assert secret not in seen
    assert json.dumps(secret)[1:-1] not in seen
    assert not [each for each in aligned(secret) if len(each) > 8 and each in seen]


@cache
def ours() -> str:
    """Return all words of the reports themselves; Hypothesis takes secrets from there, too."""
    files = Path(gatepost.__file__).parent.rglob("*.*")
    texts = [each.read_text("utf-8") for each in files if each.suffix != ".pyc"]
    return "\n".join(texts) + told("another one", "NOOP {raw}", "535 no")


def told(secret: str, exchange: str, answer: str) -> str:
    """Return all that is reported of a session with a secret somewhere."""
    plain = b64(f"\0ann@example.org\0{secret}")
    forms = {
        "plain": plain, "user": b64("ann@example.org"), "secret": b64(secret), "raw": secret,
        "token": b64(f"user=ann@example.org\1auth=Bearer {secret}\1\1"),
        "cut": f"{plain[:60]}\r\n{plain[60:]}",
    }  # fmt: skip
    session: list[Said] = under_tls("AUTH PLAIN LOGIN XOAUTH2 CRAM-MD5 SCRAM-SHA-256")
    parts = exchange.format(**forms).split("|") if "|" not in secret else []
    for number, line in enumerate(parts):
        session.append(("C", line))
        last = number == len(parts) - 1
        session.append(("S", answer.format(line=line, raw=secret) if last else "334 "))
    session += [("C", "MAIL FROM:<ann@example.org>"), ("S", "530 5.7.0 Authentication required")]
    return everything(played(session)[1])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("CSCST"), st.binary(max_size=200)), max_size=40))
def test_anything_may_go_by(octets: list[tuple[str, bytes]]) -> None:
    _, evidence = played(octets)
    document = msgspec.json.encode(to_document(evidence))
    assert from_json(document).source == "record"
    diagnose(evidence)


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_endless_input_is_bounded(piece: bytes) -> None:
    tap = Tap()
    for _ in range(5):
        tap.feed_client(piece * 100)
        tap.feed_server(piece * 100)
    tap.finish()
    assert sum(len(entry.text) for entry in tap.lines) <= MAX_KEPT + MAX_LINE
