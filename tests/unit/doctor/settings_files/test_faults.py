"""Every mistake is found, in the words of its file, with its line."""

import re

import pytest

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.settings_files.read_settings_file import read_config
from gatepost.model.finding import Diagnosis
from tests.unit.doctor.settings_files.files import APPLICATION, ENTRA, HEALTHY, SECRET, TENANT

MANGLED = "credential_mangled_by_config"
URL = "credential_url_encoding"
HOST = "host_setting_malformed"
IMPLICIT = "implicit_tls_on_starttls_port"
STARTTLS = "starttls_on_implicit_tls_port"
CONFLICT = "client_config_conflict"
MISSING = "credentials_missing"


def lint(name: str, text: str | bytes) -> Diagnosis:
    raw = text.encode() if isinstance(text, str) else text
    return diagnose(read_config(raw, name))


def changed(name: str, old: str, new: str) -> str:
    """A healthy file with one mistake in it."""
    assert old in HEALTHY[name], old
    return HEALTHY[name].replace(old, new, 1)


# fmt: off
CHANGES: list[tuple[str, str, str, str, str]] = [
    # healthy file, what is replaced, by what, the cause, the place
    (".env", f"'{SECRET}'", "ab$cd3fgh", MANGLED, ":6"),
    (".env", f"'{SECRET}'", "ab#cd3fgh", MANGLED, ":6"),
    (".env", f"'{SECRET}'", '"ab${cd}3fgh"', MANGLED, ":6"),
    (".env", f"'{SECRET}'", '"ab\\nd3fgh"', MANGLED, ":6"),
    (".env", f"'{SECRET}'", '"abcd3fgh', MANGLED, ":6"),
    (".env", f"'{SECRET}'", "'abcd'3fgh'", MANGLED, ":6"),
    (".env", f"'{SECRET}'", "'abcd3fgh '", MANGLED, ":6"),
    (".env", f"'{SECRET}'", "abcd3fgh\r", MANGLED, ":6"),
    (".env", f"'{SECRET}'", "abcd\u00a03fgh", MANGLED, ":6"),
    (".env", f"'{SECRET}'", "abcd3fgh\u200b", MANGLED, ":6"),
    (".env", f"'{SECRET}'", "“abcd3fgh”", MANGLED, ":6"),
    (".env", f"'{SECRET}'", "äöüß3fgh", "non_ascii_password", ":6"),
    (".env", f"'{SECRET}'", TENANT, "wrong_credential_kind", ":6"),
    (".env", f"'{SECRET}'", "'endpoint=https://x/;accesskey=abc'", "wrong_credential_kind", ":6"),
    (".env", f"'{SECRET}'", "A" * 86 + "==", "wrong_credential_kind", ":6"),
    (".env", f"'{SECRET}'", "", MISSING, ":6"),
    (".env", f"'{SECRET}'", "<your-password>", MISSING, ":6"),
    (".env", f"'{SECRET}'", "changeme", MISSING, ":6"),
    (".env", ENTRA, APPLICATION, "username_format", ":5"),
    (".env", ENTRA, f"my-resource.{APPLICATION}", "username_format", ":5"),
    (".env", ENTRA, f"my-resource/{APPLICATION}/{TENANT}", "username_format", ":5"),
    (".env", "smtp.azurecomm.net", "smtp://smtp.azurecomm.net", HOST, ":2"),
    (".env", "smtp.azurecomm.net", "smtp.azurecomm.net:587", HOST, ":2"),
    (".env", "smtp.azurecomm.net", '"smtp.azurecomm.net "', HOST, ":2"),
    (".env", "smtp.azurecomm.net", "smtp.azurecomm.net,other.contoso.org", HOST, ":2"),
    (".env", "smtp.azurecomm.net", "smtp.azurecomm.net\u200b", HOST, ":2"),
    (".env", "SMTP_PORT=587", "SMTP_PORT=465", STARTTLS, ":4"),
    (".env", "SMTP_PORT=587", "SMTP_PORT=993", "wrong_submission_host", ":3"),
    (".env", "SMTP_PORT=587", "SMTP_PORT=five", HOST, ":3"),
    (".env", "SMTP_STARTTLS=true", "SMTP_SSL=true", IMPLICIT, ":4"),
    (".env", "SMTP_STARTTLS=true", "SMTP_STARTTLS=true\nSMTP_SSL=true", CONFLICT, ":5"),
    (".env", "SMTP_STARTTLS=true", "SMTP_SECURE=ssl", IMPLICIT, ":4"),
    (".env", "SMTP_STARTTLS=true", "SMTP_STARTTLS=true\nSMTP_SKIP_VERIFY=1",
     "client_accepts_invalid_cert", ":5"),
    (".env", "SMTP_STARTTLS=true", "SMTP_STARTTLS=true\nSMTP_AUTHENTICATION=plain",
     "mechanism_not_offered", ":5"),
    (".env", "DoNotReply@mail.contoso.org", "noreply@example.com",
     "sender_domain_not_linked", ":7"),
    (".env", "# mail\n", "\ufeff", HOST, ":1"),
    ("outline.env", "465", "587", IMPLICIT, ":3"),
    ("vaultwarden.env", "587", "465", STARTTLS, ":4"),
    ("vaultwarden.env", "starttls", "force_tls", IMPLICIT, ":4"),
    ("nextauth/.env.local", "smtp://apikey", "smtp://someone", "username_format", ":1"),
    ("nextauth/.env.local", "SG.abc", "xxabc", "wrong_credential_kind", ":1"),
    ("laravel/.env", '"correct horse"', "correct horse", MANGLED, ":8"),
    ("laravel/.env", "=587", "=465", STARTTLS, ":9"),
    ("laravel/.env", "=tls", "=ssl", IMPLICIT, ":9"),
    ("laravel-465/.env", "=smtps", "=tls", CONFLICT, ":2"),
    ("symfony/.env", "p%40ss", "p@ss", URL, ":1"),
    ("symfony/.env", "%2F", "/", URL, ":1"),
    ("symfony/.env", "%24rd", "%rd", URL, ":1"),
    ("symfony/.env", "%24rd", "$rd", MANGLED, ":1"),
    ("symfony/.env", "%2F", "#", URL, ":1"),
    ("symfony/.env", "%2F", "+", URL, ":1"),
    ("symfony/.env", "smtp://", "smtps://", IMPLICIT, ":1"),
    ("symfony-465/.env", "?local_domain=contoso.org", "?verify_peer=0",
     "client_accepts_invalid_cert", ":1"),
    ("dsn.txt", "p%40ss", "p@ss", URL, ":1"),
    ("dsn.txt", "p%40ss", "p@ss/word", URL, ":1"),
    ("dsn.txt", "p%40ss", "p?a=b@ss/word#1", URL, ":1"),
    ("dsn.txt", "smtps", "smtp", STARTTLS, ":1"),
    ("dsn.txt", "465", "587", IMPLICIT, ":1"),
    ("dsn.txt", ":p%40ss", "", MISSING, ":1"),
    ("settings.py", "EMAIL_USE_SSL = False", "EMAIL_USE_SSL = True", CONFLICT, ":11"),
    ("settings.py", "EMAIL_USE_SSL = False", "EMAIL_USE_SSL = 'False'", CONFLICT, ":11"),
    ("settings.py", "EMAIL_USE_TLS = True", "EMAIL_USE_TLS = 'False'", "unwanted_starttls", ":10"),
    ("settings.py", "EMAIL_USE_TLS = True", "EMAIL_USE_TLS = os.getenv('EMAIL_USE_TLS', False)",
     "unwanted_starttls", ":10"),
    ("settings.py", "EMAIL_USE_TLS = True", "EMAIL_USE_TLS = os.environ['EMAIL_USE_TLS']",
     "unwanted_starttls", ":10"),
    ("settings.py", "EMAIL_USE_TLS = True", "EMAIL_USE_TLS = False", "starttls_required", ":10"),
    ("settings.py", "EMAIL_PORT = 587", "EMAIL_PORT = 465", STARTTLS, ":10"),
    ("settings.py", '"smtp.contoso.org"', '"smtp.contoso.org",', HOST, ":8"),
    ("settings.py", '"smtp.contoso.org"', '"https://smtp.contoso.org"', HOST, ":8"),
    ("settings.py", '"smtp.contoso.org"', '"ssl://smtp.contoso.org"', HOST, ":8"),
    ("settings.py", '"smtp.contoso.org"', '"imap.contoso.org"', "wrong_submission_host", ":8"),
    ("gmail/settings.py", "465", "587", IMPLICIT, ":3"),
    ("gmail/settings.py", "abcd efgh ijkl mnop", "hunter22", "app_password_required", ":5"),
    ("gmail/settings.py", "'abcd efgh ijkl mnop'", "'abcdefghijklmnop\\n'", MANGLED, ":5"),
    ("gmail/settings.py", "'abcd efgh ijkl mnop'", "'abcdefghijklmnop',", MANGLED, ":5"),
    ("gmail/settings.py", "'abcd efgh ijkl mnop'", "'pässwörter'", "non_ascii_password", ":5"),
    ("gmail/settings.py", "'abcd efgh ijkl mnop'", "''", MISSING, ":5"),
    ("gmail/settings.py", HEALTHY["gmail/settings.py"].partition("True\n")[2], "", MISSING, ":1"),
    ("debug/settings.py", "587", "465", STARTTLS, ":7"),
    ("flask/config.py", "465", "587", IMPLICIT, ":4"),
    ("mailers/settings.py", "587", "465", STARTTLS, ":4"),
    ("appsettings.json", "587", "465", STARTTLS, ":7"),
    ("appsettings.json", "true", "false", "starttls_required", ":7"),
    ("appsettings.json", '"me@contoso.org", /*', '"CONTOSO\\\\me", /*', "username_format", ":8"),
    ("appsettings.json", "p@ss", " p@ss", MANGLED, ":9"),
    ("appsettings.json", '"EnableSsl"', '"port": 25, "EnableSsl"', CONFLICT, ":7"),
    ("appsettings.Production.json", "465", "587", IMPLICIT, ":5"),
    ("application.properties", "587", "465", STARTTLS, ":9"),
    ("application.properties", "starttls.enable", "ssl.enable", IMPLICIT, ":8"),
    ("application.properties", HEALTHY["application.properties"].partition("auth=true\n")[2],
     "spring.mail.properties.mail.smtp.starttls.enable=false\n", "starttls_required", ":8"),
    ("application.properties", "abc#def$ghi", "abc\\def", MANGLED, ":6"),
    ("application.properties", "abc#def$ghi", "abcdef ", MANGLED, ":6"),
    ("application.properties", "abc#def$ghi", "abcd${ef}", MANGLED, ":6"),
    ("application.properties", "smtp.contoso.org\n", "smtp.contoso.org \n", HOST, ":3"),
    ("application.properties", "smtp.contoso.org\n",
     "smtp.contoso.org\nspring.mail.properties.mail.smtp.ssl.trust=*\n",
     "client_accepts_invalid_cert", ":4"),
    ("application-ssl.properties", "465", "587", IMPLICIT, ":5"),
    ("application.yaml", "'a#b: c''d'", "abc #def", MANGLED, ":8"),
    ("application.yaml", "'a#b: c''d'", "012345", MANGLED, ":8"),
    ("application.yaml", "'a#b: c''d'", "@bcdefg", MANGLED, ":8"),
    ("application.yaml", "'a#b: c''d'", '"ab\\tcd"', MANGLED, ":8"),
    ("application.yaml", "'a#b: c''d'", "|\n      abcdef", MANGLED, ":8"),
    ("application.yaml", "587", "465", STARTTLS, ":14"),
    ("application.yaml", "enable: true", "enable: false", "starttls_required", ":14"),
    ("application.yml", "465", "587", IMPLICIT, ":5"),
    ("main.cf", "]:587", "]:465", STARTTLS, ":10"),
    ("main.cf", "]:587", "]:587 # gmail", HOST, ":6"),
    ("main.cf", "[smtp.contoso.org]:587", "smtp://smtp.contoso.org:587", HOST, ":6"),
    ("main.cf", "[smtp.contoso.org]:587", "[smtp.contoso.org:587]", HOST, ":6"),
    ("main.cf", "smtp_sasl_auth_enable = yes", "smtp_sasl_auth_enable = no", "auth_not_performed",
     ":7"),
    ("main.cf", "smtp_sasl_auth_enable = yes\n", "", "auth_not_performed", ":7"),
    ("main.cf", "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n", "", MISSING, ":7"),
    ("main.cf", "smtp_sasl_security_options = noanonymous\n", "", "client_mechanism_filter_wrong",
     ":7"),
    ("main.cf", "= noanonymous", "= noanonymous, noplaintext", "client_mechanism_filter_wrong",
     ":9"),
    ("main.cf", "= encrypt", "= none", "starttls_required", ":10"),
    ("wrapper/main.cf", "]:465", "]:587", IMPLICIT, ":2"),
    ("wrapper/main.cf", "= encrypt", "= may", CONFLICT, ":3"),
    (".msmtprc", "tls_starttls   off\n", "", STARTTLS, ":3"),
    (".msmtprc", "465", "587", IMPLICIT, ":17"),
    (".msmtprc", "auth           on\n", "", "auth_not_performed", ":10"),
    (".msmtprc", "auth           on", "auth           off", "auth_not_performed", ":2"),
    (".msmtprc", "tls            on", "tls            off", "starttls_required", ":3"),
    (".msmtprc", "tls            on", "tls            on\ntls_certcheck off",
     "client_accepts_invalid_cert", ":4"),
    (".msmtprc", "abcdefghijklmnop", "hunter22", "app_password_required", ":20"),
    (".msmtprc", "smtp.gmail.com", "https://smtp.gmail.com", HOST, ":15"),
    ("production.rb", "port: 587,", "port: 465,", STARTTLS, ":11"),
    ("production.rb", "enable_starttls_auto: true", "ssl: true", IMPLICIT, ":11"),
    ("production.rb", "enable_starttls_auto: true", "openssl_verify_mode: 'none'",
     "client_accepts_invalid_cert", ":11"),
    ("production.rb", '"smtp.contoso.org"', '"smtp.azurecomm.net"', "mechanism_not_offered", ":10"),
    ("mail.php", "465", "587", IMPLICIT, ":8"),
    ("mail.php", "ENCRYPTION_SMTPS", "ENCRYPTION_STARTTLS", STARTTLS, ":8"),
    ("mail.php", "$mail->SMTPAuth   = true;\n", "", "auth_not_performed", ":5"),
    ("mail.php", "'a$b\"c'", '"ab$cd"', MANGLED, ":7"),
    ("wp-config.php", "587", "465", STARTTLS, ":6"),
    ("wp-config.php", "'smtp.contoso.org'", "'ssl://smtp.contoso.org'", HOST, ":4"),
    ("mailer.js", "secure: false", "secure: true", IMPLICIT, ":4"),
    ("mailer.js", "secure: false", "secure: false,\n  tls: { rejectUnauthorized: false }",
     "client_accepts_invalid_cert", ":5"),
    ("docker-compose.yml", "'pa$$word'", "pa$word", MANGLED, ":10"),
    ("docker-compose.yml", "'pa$$word'", "'pass '", MANGLED, ":10"),
    ("secret.yaml", "YWJjZGVmZ2g=", "YWJjZGVmZ2gK", MANGLED, ":8"),
    ("grafana.ini", '"""a#b;c"""', "a#b;c", MANGLED, ":5"),
    ("grafana.ini", "enabled = true", "enabled = false", "client_not_configured", ":2"),
    ("grafana.env", "ENABLED=true", "ENABLED=false", "client_not_configured", ":1"),
    ("app.ini", "ENABLED = true", "ENABLED = false", "client_not_configured", ":2"),
    ("sasl_passwd", "ann@contoso.org:abc:def#gh", "ann@contoso.org abcdefgh", MANGLED, ":2"),
    ("sasl_passwd", "ann@contoso.org:abc:def#gh", "'ann@contoso.org:abcdef'", MANGLED, ":2"),
    ("environ-url/.env", "465", "587", IMPLICIT, ":1"),
    ("environ-url/.env", "smtp+ssl", "smtp+tls", STARTTLS, ":1"),
    ("failover/.env", "abc%40def", "abc@def", URL, ":1"),
    ("secret-file.env", "TLS=false", "TLS=true", "starttls_required", ":5"),
    ("fastapi/config.py", ".strip()", "", MANGLED, ":3"),
    ("fastapi/config.py", "587", "465", STARTTLS, ":5"),
    ("required/mail.js", "465", "587", IMPLICIT, ":2"),
    ("required/mail.js", "465, secure: true", '587, secure: "false"', IMPLICIT, ":2"),
    ("settings.py", "TLS = True", 'TLS = bool(os.environ["X"])', "unwanted_starttls", ":10"),
    ("application.properties", "def$ghi", "def # old", MANGLED, ":6"),
    ("application.yaml", "'a#b: c''d'", "a: b", MANGLED, ":8"),
    ("application.yaml", "'a#b: c''d'", "yes", MANGLED, ":8"),
    ("application.yaml", "'a#b: c''d'", "!abc", MANGLED, ":8"),
    ("application.yaml", "'a#b: c''d'", "abc\u00a0", MANGLED, ":8"),
    ("wrapper/main.cf", "abcdefgh", "abc$defgh", MANGLED, ":6"),
    (".env", "azurecomm.net", "azurecomm.net ", HOST, ":2"),
    ("app.ini", "465", "587", IMPLICIT, ":3"),
]
# fmt: on


@pytest.mark.parametrize(
    ("name", "old", "new", "cause", "place"), CHANGES, ids=lambda part: part[:28]
)
def test_a_mistake_is_found(name: str, old: str, new: str, cause: str, place: str) -> None:
    found = lint(name, changed(name, old, new))
    assert found.verdict == "finding"
    proofs = {each.id: each.proof for each in found.findings}
    assert cause in proofs, proofs
    file = name.rpartition("/")[2]
    assert any(line.startswith(f"{file}{place}: ") for line in proofs[cause]), proofs[cause]
    assert len(proofs) <= 3, proofs
    assert set(proofs) <= set(CAUSES)
    assert all(each.fix and each.summary for each in found.findings)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_file_is_recognised_by_its_content(name: str) -> None:
    """Standard input has no name."""
    assert lint("-", HEALTHY[name]).verdict in ("healthy", "unknown")
    if name not in ("symfony-null/.env", "wp-config.php"):
        assert lint("-", HEALTHY[name]).verdict == "healthy"


def test_files_that_powershell_writes() -> None:
    found = lint(".env", HEALTHY[".env"].encode("utf-16"))
    assert {each.id for each in found.findings} == {MANGLED, HOST}
    assert (
        lint("appsettings.json", HEALTHY["appsettings.json"].encode("utf-8-sig")).verdict
        == "healthy"
    )


def test_a_file_that_sets_nothing_is_unknown() -> None:
    for text in ("", "a", "\0" * 100, "[listeners]\nx = 1\n", "{", "def f(:", "- - - -\n"):
        for name in ("-", ".env", "settings.py", "a.json", "a.yaml", "a.properties", "main.cf",
                     "msmtprc", "a.rb", "a.php", "a.js", "a.ini", "x.conf"):  # fmt: skip
            assert lint(name, text).verdict == "unknown"


def test_several_mistakes_are_several_findings_the_surest_first() -> None:
    text = changed(".env", f"'{SECRET}'", "ab$cd3fgh").replace("587", "465").replace(
        "smtp.azurecomm.net", "smtp.contoso.org:465")  # fmt: skip
    found = lint(".env", text)
    assert found.findings[0].id == HOST
    assert {each.id for each in found.findings} == {HOST, MANGLED, STARTTLS}


def test_one_cause_is_one_finding_with_every_place() -> None:
    text = "SMTP_HOST=smtp.contoso.org\nSMTP_USER='me '\nSMTP_PASSWORD=ab$cd\n"
    (finding,) = lint(".env", text).findings
    assert [re.match(r"\.env:\d+", line)[0] for line in finding.proof] == [".env:2", ".env:3"]  # type: ignore[index]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000, "smtp:" * 60_000, "SMTP_PASSWORD='abc\nx\n" * 15_000,
        "SMTP_URL=smtp://u:" + "@x/" * 90_000, "a\\\n" * 90_000, '{"a":' * 50_000, "- " * 150_000,
    ],
    ids=lambda text: text[:12].strip(),
)  # fmt: skip
def test_large_files_that_make_no_sense_are_read_to_the_end(text: str) -> None:
    """In time that grows with their length."""
    for name in (".env", "a.rb", "a.properties", "a.yaml", "a.json", "main.cf"):
        assert lint(name, text).verdict in ("unknown", "healthy", "finding")
