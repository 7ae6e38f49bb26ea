"""Whatever is given to the doctor, it answers in time: logs, configurations, saved evidence."""

import base64
import json
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain

import pytest

from accuracy.cases import our_cases
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.evidence_document import from_json, to_document
from gatepost.doctor.logs.read_log import decode_log, read_log
from gatepost.doctor.settings_files.read_settings_file import read_config
from gatepost.doctor.terminal_report import render
from gatepost.model.evidence import Evidence
from tests.processor_time import run_within

LONG = 1024 * 1024
MANY = 32 * 1024
"""Octets for the many: what grows with the square of them takes longer than the limit already."""
LIMIT = 1.0
LIMIT_OF_LONG = 5.0
"""Seconds of CPU; the program itself starts in less than half a second."""

BASE64 = base64.b64encode(bytes(range(256)) * 30).decode()
SESSION = (
    "S: 220 mx{0}.example.com ESMTP\nC: EHLO me\nS: 250-mx\nS: 250 AUTH LOGIN PLAIN\n"
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dXNlci{0}==\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0{0}\n"
    "S: 535 5.7.8 no {0}\nC: MAIL FROM:<a{0}@example.com>\nS: 550 5.1.1 who is a{0}?\n"
)
UNITS: Mapping[str, tuple[str, ...]] = {
    "signs": (
        "\n", "\r\n", " ", "\t", "\\", '"', "'", "`", '\\"', "\\\\", '\\"a\\b', "{", "[", "(", "{}",
        "<", "&lt;", "&#9", "/", "a/", ".\n", ":", "=", "*", "<*", "-", "é", "\U0001f600", "\x1b[",
    ),
    "words": (
        "a", "A1b", "a.", "a-", "0", "0 ", "1: ", "250-", "535 ", "535 5.7.8 ", "334 ", "a@b.com ",
        "a" * 99 + "é", "eyJhbGci.", "1.2.3.4:25 ", "postfix/", "lettre", "DEBUG ", "smtps ",
        "user nul ", "x", "1,", "QUJD\n", BASE64, "12345678-1234-", "senha", "sasl_pass", "auth_",
    ),
    "escapes": (
        "\\n", "\\r\\n", "\\r\\n250 ", '\\"Trace\\":\\"#0 \\\\\\/var\\\\\\/www', "&amp;amp;",
        "\\u00",
        '{\\"a\\":\\"', json.dumps({"log": json.dumps({"msg": '"a\\"'})}) + "\n", '{"log":"',
    ),
    "fields": (
        'event="read" ', 'event="read" data=', 'level=info msg="', 'msg="a" level=info\n', "[] {} ",
        "password=", 'password="', "password:\n ", "password: " + " " * 99, "pass->a", "://",
        "://a:",
        "smtp://a:b@", "://a://b@", "--user=", "-u a", 'login("', "login('a', \"", "login a@",
        "sig=",
        "<password>", "client_send = :", "static:", "echo a ", "-----BEGIN ", "{ type: 'client', ",
    ),
    "lines": (
        "AUTH PLAIN dGVzdAB0ZXN0AHNlY3JldA==\n", "AUTH PLAIN ", "AUTH PLAIN /*", "AUTH LOGIN\n",
        "334 VXNlcm5hbWU6\n", "C: ", "S: 250 ok\n", "EHLO offers: a,b,c;", "offers AUTH LOGIN ",
        "(535, b'", "(535, 'x\n", "Client: a\n", "x250-SIZE", "<< 250-a<CRLF>",
        '  File "a", line 1\n',
        "in reply to ", "smtpd[1]: ", "mail.example.com ", "('mail.example.com', 25) ",
    ),
}  # fmt: skip


def filled(unit: str, octets: int) -> bytes:
    raw = unit.encode()
    return (raw * (octets // len(raw) + 1))[:octets]


LONG_LOGS: Mapping[str, bytes] = {
    "sessions": "".join(SESSION.format(number) for number in range(4_000)).encode()[:LONG],
    "our cases": filled("\n".join(case.log for case in our_cases()), LONG),
    "our cases in one line": filled(" ".join(case.log for case in our_cases()), LONG),
    "passwords": "".join(f"password='Sec{n}ret'\n" for n in range(60_000)).encode()[:LONG],
    "secrets of one letter": "".join(
        f"password={c * 50}1{c * 50}\n" + f"{c * 3_000}1\n" * 6 for c in "abcdefghijkl"
    ).encode(),
    "newlines": b"\n" * LONG,
    "escaped line ends": b"\\r\\n" * (LONG // 4),
    "nested JSON": b"[" * LONG,
    "JSON in JSON": filled('{"a":"{\\"a\\":\\"{\\\\\\"a\\\\\\":\\\\\\"x\\\\\\"}\\"}"}', LONG),
    "anything": filled("".join(chr((n * n // 7 + n) % 95 + 32) for n in range(665)), LONG),
}
CONFIGS: Mapping[str, tuple[str, ...]] = {
    "-": (
        "/", "/" * 64 + "\n", "//", "/* */", "\n", "\r\n", "a=b\n", "[a]\n", "#\n", "<?php ",
    ),
    ".env": (
        "\n", 'A="\nx\n', "A='", "SMTP_HOST=h\n", "SMTP_PASSWORD=${a:-", "SMTP_URL=smtp://a@@@?",
    ),
    "settings.py": ("(", "-", '"a"+', "if a:\n B = 1\n", "EMAIL_HOST = 'h'\n", "a = a[0]\n", "'''"),
    "appsettings.json": ('"', '"\\', "/*", "[", '{"a":', '{"Smtp":"h"},', "a" * 99_999 + ":"),
    "application.properties": ("\\\n", "mail.x = \\", "mail.host=h\n", "=", "a b "),
    "config.yml": (
        "\n", "[", "- ", "- - \n", "a: b\n", "a: {", "a: &a [*a, *a]\n", "? ", "---\n", "a: |\n",
        '"',
        "a: '\n", "{{ a }}", "{{", "\t", " a:\n", "a: @b\n", "mail:\n  password: `a\n",
    ),
    "main.cf": ("a = $b$b\n", " x\n", "smtp_sasl_password_maps = inline:{ ", "relayhost = [a\n"),
    "sasl_passwd": ("[a.b]:587 a:b\n", "a.b ", "@", ":"),
    "msmtprc": ("account a : b\n", "account a\nport 1\n", "password x\n"),
    "mail.php": ("'a' => \"", "->a = ", "('smtp://", "a: {\n", "define('", "$a = [\n"),
    "app.ini": ("[a]\nb=c\n", "[", "smtp_host = h\n", '"""', "`"),
}  # fmt: skip


def answer_within(seconds: float, read: Callable[[bytes], Evidence], raw: bytes) -> None:
    """Fail if reading this, the diagnosis and the report need more processor time than that."""
    try:
        run_within(seconds, lambda: render(diagnose_evidence(read(raw))))
    except AssertionError as error:
        error.add_note(f"for {raw[:200]!r}")
        raise


def from_log(raw: bytes) -> Evidence:
    return read_log(decode_log(raw))


@pytest.mark.thorough
@pytest.mark.parametrize("kind", UNITS)
def test_no_log_takes_long(kind: str) -> None:
    for unit in UNITS[kind]:
        answer_within(LIMIT, from_log, b"535 5.7.8 no\nC: AUTH LOGIN\n" + filled(unit, MANY))


@pytest.mark.thorough
@pytest.mark.parametrize("name", LONG_LOGS)
def test_no_long_log_takes_long(name: str) -> None:
    answer_within(LIMIT_OF_LONG, from_log, LONG_LOGS[name])


@pytest.mark.thorough
@pytest.mark.parametrize("name", CONFIGS)
def test_no_configuration_takes_long(name: str) -> None:
    for unit in CONFIGS[name]:
        answer_within(LIMIT, partial(read_config, name=name), filled(unit, MANY))


@pytest.mark.thorough
@pytest.mark.parametrize("unit", ["a: b\n", "SMTP_HOST=h\nSMTP_PASSWORD=p\n", '{"Smtp": 1},', "\n"])
def test_no_long_configuration_takes_long(unit: str) -> None:
    for name in ("-", "a.yml", "a.json", ".env"):
        answer_within(LIMIT_OF_LONG, partial(read_config, name=name), filled(unit, LONG))


def documents() -> dict[str, object]:
    seen = to_document(read_log(SESSION.format(1)))
    text = "535 5.7.8 no\n" * (LONG // 13)
    answered = {"state": "seen", "value": {"code": 554, "text": text, "status": None}}
    remarks = [f"error {number}: 535 5.7.8 no" for number in range(LONG // 30)]
    line = {"speaker": "S", "text": text, "tls": False}
    return {
        "many remarks": {**seen, "remarks": remarks},
        "a long remark": {**seen, "remarks": [text]},
        "a long reply": {**seen, "starttls": answered},
        "a long line": {**seen, "transcript": [line]},
        "many lines": {**seen, "transcript": [{**line, "text": "a"}] * (LONG // 50)},
        "long names": {**seen, "server_name": text, "failure": text},
    }


@pytest.mark.parametrize("name", documents())
def test_no_evidence_takes_long(name: str) -> None:
    raw = json.dumps(documents()[name]).encode()
    answer_within(LIMIT_OF_LONG, from_json, raw)


def test_the_units_are_different() -> None:
    units = list(chain(*UNITS.values()))
    assert len(set(units)) == len(units)
