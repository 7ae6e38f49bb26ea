"""Whatever program wrote a log, and wherever the secret is in it, no report shows it."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.credential_shapes import shape_of
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.markdown_report import render_markdown
from gatepost.doctor.terminal_report import render
from tests.examples import examples

Say = Callable[[str, str], str]
"""Speaker and text to the line of a log."""


few = settings(max_examples=examples(8), deadline=None)
"""For each style: they share what they go through."""
OTHER = "Another0Secret!"
AN_ERROR = re.compile(
    r"(?i)aadsts\d+|(?:invalid|unauthorized)_\w+|undefined|incorrect|"
    r"scram-sha-[\w-]+|cram-md5|digest-md5|oauthbearer|gss-spnego|external|anonymous"
)
"""What stands where a secret was expected, and is worth reading."""

# fmt: off
STYLES: dict[str, Say] = {
    "smtplib":    lambda who, text: f"send: '{text}\\r\\n'" if who == "C"
                  else f"reply: b'{text}\\r\\n'",
    "smtplib-2":  lambda who, text: f"10:00:00.123 send: '{text}\\r\\n'" if who == "C"
                  else f"10:00:00.235 reply: b'{text}\\r\\n'",
    "nodemailer": lambda who, text: f"[2024-05-05 10:00:00] DEBUG [x1] {who}: {text}",
    "pino":       lambda who, text: json.dumps({"level": 20, "time": 1, "msg": f"{who}: {text}"}),
    "phpmailer":  lambda who, text: "2024-05-05 10:00:00 "
                  f"{'CLIENT -> SERVER' if who == 'C' else 'SERVER -> CLIENT'}: {text}",
    "phpmailer-html": lambda who, text: "2024-05-05 10:00:00 "
                  f"{'CLIENT -&gt; SERVER' if who == 'C' else 'SERVER -&gt; CLIENT'}: {text}<br>",
    "phpmailer-5": lambda who, text: f"{'CLIENT -> SMTP' if who == 'C' else 'SMTP -> FROM SERVER'}:"
                  f"{text}",
    "mailkit":    lambda who, text: f"{who}: {text}",
    "mailkit-time": lambda who, text: f"2024-05-05T10:00:00.235Z {who}: {text}",
    "plain":      lambda _who, text: text,
    "go-mail":    lambda who, text: f"2024/05/05 10:00:00 DEBUG: "
                  f"{'C --> S' if who == 'C' else 'C <-- S'}: {text}",
    "lettre":     lambda who, text: f"[2024-05-05T10:00:00Z DEBUG lettre::transport::smtp] "
                  f"{'>>' if who == 'C' else '<<'} {text}",
    "ruby":       lambda who, text: f'{"<-" if who == "C" else "->"} "{text}\\r\\n"',
    "swaks":      lambda who, text: f"{' ~>' if who == 'C' else '<~ '} {text}",
    "swaks-clear": lambda who, text: f"{' ->' if who == 'C' else '<- '} {text}",
    "curl":       lambda who, text: f"{'>' if who == 'C' else '<'} {text}",
    "msmtp":      lambda who, text: f"{'-->' if who == 'C' else '<--'} {text}",
    "postfix":    lambda who, text: "May  5 10:00:00 mx postfix/smtp[7]: "
                  f"{'>' if who == 'C' else '<'} mail.example.com[192.0.2.1]:587: {text}",
    "arrows":     lambda who, text: f"{'=>' if who == 'C' else '<='} {text}",
    "brackets":   lambda who, text: f"[{'CLIENT' if who == 'C' else 'SERVER'}] {text}",
    "sent-got":   lambda who, text: f"{'Sent' if who == 'C' else 'Got'}: {text}",
    "out-in":     lambda who, text: f"{'OUT' if who == 'C' else 'IN'}: {text}",
    "rainloop":   lambda who, text: "[12:29:47.567][70f77b35] SMTP[DATA]: "
                  f"{'>' if who == 'C' else '<'} {text}",
    "thunderbird": lambda who, text: "[Parent 4711: Main Thread]: I/SMTP SMTP "
                  f"{'Send' if who == 'C' else 'Response'}: {text}",
    "stalwart":   lambda who, text: f'TRACE smtp: event="{"read" if who == "C" else "write"}" '
                  f'data="{text}\\r\\n" size=9',
    "opensmtpd":  lambda who, text: f"smtp: 0x18dc: {'<<<' if who == 'C' else '>>>'} {text}",
    "smtpd":      lambda who, text: f"postfix/smtpd[7]: {'<' if who == 'C' else '>'} "
                  f"client.example.net[192.0.2.1]: {text}",
    "exim":       lambda who, text: f"10:00:00 71  SMTP{'>>' if who == 'C' else '<<'} {text}",
    "symfony":    lambda who, text: f"[2024-05-05T10:00:00.235+00:00] "
                  f"{'>' if who == 'C' else '<'} {text}",
    "swift":      lambda who, text: f"{'>>' if who == 'C' else '<<'} {text}",
    "perl":       lambda who, text: f"Net::SMTP=GLOB(0x55d0)"
                  f"{'>>>' if who == 'C' else '<<<'} {text}",
    "dotnet":     lambda who, text: "Information: "
                  f"{'Sending' if who == 'C' else 'Received'}: {text}",
    "comma-time": lambda who, text: f"2024-05-05 10:00:00,235 DEBUG mail {who}: {text}",
}
# fmt: on
PROMPTS = {"username": "334 VXNlcm5hbWU6", "password": "334 UGFzc3dvcmQ6"}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def dialogue(mechanism: str, name: str, secret: str) -> Iterator[tuple[str, str]]:
    """Return the lines of client and server, with the secret as the mechanism encodes it."""
    yield from (("S", "220 mail.example.com ESMTP"), ("C", "EHLO me.example.org"))
    yield from (("S", "250-mail.example.com"), ("S", "250 AUTH PLAIN LOGIN XOAUTH2"))
    plain, for_another = b64(f"\0{name}\0{secret}"), b64(f"{name}\0{name}\0{secret}")
    token = b64(f"user={name}\x01auth=Bearer {secret}\x01\x01")
    match mechanism:
        case "plain":
            yield ("C", f"AUTH PLAIN {plain}")
        case "plain-authzid":
            yield ("C", f"AUTH PLAIN {for_another}")
        case "plain-later":
            yield from (("C", "AUTH PLAIN"), ("S", "334 "), ("C", plain))
        case "login":
            yield from (("C", "AUTH LOGIN"), ("S", PROMPTS["username"]), ("C", b64(name)))
            yield from (("S", PROMPTS["password"]), ("C", b64(secret)))
        case "login-initial":
            yield from (("C", f"AUTH login {b64(name)}"), ("S", PROMPTS["password"]))
            yield ("C", b64(secret))
        case "login-wrapped":
            encoded = b64(secret * 4)
            yield from (("C", "AUTH LOGIN"), ("S", PROMPTS["username"]), ("C", b64(name)))
            yield ("S", PROMPTS["password"])
            for start in range(0, len(encoded), 60):
                yield ("C", encoded[start : start + 60])
        case "login-raw":
            yield from (("C", "AUTH LOGIN"), ("S", PROMPTS["username"]), ("C", name))
            yield from (("S", PROMPTS["password"]), ("C", secret))
        case "xoauth2":
            yield ("C", f"AUTH XOAUTH2 {token}")
        case "twice":
            yield from (("C", "AUTH LOGIN"), ("S", PROMPTS["username"]), ("C", b64(b64(name))))
            yield from (("S", PROMPTS["password"]), ("C", b64(b64(secret))))
    yield ("S", "535 5.7.8 Error: authentication failed")


MECHANISMS = (
    "plain", "plain-authzid", "plain-later", "login", "login-initial", "login-wrapped", "xoauth2",
    "twice",
)  # fmt: skip


def reports(log: str) -> str:
    """Return all that any report shows of a log."""
    diagnosis = diagnose(read_log(log))
    document = json.dumps(report_document(diagnosis), ensure_ascii=False)
    return "\n".join((render(diagnosis), render_markdown(diagnosis), document))


def aligned(secret: str) -> Iterator[str]:
    """Return the base64 of a secret at each of the three offsets that it may have in longer
    data."""
    raw = secret.encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        first, last = (8 * offset + 5) // 6, 8 * (offset + len(raw)) // 6
        yield encoded[first:last]


VOCABULARY = " ".join(f"{each.summary} {each.fix} {each.probe}" for each in CAUSES.values())
"""What a report may say of itself: ``password`` is a word, too."""


def assert_hidden(log: Callable[[str], str], secret: str, name: str = "") -> None:
    """Fail if a report shows the secret of ``log``; text that is there without it does not
    count."""
    if shape_of(secret).kind == "nothing":
        return  # a word for none, which reports call by its name
    shown, usual = reports(log(secret)), reports(log(OTHER)).replace("\n", "")
    unwrapped = shown.replace("\n", "").replace(" ", "")
    for form in (secret, *aligned(secret), *(aligned(name) if name else ())):
        if form not in usual and form not in VOCABULARY:
            assert form not in shown
            assert form.replace(" ", "") not in unwrapped


SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126) | st.sampled_from("äß€ж"),
    min_size=8, max_size=40,
)  # fmt: skip
WORDS = st.text("abcdefghkmnpqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ0123456789!$%*_~+-", min_size=9,
                max_size=32)  # fmt: skip
NAMES = st.sampled_from(["ann@example.org", "svc-mailer-7", "res.app.tenant"])


@pytest.mark.parametrize("style", STYLES)
@few
@given(st.sampled_from(MECHANISMS), NAMES, SECRETS)
def test_no_secret_comes_out_of_a_session(
    style: str, mechanism: str, name: str, secret: str
) -> None:
    assume(len(set(secret)) > 3)
    say = STYLES[style]

    def log(secret: str) -> str:
        return "\n".join(say(*line) for line in dialogue(mechanism, name, secret))

    assert_hidden(log, secret, name)


@pytest.mark.parametrize("style", STYLES)
@few
@given(NAMES, WORDS)
def test_not_even_one_that_was_not_encoded(style: str, name: str, secret: str) -> None:
    assume(len(set(secret)) > 3 and not secret.isdigit())
    assume(not re.match(r"[2-5]\d\d-", secret))  # that is a reply
    say = STYLES[style]

    def log(secret: str) -> str:
        return "\n".join(say(*line) for line in dialogue("login-raw", name, secret))

    assert_hidden(log, secret)


@pytest.mark.parametrize("style", STYLES)
@few
@given(NAMES, WORDS)
def test_nor_one_that_an_error_repeats_later(style: str, name: str, secret: str) -> None:
    assume(len(set(secret)) > 3 and not secret.isdigit())
    say = STYLES[style]

    def log(secret: str) -> str:
        lines = [say(*line) for line in dialogue("plain", name, secret)]
        lines += [f"Error: cannot sign in with ({secret}) as {name}", f"retry {b64(secret)}"]
        return "\n".join(lines)

    assert_hidden(log, secret)


# fmt: off
PLACES = (
    "SMTP_PASSWORD={0}", 'EMAIL_HOST_PASSWORD = "{0}"', "  password: {0}", "pass: '{0}',",
    "'password' => '{0}',", '"smtp_pass": "x", "password": "{0}"', "MAIL_PASSWORD='{0}'",
    'server.login("ann@example.org", "{0}")', 'smtp.PlainAuth("", "ann", "{0}", host)',
    'new NetworkCredential("ann", "{0}")', "client.Authenticate (\"ann\", \"{0}\");",
    "Authorization: Bearer {0}", "endpoint=https://x.communication.azure.com/;accesskey={0}",
    "swaks --auth-user ann --auth-password {0} -tls", "curl -u ann:{0} smtp://mail.example.com",
    "{{ user: 'ann', pass: '{0}' }}", "spring.mail.password={0}", "client_secret={0}&grant_type=x",
    "access_token: '{0}'", "mail.smtp.password = {0}", "$mail->Password = '{0}';",
    "api_key: '{0}'", "SMTP_PASS={0}", "smtp_pass: {0}", "smtp_sasl_password_maps = static:ann:{0}",
    "[mail.example.com]:587 ann@example.org:{0}", "password {0}", "client_send = ^ann^{0}",
    "SMTP_PASSWORD: >\n  {0}\n", "SMTP_PASSWORD=\\\n{0}", "<password>\n  {0}\n</password>",
    'server.login(\n    "ann@example.org",\n    "{0}",\n)',
    "machine mail.example.com login ann password {0}", "<password>{0}</password>",
)
# fmt: on


@pytest.mark.parametrize("place", PLACES)
@few
@given(WORDS.filter(lambda word: not word.startswith(("$", "%", "*", "<"))))
def test_nor_one_in_a_setting_or_in_code(place: str, secret: str) -> None:
    assume(len(set(secret)) > 3 and not secret[:3].isdigit() and secret.strip("*x.") == secret)
    assume(not AN_ERROR.fullmatch(secret))

    def log(secret: str) -> str:
        return f"{place.format(secret)}\n535 5.7.8 authentication failed for {secret}\n"

    assert_hidden(log, secret)


@settings(deadline=None, max_examples=examples(40))
@given(SECRETS.filter(lambda text: not set(text) & set("<>\"'@`")))
def test_nor_one_in_a_url(secret: str) -> None:
    assume(len(set(secret)) > 3)
    assume(not secret.startswith("$") and not AN_ERROR.fullmatch(secret))

    def encoded(secret: str) -> str:
        return f"MAILER_DSN=smtp://ann:{quote(secret, safe='')}@mail.example.com:587\nENOTFOUND a"

    def as_it_is(secret: str) -> str:
        return f"MAILER_DSN=smtp://ann:{secret}@mail.example.com:587\nENOTFOUND a"

    assert_hidden(encoded, secret)
    assert_hidden(as_it_is, secret)


@settings(deadline=None, max_examples=examples(40))
@given(st.binary(min_size=32, max_size=32), st.sampled_from(["eyJhbGciOiJSUzI1NiJ9"]))
def test_nor_the_signature_of_a_token(signature: bytes, head: str) -> None:
    signed = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    claims = b64('{"upn":"ann@example.org"}').rstrip("=")
    token = f"{head}.{claims}.{signed}"
    for log in (f"token {token} refused", f'{{"access_token":"{token}"}}', f"got: {token}"):
        assert signed not in reports(f"{log}\n535 5.7.3 Authentication unsuccessful")


@pytest.mark.parametrize(
    "token",
    [
        "SG.AbCdEfGhIjKlMnOp.QrStUvWxYz0123456789abcdef", "xsmtpsib-0123456789abcdef-AbCdEf",
        "key-0123456789abcdef0123456789abcdef", "re_AbCdEfGh_0123456789abcdefgh",
        "AKIAABCDEFGHIJKLMNOP", "abc8Q~AbCdEfGhIjKlMnOpQrStUvWxYz.01234567",
        "BAbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdE", "ya29.a0AbCdEfGhIjKlMnOp",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ],
)  # fmt: skip
def test_nor_what_looks_like_a_providers_key(token: str) -> None:
    assert_hidden(lambda secret: f"no sign-in with {secret}: 535 no\nsaid {b64(secret)}", token)


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    """No text raises an error."""
    assert reports(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from([
    "220 a", "250-a", "250 a", "334 ", "535 no", "EHLO a", "STARTTLS", "AUTH PLAIN", "*",
    "AUTH LOGIN",
    "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", "354 go", ".", "QUIT", "YQ==", "", "250 AUTH PLAIN",
    "C: EHLO x", "S: 250 y", "421 bye", "235 ok",
]), max_size=30))  # fmt: skip
def test_any_order_of_lines_is_read(lines: list[str]) -> None:
    assert reports("\n".join(lines))
