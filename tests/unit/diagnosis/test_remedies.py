"""The libraries: complete, well-formed, and found by the names people use."""

import ast
import re

import pytest

from gatepost.diagnosis.remedies import LIBRARIES, TOPICS, find_library, remedies, topic_of
from gatepost.diagnosis.remedies.library import MECHANISM_TOPICS, Library, Place
from gatepost.errors import ConfigError

PLACE = Place("smtp.azurecomm.net", 587, "mail.example.com")
ALL = tuple(LIBRARIES.values())
EXPECTED = {
    "go-net-smtp", "python-smtplib", "aiosmtplib", "django", "nodemailer", "phpmailer",
    "javamail", "mailkit", "system-net-mail", "ruby-net-smtp", "lettre", "msmtp", "curl", "swaks",
}  # fmt: skip


def test_the_libraries() -> None:
    assert set(LIBRARIES) == EXPECTED


@pytest.mark.parametrize("library", ALL, ids=lambda each: each.name)
@pytest.mark.parametrize("finding", sorted(TOPICS))
def test_every_finding_with_a_cure_has_one_in_every_library(library: Library, finding: str) -> None:
    [remedy] = remedies(finding, (library,), ("LOGIN",), PLACE)
    assert remedy.library == library.name
    assert remedy.code or finding in ("auth_not_advertised", "unwanted_auth_attempt")


@pytest.mark.parametrize("library", ALL, ids=lambda each: each.name)
@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN", "XOAUTH2"])
def test_every_mechanism_that_a_library_can_have_has_code(library: Library, mechanism: str) -> None:
    able = mechanism in (*library.mechanisms, *library.settable)
    cure = remedies("mechanism_not_offered", (library,), (mechanism,), PLACE)
    assert bool(cure) is able
    assert all(each.code for each in cure)


@pytest.mark.parametrize("library", ALL, ids=lambda each: each.name)
def test_code_fits_a_terminal_and_leaves_no_placeholder(library: Library) -> None:
    for topic, cure in library.cures.items():
        text = PLACE.fill(cure.code or "")
        assert "{{h" not in text + cure.text, topic
        assert not re.search(r"\{\{(?!name|host|port)\w+", cure.code or ""), topic
        assert [line for line in text.expandtabs(4).splitlines() if len(line) > 76] == [], topic


@pytest.mark.parametrize("name", ["python-smtplib", "aiosmtplib", "django"])
def test_python_code_parses(name: str) -> None:
    for cure in LIBRARIES[name].cures.values():
        code = PLACE.fill(cure.code or "")
        ast.parse(code.replace("await ", ""))


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("go", "go-net-smtp"),
        ("net/smtp", "go-net-smtp"),
        (" GO_NET_SMTP ", "go-net-smtp"),
        ("smtplib", "python-smtplib"),
        ("Spring", "javamail"),
        ("Rails", "ruby-net-smtp"),
        ("powershell", "system-net-mail"),
        ("C#", "mailkit"),
    ],
)
def test_aliases(spelled: str, name: str) -> None:
    assert find_library(spelled).name == name


def test_no_two_libraries_share_a_name() -> None:
    names = [name for library in ALL for name in (library.name, *library.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("spelled", "meant"), [("nodemialer", "nodemailer"), ("pythn", "python-smtplib"), ("qqqq", "")]
)
def test_an_unknown_library_gets_a_suggestion(spelled: str, meant: str) -> None:
    with pytest.raises(ConfigError, match="no library is called") as caught:
        find_library(spelled)
    assert caught.value.did_you_mean == meant


CHOICES = [
    # library           offered                     it sends
    ("go-net-smtp",     "LOGIN",                    "PLAIN"),
    ("go-net-smtp",     "",                         "PLAIN"),
    ("python-smtplib",  "LOGIN PLAIN CRAM-MD5",     "CRAM-MD5"),
    ("python-smtplib",  "LOGIN PLAIN",              "PLAIN"),
    ("python-smtplib",  "XOAUTH2",                  ""),
    ("nodemailer",      "XOAUTH2",                  "PLAIN"),
    ("phpmailer",       "PLAIN LOGIN",              "LOGIN"),
    ("javamail",        "PLAIN LOGIN",              "LOGIN"),
    ("mailkit",         "LOGIN PLAIN SCRAM-SHA-1",  "SCRAM-SHA-1"),
    ("ruby-net-smtp",   "LOGIN",                    "PLAIN"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "offered", "choice"), CHOICES)
def test_what_a_library_sends(name: str, offered: str, choice: str) -> None:
    assert LIBRARIES[name].first_choice(tuple(offered.split())) == choice


def test_an_ipv6_address_gets_its_brackets_before_a_port() -> None:
    filled = Place("::1", 587).fill('dial("{{host}}:{{port}}"), {ServerName: "{{host}}"}')
    assert filled == 'dial("[::1]:587"), {ServerName: "::1"}'


def test_the_cure_follows_the_offer() -> None:
    go = LIBRARIES["go-net-smtp"]
    assert topic_of("mechanism_not_offered", go, ("LOGIN",)) == "login"
    assert topic_of("mechanism_not_offered", go, ("XOAUTH2",)) == "xoauth2"
    assert topic_of("mechanism_not_offered", go, ("NTLM",)) is None
    assert topic_of("bad_credentials", go, ("LOGIN",)) is None
    assert set(MECHANISM_TOPICS.values()) <= set(go.cures)
