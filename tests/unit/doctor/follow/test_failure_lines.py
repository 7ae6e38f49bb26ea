"""The lines of a log are divided into failures."""

import pytest

from gatepost.doctor.follow.failure_lines import (
    MAX_BEFORE,
    MAX_CHARACTERS,
    MAX_LINES,
    MAX_STREAMS,
    QUIET,
    FailureFinder,
    LogFailure,
    shape_of,
)

POSTFIX = "Jun  1 10:00:01 h postfix/smtp[{}]: {}: to=<{}>, status=bounced (host said: {})"


def failures(text: str) -> list[LogFailure]:
    finder = FailureFinder()
    complete = [each for line in text.split("\n") for each in finder.feed(line, 0.0)]
    return [*complete, *finder.end()]


def texts(text: str) -> list[str]:
    return [each.text for each in failures(text)]


@pytest.mark.parametrize(
    "line",
    ["10:00:00 sent", "10:00:01 250 OK", "GET / took 450ms", "all is well 530", "sent 535 messages",
     "took: 530 ms", "size=535 bytes", "2.4.550", "port 5870"],
)  # fmt: skip
def test_an_ordinary_line_is_no_failure(line: str) -> None:
    assert texts(line) == []


@pytest.mark.parametrize(
    "line",
    ["535 no", "S: 535 no", "<- 454-later", "(535, b'no')", "b'530 Must'", "said: 550 no",
     "10:00:00 h: 550 5.1.1 x", "reply 421", "code=535", "connect ECONNREFUSED", "Timed out",
     "** 550-5.7.1 no", "[S] 535", "it returned 454"],
)  # fmt: skip
def test_a_sign_of_a_failure(line: str) -> None:
    assert texts(line) == [line]


def test_a_traceback_is_one_failure() -> None:
    traceback = (
        "10:00:00 ERROR sending failed\nTraceback (most recent call last):\n"
        '  File "a.py", line 1, in send\n    raise SMTPAuthenticationError(code, resp)\n'
        "smtplib.SMTPAuthenticationError: (535, b'5.7.8 no')"
    )
    assert texts(f"10:00:00 starting\n{traceback}\n10:00:01 going on") == [
        f"10:00:00 starting\n{traceback}"
    ]


def test_a_session_stays_with_its_refusal() -> None:
    session = (
        "C: EHLO me\nS: 250 AUTH LOGIN\nC: AUTH PLAIN x\nS: 504 5.7.4 no\nError: Invalid login"
    )
    assert texts(session) == [session]


def test_the_same_failure_again_is_another_one() -> None:
    assert texts("535 5.7.8 no a@example.com\n535 5.7.8 no b@example.com") == [
        "535 5.7.8 no a@example.com", "535 5.7.8 no b@example.com",
    ]  # fmt: skip


def test_repeats_have_the_same_shape() -> None:
    lines = [
        POSTFIX.format(number, f"4F{number}A", f"u{number}@example.com", "535 5.7.8 failed")
        for number in range(100, 110)
    ]
    shapes = [each.shape for each in failures("\n".join(lines))]
    assert len(shapes) == 10
    assert len(set(shapes)) == 1


def test_other_codes_have_another_shape() -> None:
    assert shape_of("(535, b'no')") == shape_of("(535, b'no')")
    assert shape_of("said: 535 5.7.8 no") != shape_of("said: 550 5.7.1 no")


def test_processes_are_kept_apart() -> None:
    log = "\n".join((
        "10:00:01 h postfix/smtp[1]: < 250 AUTH LOGIN",
        "10:00:01 h postfix/smtp[2]: < 250 AUTH PLAIN",
        POSTFIX.format(1, "A1", "a@example.com", "504 no"),
        POSTFIX.format(2, "A2", "b@example.com", "535 no"),
    ))  # fmt: skip
    first, second = texts(log)
    assert "LOGIN" in first and "504" in first and "PLAIN" not in first  # noqa: PT018
    assert "PLAIN" in second and "535" in second and "504" not in second  # noqa: PT018


def test_services_of_compose_are_kept_apart() -> None:
    first, second = texts(
        "web-1     | C: AUTH PLAIN x\nworker-1  | C: AUTH LOGIN\nweb-1     | S: 504 no\n"
        "worker-1  | S: 535 no"
    )
    assert [line.split()[0] for line in first.split("\n")] == ["web-1", "web-1"]
    assert [line.split()[0] for line in second.split("\n")] == ["worker-1", "worker-1"]


def test_a_delivery_of_postfix_or_exim_is_complete() -> None:
    exim = "1rA-0 ** a@example.net R=smarthost T=remote_smtp: 550 5.1.1 no such user"
    other = "1rA-0 == b@example.net R=smarthost T=remote_smtp defer: 421 4.7.0 try later"
    assert texts(f"{exim}\n{other}") == [exim, other]


def test_a_request_to_a_web_server_is_no_failure() -> None:
    assert texts('127.0.0.1 - - [1/Jun] "GET /error HTTP/1.1" 500 12') == []


def test_a_failure_is_complete_after_a_while() -> None:
    finder = FailureFinder()
    assert list(finder.feed("535 no", 10.0)) == []
    assert list(finder.end(10.0 + QUIET / 2)) == []
    assert [each.text for each in finder.end(10.0 + QUIET)] == ["535 no"]
    assert list(finder.end()) == []


def test_memory_is_bounded() -> None:
    finder = FailureFinder()
    for number in range(2 * MAX_STREAMS):
        for line in ("x" * 8_000, "failed " + "y" * 8_000, "z" * 8_000):
            for failure in finder.feed(f"app[{number}]: {line}", 0.0):
                assert len(failure.text) <= MAX_CHARACTERS + MAX_LINES
    assert len(finder._streams) <= MAX_STREAMS
    for _ in range(10 * MAX_BEFORE):
        list(finder.feed("ordinary", 0.0))
    assert len(finder._streams[""]._lines) <= MAX_BEFORE
