"""Django's MAILERS: the advice has Django's own keys, which are not those of EMAIL_ settings."""

import ast
import re
from typing import Any

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.find_remedies import adapt_to_mailers
from gatepost.diagnosis.settings.mailers import _OPTIONS, _REPLACED
from gatepost.doctor.settings_files.read_settings_file import read_config
from gatepost.model.finding import Diagnosis, Finding

GOOD = {"host": "smtp.contoso.org", "port": 587, "use_tls": True, "username": "me@contoso.org",
        "password": "abcdefgh"}  # fmt: skip


def lint(options: dict[str, Any], more: str = "", **other: dict[str, Any]) -> Diagnosis:
    mailers = {alias: {"OPTIONS": given} for alias, given in {"default": options, **other}.items()}
    return diagnose(read_config(f"{more}\nMAILERS = {mailers!r}\n".encode(), "settings.py"))


def without(*names: str, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (GOOD | changes).items() if name not in names}


def only(diagnosis: Diagnosis) -> Finding:
    [finding] = diagnosis.findings
    return finding


@pytest.mark.parametrize(
    "options",
    [
        GOOD,
        without("port"),  # 587 by default with use_tls
        without("port", "use_tls", use_ssl=True),  # 465 with use_ssl
        without("use_tls", port=465, use_ssl=True),
        without(timeout=5, ssl_certfile=None, ssl_keyfile=None),
    ],
)
def test_what_django_accepts(options: dict[str, Any]) -> None:
    assert lint(options).verdict == "healthy"


@pytest.mark.parametrize(
    ("options", "cause", "keys"),
    [
        (GOOD | {"use_ssl": True}, "client_config_conflict", {"port", "use_tls", "use_ssl"}),
        (GOOD | {"port": 465}, "starttls_on_implicit_tls_port", {"port", "use_tls", "use_ssl"}),
        (without("use_tls", use_ssl=True), "implicit_tls_on_starttls_port", {"use_ssl"}),
        (without("use_tls"), "starttls_required", {"port", "use_tls"}),
        (GOOD | {"use_tls": "False"}, "unwanted_starttls", {"use_tls"}),
        (without("username", user="me@contoso.org"), "client_config_conflict", {"username"}),
        (without("use_tls", starttls=True), "client_config_conflict", {"use_tls"}),
        (without("host", hostname="smtp.contoso.org"), "client_config_conflict", {"host"}),
    ],
)
def test_the_fix_has_django_s_keys(options: dict[str, Any], cause: str, keys: set[str]) -> None:
    finding = only(lint(options))
    assert finding.id == cause
    named = set(re.findall(r'"(\w+)"', finding.fix))
    assert keys <= named <= set(_OPTIONS)
    for text in (finding.fix, *(f"{each.text} {each.code}" for each in finding.remedies)):
        assert "EMAIL_" not in text


def test_settings_that_mailers_replaces_are_named() -> None:
    finding = only(lint(GOOD, 'EMAIL_USE_TLS = True\nDEFAULT_FROM_EMAIL = "me@contoso.org"'))
    assert finding.id == "client_config_conflict"
    assert finding.proof == (
        "settings.py:1: EMAIL_USE_TLS: beside MAILERS, Django raises ImproperlyConfigured",
    )
    assert len(_REPLACED) == 11


def test_keys_outside_of_options() -> None:
    text = "MAILERS = {'default': {'host': 'smtp.contoso.org', 'OPTIONS': {'use_tls': True}}}"
    found = diagnose(read_config(text.encode(), "settings.py")).findings
    assert "MAILERS.default.host is outside of OPTIONS" in str([each.proof for each in found])
    assert 'Write "host" in OPTIONS.' in str([each.fix for each in found])


def test_each_mailer_is_a_client_of_its_own() -> None:
    """One with implicit TLS and one with STARTTLS do not contradict each other."""
    other = without("use_tls", use_ssl=True, port=465, host="smtp.example.org")
    assert lint(GOOD, 'DEFAULT_FROM_EMAIL = "me@contoso.org"', other=other).verdict == "healthy"
    finding = only(lint(GOOD, other=other | {"port": 587}))
    assert finding.proof[0].startswith("settings.py:2: MAILERS.other.OPTIONS.use_ssl")


def test_another_backend_has_other_options() -> None:
    text = (
        "MAILERS = {'default': {'BACKEND': 'anymail.backends.mailgun.EmailBackend', "
        "'OPTIONS': {'api_key': 'abc'}}}"
    )
    assert not diagnose(read_config(text.encode(), "settings.py")).findings


@pytest.mark.parametrize("topic", LIBRARIES["django"].fixes)
def test_the_code_of_each_fix_is_for_mailers(topic: str) -> None:
    library = adapt_to_mailers(LIBRARIES["django"])
    fix = library.fixes[topic]  # type: ignore[index]
    code = (fix.code or "").replace("{{port}}", "587").replace("{{host}}", "smtp.example.com")
    assert max(map(len, code.splitlines()), default=0) <= 80
    if topic != "url":  # whose variable is read by another package
        assert not re.search(r"\bEMAIL_(?!URL)", f"{fix.text} {code}")
    keys = {
        key.value
        for node in ast.walk(ast.parse(f"{{{code}}}" if code.startswith('"') else code))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    assert keys <= {"default", "BACKEND", "OPTIONS", *_OPTIONS}
