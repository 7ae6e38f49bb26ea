"""YAML is read as PyYAML reads it, and a fault is claimed only where PyYAML refuses it."""

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.doctor.settings_files.read_settings_file import read_config
from gatepost.model.finding import Diagnosis

MANGLED = "credential_mangled_by_config"
# fmt: off
VALID = {
    "anchor and merge key":
        "x-mail: &mail\n  host: h.contoso.org\n  port: 25\n  username: a@x.org\n"
        "  password: &pw 'ab#cd: ef'\nmail:\n  <<: *mail\n  port: 587\n  starttls: true\n",
    "alias": "a:\n  - &pw \"ab#cd: ef\"\nmail:\n  host: h.contoso.org\n  port: 587\n"
        "  username: a@x.org\n  password: *pw\n  starttls: true\n",
    "flow mapping over lines": "mail: {host: h.contoso.org,\n  port: 587, username: a@x.org,\n"
        "  password: \"abc: d#e\", starttls: true}\n",
    "folded and literal": "mail:\n  host: >-\n    h.contoso.org\n  port: 587\n  username: |-\n"
        "    a@x.org\n  password: >-\n    abcdefgh\n  starttls: true\n",
    "quotes over lines": "mail:\n  host: h.contoso.org\n  port: 587\n  username: a@x.org\n"
        "  password: 'abcd-\n    efgh-\n    ijkl'\n  starttls: true\n",
    "complex key": "? mail\n: host: h.contoso.org\n  port: 587\n  username: a@x.org\n"
        "  password: abcdefgh\n  starttls: true\n",
    "value below its key": "mail: # here\n  host: h.contoso.org # there\n\n  # and\n"
    "  port:    587\n"
        "  username: a@x.org\n  password:   # the one\n    \"abcd#fgh\"\n  starttls: true\n",
    "documents": "%YAML 1.1\n---\nkind: Other\n...\n--- # second\nmail:\n"
    "  host: h.contoso.org\n  port: 587\n"
        "  username: a@x.org\n  password: abcdefgh\n  starttls: true\n",
    "quoted keys": "\"mail\":\n  'host': h.contoso.org\n  \"port\": 587\n  \"username\": a@x.org\n"
        "  \"password\": 'it''s fine'\n  \"starttls\": true\n",
    "text by its tag": "mail:\n  host: h.contoso.org\n  port: 587\n  username: a@x.org\n"
        "  password: !!str 0123456\n  starttls: true\n",
    "CRLF and tabs": "mail:\r\n  host:\th.contoso.org\r\n  port: 587\t# c\r\n"
    "  username: a@x.org\r\n"
        "  password: abcdefgh\r\n  starttls: true\r\n",
    "not only ASCII": "# ünïcödé \U0001f600\nmail:\n  host: h.contoso.org\n  port: 587\n"
        "  username: a@x.org\n  note: \"日本: #x\"\n  password: \"abcdefgh\"\n  starttls: true\n",
    "an item for each variable": "services:\n  a:\n    environment:\n"
    "    - SMTP_HOST=h.contoso.org\n"
        "    - SMTP_PORT=587\n    - \"SMTP_PASSWORD=abcdef\"\n    - SMTP_USERNAME=a@x.org\n"
        "    - SMTP_STARTTLS=true\n",
}
ELSEWHERE = {
    "vault": "!vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6238\n",
    "CloudFormation": "!Ref Password\n", "GitLab": "!reference [.mail, password]\n",
    "Actions": "${{ secrets.PASSWORD }}\n", "Jinja": "{{ password }}\n"
    "", "ERB": "<%= ENV[\"P\"] %>\n",
    "Helm": "{{ .Values.password | quote }}\n", "in quotes": "\"{{ password }}\"\n",
    "Symfony": "'%env(PASSWORD)%'\n",
}
REFUSED = {
    "an open quote": '"abcdefgh', "another": "'abcdefgh", "a reserved character": "@bcdefgh",
    "a directive": "%bcdefgh", "a colon": "abc: defgh", "an unknown alias": "*abcdefgh",
    "a block": "|abcdefgh", "an open list": "[abcdefgh", "an item": "- abcdefgh",
}
# fmt: on
MAIL = "mail:\n  host: h.contoso.org\n  port: 587\n  username: a@x.org\n  password: {}\n"


def lint(text: str) -> Diagnosis:
    return diagnose(read_config(text.encode(), "config.yml"))


@pytest.mark.parametrize("name", VALID)
def test_valid_yaml_has_no_fault(name: str) -> None:
    found = lint(VALID[name])
    roles = {each.role: each for each in found.evidence.configs[0].settings}
    assert found.verdict == "healthy", found.findings
    assert (roles["host"].shown, roles["port"].shown) == ("h.contoso.org", "587")
    assert roles["username"].form == "address"
    assert roles["password"].secret is not None


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_value_that_is_elsewhere(name: str) -> None:
    for text in (MAIL.format(ELSEWHERE[name]), "{{- if x }}\n" + MAIL.format(ELSEWHERE[name])):
        found = lint(text)
        assert found.verdict == "healthy", found.findings
        [password] = [
            each for each in found.evidence.configs[0].settings if each.role == "password"
        ]
        assert password.state == "elsewhere"


@pytest.mark.parametrize("name", REFUSED)
def test_a_line_that_is_refused_is_a_certain_fault(name: str) -> None:
    text = (
        f"# a file\nother:\n- x: &a [1, 2]\n  y: *a\n{MAIL.format(REFUSED[name])}  starttls: true\n"
    )
    found = lint(text)
    [fault] = [each for each in found.findings if each.id == MANGLED]
    assert fault.confidence == "certain"
    assert fault.proof[0].startswith("config.yml:9: mail.password ")
    roles = {each.role: each for each in found.evidence.configs[0].settings}
    assert (roles["host"].shown, roles["starttls"].on) == ("h.contoso.org", True)


def test_what_is_valid_is_no_fault_in_a_file_that_is_refused() -> None:
    """The alias, the block and the lines in quotes are YAML, whatever is wrong below them."""
    text = (
        "a: &pw secret\nmail:\n  host: h.contoso.org\n  port: 587\n  username: &name\n"
        '    a@x.org\n  password: *pw\n  starttls: true\nb: "two\n  lines"\nc:\n\t- tab\n'
    )
    assert lint(text).findings == ()


def test_the_line_of_a_refused_value_below_items() -> None:
    text = "list:\n- name: x\n  mail:\n    smtp_host: h\n    smtp_password: `abc\n- name: y\n"
    [fault] = [each for each in lint(text).findings if each.id == MANGLED]
    assert fault.proof[0].startswith("config.yml:5: list.mail.smtp_password ")


def test_a_kubernetes_secret_below_another_document() -> None:
    text = (
        "a: b\n---\nkind: Secret\ndata:\n  SMTP_PASSWORD: YWJjZGVmZ2gK\nstringData:\n"
        "  SMTP_HOST: h\n"
    )
    assert [each.id for each in lint(text).findings][:1] == [MANGLED]


def test_loops_and_repeated_aliases_end() -> None:
    bomb = "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(40)
    )
    for text in (bomb, "a: &a [*a, *a]\n" * 99, "a: &a\n  <<: *a\n  b: *a\n", "[" * 99_999):
        assert lint(text).verdict == "unknown"
