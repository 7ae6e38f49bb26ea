"""The wrapping of a log is removed: containers, journals, JSON, quoted mail, terminals."""

import html
import json
from collections.abc import Callable
from functools import cache

import pytest

from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.logs.wrapping import unwrapped
from gatepost.model.evidence import Evidence
from tests.examples import share
from tests.unit.doctor.logs.test_formats import DIALOGUE, SESSIONS, told

STAMP = "2024-05-05T10:00:00.123456789Z"
# fmt: off
WRAPPERS: dict[str, Callable[[str], str]] = {
    "compose": lambda line: f"app-1  | {line}",
    "compose in colours": lambda line: f"\x1b[36mweb_1     |\x1b[0m {line}",
    "docker logs -t": lambda line: f"{STAMP} {line}",
    "kubelet": lambda line: f"{STAMP} stdout F {line}",
    "stern": lambda line: f"mail-6d5f7c9b8-abcde app {line}",
    "journal": lambda line: f"May 05 10:00:00 host app[1234]: {line}",
    "journal, ISO": lambda line: f"2024-05-05T10:00:00+0200 host app[1234]: {line}",
    "Heroku": lambda line: f"2024-05-05T10:00:00.123456+00:00 app[web.1]: {line}",
    "CloudWatch": lambda line: f"1714896000000\t{line}",
    "Python logging": lambda line: f"2024-05-05 10:00:00,123 DEBUG mail {line}",
    "Python's root logger": lambda line: f"DEBUG:mail:{line}",
    "Spring Boot": lambda line: f"{STAMP} DEBUG 1 --- [nio-8080-exec-1] c.e.m.Mail : {line}",
    "Serilog": lambda line: f"2024-05-05 10:00:00.123 +02:00 [DBG] {line}",
    "Serilog's JSON": lambda line: json.dumps({"@t": STAMP, "@mt": "{Line}", "Line": line}),
    "NLog": lambda line: f"2024-05-05 10:00:00.1234|DEBUG|Mail|{line}",
    "Go's log with a place": lambda line: f"2024/05/05 10:00:00 mail.go:12: {line}",
    "klog": lambda line: f"I0505 10:00:00.123456       1 mail.go:12] {line}",
    "Ruby's Logger": lambda line: f"D, [2024-05-05T10:00:00.123456 #12] DEBUG -- : {line}",
    "Monolog": lambda line: f"[2024-05-05T10:00:00.123456+00:00] mail.DEBUG: {line} [] []",
    "Rust's tracing": lambda line: f"{STAMP} DEBUG app::mail: {line}",
    "syslog, RFC 5424": lambda line: f"<14>1 {STAMP} host app 12 - - {line}",
    "quoted mail": lambda line: f"> {line}",
    "quoted twice": lambda line: f"> > {line}",
    "code block": lambda line: f"    {line}",
    "Windows": lambda line: f"{line}\r",
    "colours": lambda line: f"\x1b[32m{line}\x1b[0m",
    "HTML": lambda line: f"{line.replace('<', '&lt;').replace('>', '&gt;')}<br>",
    "HTML with quotes": html.escape,
    "no-break spaces": lambda line: line.replace(" ", "\xa0"),
    "Lambda": lambda line: f"{STAMP}\t0b1c2d3e-aaaa-bbbb-cccc-1234567890ab\tINFO\t{line}",
    "Docker's JSON": lambda line: json.dumps({"log": f"{line}\n", "stream": "stdout"}),
    "logfmt": lambda line: f"time={STAMP} level=debug msg={json.dumps(line)}",
}
# fmt: on


def essence(seen: Evidence) -> object:
    attempts = [(each.mechanism, each.reply.code, each.secret_sent) for each in seen.attempts]
    return seen.log_format, seen.position, attempts, seen.offered_over_tls, len(seen.transcript)


@cache
def bare(text: str) -> object:
    """What a session says without a wrapper; each wrapper is compared with it."""
    return essence(read_log(text))


@pytest.mark.parametrize(("number", "wrapper"), [*enumerate(WRAPPERS)])
def test_a_session_is_read_through_what_wraps_it(number: int, wrapper: str) -> None:
    for _name, _library, text in share(SESSIONS, number):
        wrapped = "\n".join(map(WRAPPERS[wrapper], text.split("\n")))
        assert essence(read_log(wrapped)) == bare(text), text[:80]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_no_secret_comes_out_of_a_wrapped_session(wrapper: str) -> None:
    text = told("C: {}", "S: {}").replace("bm90LW15LXBhc3N3b3Jk", "aHVudGVyMi1odW50ZXIy")
    wrapped = "\n".join(map(WRAPPERS[wrapper], text.split("\n")))
    shown = repr(read_log(wrapped))
    assert "aHVudGVyMi1odW50ZXIy" not in shown
    assert "hunter2" not in shown


def test_a_session_in_one_json_string() -> None:
    text = told("C: {}", "S: {}")
    whole = json.dumps({"error": f"Invalid login\n{text}"})
    assert essence(read_log(whole))[1:] == essence(read_log(text))[1:]  # type: ignore[index]


def test_a_session_between_a_markdown_fence_and_words() -> None:
    text = told("C: {}", "S: {}")
    assert essence(read_log(f"Hi, I get:\n\n```text\n{text}\n```\n\nAny idea?")) == essence(
        read_log(text)
    )


def test_other_services_in_between() -> None:
    lines = []
    for line in told("C: {}", "S: {}").split("\n"):
        lines += [f"app-1  | {line}", "db-1   | LOG:  checkpoint complete"]
    assert len(read_log("\n".join(lines)).transcript) == len(DIALOGUE)


@pytest.mark.parametrize(
    "text",
    [
        "535 5.7.8 Error: authentication failed",
        '{"error":"invalid_client","error_description":"AADSTS7000222: expired"}',
        "> why?\n> because",
        "a: b\na: c",
        "",
        "{",
    ],
)
def test_text_that_is_no_dialogue_is_unchanged(text: str) -> None:
    assert unwrapped(text) == text


def test_two_sessions_in_one_paste() -> None:
    """The second begins in clear again."""
    second = [("S", "220 other.example.com ESMTP"), ("C", "EHLO me"),
              ("S", "250-other.example.com"), ("S", "250 STARTTLS"),
              ("C", "MAIL FROM:<a@example.org>"),
              ("S", "530 5.7.0 Must issue a STARTTLS command first")]  # fmt: skip
    for first in (DIALOGUE, DIALOGUE[:12]):  # the first may have been cut off
        seen = read_log(told("C: {}", "S: {}", (*first, *second)))
        assert seen.mail.value is not None
        assert not seen.mail.value.tls
        assert [line.tls for line in seen.transcript][-1] is False
