"""The operator's log: JSON or sentences, complete, in order, and never blocking."""

import json
import os
import threading
import time
from datetime import datetime

import pytest

from gatepost.operator_log.sentences import _EVENTS, LEVELS, EventFormatter, format_event
from gatepost.operator_log.writer import LAST_WORDS, MAX_WAITING, Reporter, write_all

PATIENCE = 60.0


def lines_of(reading: int) -> list[str]:
    with os.fdopen(reading) as stream:
        return stream.read().splitlines()


def test_each_event_is_a_line_of_json() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=True)
    for number in range(100):
        reporter("accepted", id=f"1-{number}", rcpt_to=["a@example.com"], subject="grüße\n")
    reporter.close()
    os.close(writing)
    events = [json.loads(line) for line in lines_of(reading)]
    assert [event["id"] for event in events] == [f"1-{number}" for number in range(100)]
    assert set(events[0]) == {"time", "event", "id", "rcpt_to", "subject"}


@pytest.mark.parametrize("value", ["lone \udcff", {1, 2}, object()])
def test_values_that_are_not_json_are_still_logged(value: object) -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=True)
    reporter("odd", value=value)
    reporter("next")
    reporter.close()
    os.close(writing)
    assert [json.loads(line)["event"] for line in lines_of(reading)] == ["odd", "next"]


def test_no_peer_changes_what_a_field_looks_like() -> None:
    line = EventFormatter(as_json=True).line(
        0.0, "accepted", {"id": "1-1", "rcpt_to": ["a@b", "\udcff\x1b@b"], "size": 7, "reply": None}
    )
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.000Z",
        "event": "accepted",
        "id": "1-1",
        "rcpt_to": ["a@b", "\\udcff\x1b@b"],
        "size": 7,
        "reply": None,
    }


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("text", ["\x7f", "\x9b31m", "\u202e", "\u2028", "\ufeff", "\u200f"])
def test_a_line_is_printable(text: str, as_json: bool) -> None:
    line = EventFormatter(as_json=as_json).line(0.0, "refused", {"reply": f"550 a{text}b"})
    assert line.isprintable()
    if as_json:
        assert json.loads(line)["reply"] == f"550 a{text}b"


def test_an_event_that_cannot_be_spelled_takes_no_other_along() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=False)
    reporter("clock_advanced", ahead="much")  # which is to be a number
    reporter("next")
    reporter.close()
    os.close(writing)
    first, last = lines_of(reading)
    assert "event 'clock_advanced' cannot be written: ValueError" in first
    assert last.endswith("next")


def test_texts_keep_their_order() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=False)
    reporter("starting")
    reporter.say("paste\nthis")
    reporter("lone", value="\udcff")
    reporter.close()
    os.close(writing)
    first, *text, last = lines_of(reading)
    assert first.endswith("starting")
    assert text == ["paste", "this"]
    assert last.endswith("lone value=?")


def test_lines_of_another_process_stand_in_their_turn() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=False)
    reporter("starting")
    reporter.take(["one", "two"])
    reporter("stopping")
    reporter.close()
    os.close(writing)
    first, *taken, last = lines_of(reading)
    assert (first.split(" ", 2)[2], taken, last.split(" ", 2)[2]) == (
        "starting",
        ["one", "two"],
        "stopping",
    )


def test_lines_of_another_process_are_bounded_with_all_others() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=True)
    reporter.take([""] * 2 * MAX_WAITING)
    reporter.close()
    os.close(writing)
    lines = lines_of(reading)
    lost = sum(json.loads(line)["count"] for line in lines if line)
    assert lost > 0
    assert lost + lines.count("") == 2 * MAX_WAITING


def test_a_reader_that_is_gone_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    reporter = Reporter(writing, as_json=True)
    for _ in range(3):
        reporter("accepted")
        time.sleep(0.06)
    reporter.close()
    os.close(writing)
    assert not reporter._thread.is_alive()


def test_a_full_pipe_blocks_no_caller_and_counts_lost_lines() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=True)
    began = time.monotonic()
    for _ in range(MAX_WAITING * 3):
        reporter("accepted", text="x" * 20)
    assert time.monotonic() - began < PATIENCE
    taken: list[str] = []
    reader = threading.Thread(target=lambda: taken.extend(lines_of(reading)))
    reader.start()
    time.sleep(0.1)
    reporter.close()
    reporter._thread.join(PATIENCE)
    os.close(writing)
    reader.join(PATIENCE)
    events = [json.loads(line) for line in taken]
    lost = sum(event["count"] for event in events if event["event"] == "lines_dropped")
    assert lost > 0
    assert lost + sum(event["event"] == "accepted" for event in events) == MAX_WAITING * 3


def test_closing_does_not_wait_for_a_reader_that_is_deaf() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing, as_json=True)
    for _ in range(5_000):
        reporter("accepted", text="x" * 100)
    began = time.monotonic()
    reporter.close()
    assert time.monotonic() - began < LAST_WORDS + PATIENCE
    os.close(reading)  # lets the thread go
    reporter._thread.join(PATIENCE)
    os.close(writing)


def test_a_pipe_that_does_not_block_is_written_whole() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    octets = os.urandom(300_000)
    writer = threading.Thread(target=write_all, args=(writing, octets))
    writer.start()
    taken = b""
    while len(taken) < len(octets):
        taken += os.read(reading, 65_536)
    writer.join(PATIENCE)
    assert taken == octets
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_a_reporter_without_output_ends() -> None:
    reporter = Reporter(None, as_json=True)
    reporter("accepted")
    reporter.close()
    assert not reporter._thread.is_alive()


SENTENCES: list[tuple[str, dict[str, object], str]] = [
    (
        "accepted",
        {"id": "1-2", "mail_from": "a@x", "rcpt_to": ["b@y", "c@y"], "size": 3},
        "accepted 1-2 from <a@x> to b@y and 1 more, 3 octets",
    ),
    (
        "auth_refused",
        {"mechanism": "LOGIN", "username": "u", "peer": "::1", "reason": "bad_secret: no"},
        "AUTH LOGIN refused for 'u' from ::1: bad_secret: no",
    ),
    (
        "refused",
        {"peer": "::1", "reply": "504 5.7.4 No", "reason": ""},
        "refused ::1: 504 5.7.4 No",
    ),
    (
        "message_failed",
        {"id": "1-2", "rcpt_to": ["b@y"], "reply": "501 5.1.7 HTTP 404 X", "reason": "HTTP 404 X"},
        "could not deliver 1-2 to b@y: 501 5.1.7 HTTP 404 X",
    ),
    (
        "message_failed",
        {
            "id": "1-2",
            "rcpt_to": ["b@y"],
            "reply": "501 5.1.7 HTTP 404 X",
            "reason": "HTTP 404 X: no",
        },
        "could not deliver 1-2 to b@y: 501 5.1.7 HTTP 404 X: no",
    ),
    (
        "message_deferred",
        {
            "id": "1-2",
            "rcpt_to": ["b@y"],
            "host": "hub",
            "reply": "450 no",
            "reason": "",
            "next_at": None,
            "expires_at": "2026-11-24T10:00:00Z",
            "held": False,
        },
        "deferred 1-2 to b@y until it expires at 2026-11-24T10:00:00Z: hub: 450 no",
    ),
    (
        "sign_in_stopped",
        {"credential": "c", "target": "t", "reply": "535 5.7.8 no", "reason": "Type it again."},
        "credential c is refused at t: 535 5.7.8 no: Type it again.",
    ),
    (
        "sign_in_stopped",
        {"credential": "c", "target": "t", "reply": "", "reason": "no token"},
        "credential c is refused at t: no token",
    ),
    ("something_new", {"a": 1, "b": "two"}, "something new a=1 b=two"),
    ("something_new", {"a": "x\r\n\x1b[31mred"}, "something new a=x???[31mred"),
    ("closed", {}, "closed -: -: -"),
    (
        "closed",
        {"peer": "::1", "reply": "421 4.4.2 Connection timed out", "reason": ""},
        "closed ::1: 421 4.4.2 Connection timed out",
    ),
]


@pytest.mark.parametrize(("event", "facts", "sentence"), SENTENCES)
def test_a_person_reads_a_sentence(event: str, facts: dict[str, object], sentence: str) -> None:
    assert format_event(event, facts) == sentence


@pytest.mark.parametrize(
    ("event", "level"),
    [("accepted", "info"), ("refused", "warning"), ("not_stored", "error"), ("unheard_of", "info")],
)
def test_a_line_begins_with_date_and_level(event: str, level: str) -> None:
    moment = 1_795_514_400.9
    line = EventFormatter(as_json=False).line(moment, event, {})
    date, shown, _ = line.split(" ", 2)
    read = datetime.fromisoformat(date)
    assert read.utcoffset() is not None
    assert (read.timestamp(), shown) == (int(moment), level)


def test_each_event_has_one_level() -> None:
    names = [each for events in _EVENTS.values() for each in events.split()]
    assert len(names) == len(set(names)) == len(LEVELS)


@pytest.mark.parametrize("as_json", [True, False])
def test_events_of_all_processes_can_be_watched(as_json: bool) -> None:
    reading, writing = os.pipe()
    reporter, seen = Reporter(writing, as_json=as_json), list[tuple[str, object]]()
    reporter.watchers.append(lambda event, facts: seen.append((event, dict(facts))))
    assert reporter.wants_json_lines
    reporter("stopping")
    reporter.take([EventFormatter(as_json=True).line(0.0, "reloaded", {"config": "a.toml"}), "odd"])
    reporter.close()
    os.close(writing)
    assert seen == [("stopping", {}), ("reloaded", {"config": "a.toml"})]
    _, reloaded, odd = lines_of(reading)
    assert "reloaded" in reloaded
    assert reloaded.startswith("{") is as_json
    assert odd == "odd"
