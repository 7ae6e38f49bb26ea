"""No report shows a secret of a configuration file, whatever the file is and wherever the secret
is in it."""

import json
import string
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.evidence_document import from_json, to_document
from gatepost.doctor.markdown_report import render_markdown
from gatepost.doctor.settings_files.read_settings_file import read_config
from gatepost.doctor.terminal_report import render
from tests.examples import examples
from tests.unit.doctor.settings_files.files import HEALTHY

few = settings(
    deadline=None, max_examples=examples(12), suppress_health_check=[HealthCheck.filter_too_much]
)
OTHER = "An0therSecret"
LETTERS = string.ascii_letters + string.digits
TO_OTHERS = str.maketrans(LETTERS, LETTERS[13:] + LETTERS[:13])

# fmt: off
PLACES: list[tuple[str, str]] = [
    ("sasl_passwd", "[smtp.contoso.org]:587 me:{0}\n"),
    ("sasl_passwd", "me:{0}\n[smtp.contoso.org]:{0} me {0}\n"),
    (".env", (
        "SMTP_HOST=smtp.contoso.org\n"
        "SMTP_PORT=587\n"
        "SMTP_USER=me\n"
        "SMTP_PASSWORD={0}\n"
        "SMTP_FROM=a@b.org\n"
    )),
    (".env", (
        "SMTP_HOST=smtp.contoso.org\n"
        'SMTP_PASS="{0}"\n'
    )),
    (".env", (
        "SMTP_HOST=smtp.contoso.org\n"
        "SMTP_PASS='{0}'\n"
        "SMTP_USER={0}\n"
    )),
    (".env", (
        "SMTP_SECRET={0} # comment\n"
        "SMTP_HOST=smtp.contoso.org\n"
    )),
    (".env", (
        "SENDGRID_API_KEY={0}\n"
        "SMTP_HOST=smtp.sendgrid.net\n"
        "SMTP_USER=apikey\n"
        "SMTP_PASSWORD=SG.{0}\n"
    )),
    (".env", "MAILER_DSN=smtp://me:{0}@smtp.contoso.org:587\n"),
    (".env", 'MAILER_DSN="smtp://{0}:{0}@smtp.contoso.org:587?verify_peer=0"\n'),
    (".env", "EMAIL_SERVER=smtp://{0}@smtp.contoso.org:587\n"),
    (".env", (
        "MAIL_HOST=smtp.contoso.org\n"
        "MAIL_URL=smtp://me:{0}@smtp.contoso.org\n"
        "MAIL_PASSWORD={0}\n"
    )),
    (".env", "SMTP_HOST=smtp://me:{0}@smtp.contoso.org:587\n"),
    ("-", "smtps://me:{0}@smtp.contoso.org:465\n"),
    ("-", "smtp://me:{0}@smtp.contoso.org:587/?from=a@b.org&password={0}\n"),
    ("settings.py", (
        "EMAIL_HOST = 'smtp.contoso.org'\n"
        "EMAIL_HOST_PASSWORD = {1!r}\n"
        "EMAIL_HOST_USER = {1!r}\n"
    )),
    ("settings.py", (
        "EMAIL_HOST = 'smtp.gmail.com'\n"
        "EMAIL_HOST_PASSWORD = os.environ.get('X', {1!r})\n"
    )),
    ("settings.py", (
        "EMAIL_HOST = 'smtp.gmail.com'\n"
        "EMAIL_HOST_PASSWORD = 'a' + {1!r},\n"
        "X = {1!r}\n"
    )),
    ("appsettings.json",
     '{{"Smtp": {{"Host": "smtp.contoso.org", "Password": {2}, "Username": {2}}}}}'),
    ("appsettings.json", (
        '{{"Smtp": {{"Host": "smtp.contoso.org", "ConnectionString": "endpoint=https://x/;accesskey={0}"}}}}'
    )),
    ("application.properties", (
        "spring.mail.host=smtp.contoso.org\n"
        "spring.mail.username={0}\n"
        "spring.mail.password={0}\n"
    )),
    ("application.yaml", (
        "spring:\n"
        "  mail:\n"
        "    host: smtp.contoso.org\n"
        "    password: {0}\n"
        "    username: '{0}'\n"
    )),
    ("application.yaml", (
        "spring:\n"
        "  mail:\n"
        "    host: smtp.contoso.org\n"
        '    password: "{0}"\n'
    )),
    ("main.cf", (
        "relayhost = [smtp.contoso.org]:587\n"
        "smtp_sasl_auth_enable = yes\n"
        "smtp_sasl_password_maps = static:me:{0}\n"
    )),
    ("main.cf", (
        "relayhost = [smtp.contoso.org]:587\n"
        "smtp_sasl_password_maps = inline:{{ {{ [smtp.contoso.org]:587 = me:{0} }} }}\n"
    )),
    ("msmtprc", (
        "account a\n"
        "host smtp.contoso.org\n"
        "user {0}\n"
        "password {0}\n"
        "auth on\n"
    )),
    ("msmtprc", (
        "account a\n"
        "host smtp.contoso.org\n"
        "user me\n"
        'passwordeval "echo {0}"\n'
        "auth on\n"
    )),
    ("a.rb", (
        "config.action_mailer.smtp_settings = {{\n"
        "  address: 'smtp.contoso.org', password: '{0}',\n"
        '  user_name: "{0}"\n'
        "}}\n"
    )),
    ("a.php", (
        "<?php\n"
        "$mail->Host = 'smtp.contoso.org';\n"
        "$mail->Password = '{0}';\n"
        '$mail->Username = "{0}";\n'
    )),
    ("a.js", (
        "createTransport({{ host: 'smtp.contoso.org', auth: {{ user: 'me', pass: '{0}' }} }})\n"
    )),
    ("compose.yaml", (
        "services:\n"
        "  a:\n"
        "    environment:\n"
        "      - SMTP_PASSWORD={0}\n"
        "      - SMTP_HOST=smtp.contoso.org\n"
    )),
    ("a.ini", (
        "[smtp]\n"
        "host = smtp.contoso.org\n"
        "password = {0}\n"
        "user = {0}\n"
    )),
]
# fmt: on
SECRETS = st.text(
    st.sampled_from(string.ascii_letters + string.digits + string.punctuation + " äß€\u00a0\u200b"),
    min_size=6,
    max_size=30,
)  # fmt: skip


def reports(name: str, text: str) -> str:
    """Return all that any report shows, and what ``--save`` writes."""
    diagnosis = diagnose(read_config(text.encode("utf-8", "replace"), name))
    kept = json.dumps(to_document(diagnosis.evidence), ensure_ascii=False)
    assert diagnose(from_json(kept.encode())).findings == diagnosis.findings
    document = json.dumps(report_document(diagnosis), ensure_ascii=False)
    return "\n".join((render(diagnosis), render_markdown(diagnosis), document, kept))


def assert_hidden(say: Callable[[str], str], name: str, secret: str) -> None:
    """Fail if a report shows the secret; text that is there without it does not count.

    A secret of the same form, with other letters, causes the same findings.
    """
    alike = secret.translate(TO_OTHERS)
    others = {OTHER, alike} - {secret}
    shown = reports(name, say(secret))
    usual = "\n".join(reports(name, say(each)) for each in others)
    pieces = {secret, secret.strip(), quote(secret, safe="")}
    pieces |= {
        piece for piece in secret.replace("@", " ").replace("/", " ").split() if len(piece) > 5
    }
    for form in pieces:
        if len(form) > 3 and _dense(form) not in _dense(usual):
            assert form not in shown
            assert _dense(form) not in _dense(shown)


def _dense(text: str) -> str:
    """Remove line breaks: a report may break a line within a secret."""
    return text.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(("name", "place"), PLACES)
@few
@given(SECRETS)
@example("p@ss.word/x?y=z#1")
@example("ab cd # ef'gh\"ij")
@example("${x}$y%40%zz\\n")
@example("Compo ")  # a finding about the space names Compose
@example('00012"')  # the quote ends the URL within the user name
def test_no_secret_comes_out(name: str, place: str, secret: str) -> None:
    assume(len(set(secret)) > 3 and secret.strip())

    def say(secret: str) -> str:
        return place.format(secret, secret, json.dumps(secret))

    assert_hidden(say, name, secret)


@pytest.mark.parametrize("name", HEALTHY)
@settings(deadline=None, max_examples=examples(6))
@given(st.data())
def test_any_file_is_read(name: str, data: st.DataObject) -> None:
    """Nothing in a file raises an error: parts are cut out, doubled and damaged."""
    text = HEALTHY[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    middle = data.draw(
        st.sampled_from(["", "\0", "\n", "'", '"', "{", "\\", "=", ":", "\ufeff", "$(", text])
    )
    assert reports(name, text[:start] + middle + text[end:])
    assert reports("-", text[:start] + middle + text[end:])


@settings(deadline=None, max_examples=examples(60))
@given(st.binary(max_size=300), st.sampled_from(sorted(HEALTHY)))
@example(b"\x0b", ".msmtprc")
@example(b"smtp://localhost:10\xb2", "dsn.txt")
def test_any_octets_are_read(octets: bytes, name: str) -> None:
    assert diagnose(read_config(octets, name)).verdict in ("unknown", "finding", "healthy")
