"""The libraries: complete, well-formed, and found by their usual names."""

import ast
import re

import pytest

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.causes.cause import Topic
from gatepost.diagnosis.remedies.catalog import ALIASES, LIBRARIES
from gatepost.diagnosis.remedies.choice import MECHANISM_TOPICS, topic_of, why_not
from gatepost.diagnosis.remedies.find_remedies import find_library, library_called, remedies
from gatepost.diagnosis.remedies.library import Library, Placeholders
from gatepost.errors import ConfigError

PLACE = Placeholders("smtp.azurecomm.net", 587, "mail.example.com")
ALL = tuple(LIBRARIES.values())
EXPECTED = {
    "go-net-smtp", "go-mail", "python-smtplib", "aiosmtplib", "django", "nodemailer", "phpmailer",
    "symfony", "laravel", "javamail", "spring", "mailkit", "system-net-mail", "powershell",
    "ruby-net-smtp",
    "lettre", "msmtp", "curl", "swaks", "postfix",
}  # fmt: skip


TOPICS = {cause.id: cause.topic for cause in CAUSES.values() if cause.topic not in ("", "by_offer")}


def test_the_libraries() -> None:
    assert set(LIBRARIES) == EXPECTED


@pytest.mark.parametrize("library", ALL, ids=lambda each: each.name)
def test_every_library_has_the_fix_or_cannot_have_the_fault(library: Library) -> None:
    for finding, topic in TOPICS.items():
        [remedy] = remedies(finding, (library,), ("LOGIN",), PLACE)
        assert remedy.library == library.name
        why = why_not(finding, library, ("LOGIN",))
        assert bool(why) is (remedy.text == why), finding
        assert why or topic in library.fixes, finding
    assert not {*library.spared} & {*library.fixes}
    assert not {*library.spared} & library.executed


@pytest.mark.parametrize("topic", sorted({*TOPICS.values(), *MECHANISM_TOPICS.values()}))
def test_every_fix_has_code_in_most_of_the_libraries_that_need_it(topic: Topic) -> None:
    """Some say in words why no setting helps; what is executed has code."""
    fixes = [library.fixes[topic] for library in ALL if topic in library.fixes]
    assert 2 * sum(fix.code is not None for fix in fixes) >= len(fixes)


@pytest.mark.parametrize("library", ALL, ids=lambda each: each.name)
def test_executed_remedies_have_code_and_a_tested_version(library: Library) -> None:
    for finding in library.executed:
        [remedy] = remedies(finding, (library,), ("LOGIN", "PLAIN"), PLACE)
        assert (remedy.executed, bool(remedy.code)) == (True, True)
    assert library.tested or not library.executed


def test_a_library_that_cannot_have_the_fault_is_listed_only_when_asked_about() -> None:
    [asked] = remedies("bare_lf", (LIBRARIES["go-net-smtp"],), (), PLACE)
    assert asked.code is None
    listed = [each.library for each in remedies("bare_lf", ALL, (), PLACE)]
    assert "python-smtplib" in listed
    assert "go-net-smtp" not in listed


@pytest.mark.parametrize("library", ALL, ids=lambda each: each.name)
@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN", "XOAUTH2"])
def test_every_mechanism_that_a_library_can_have_has_code(library: Library, mechanism: str) -> None:
    able = mechanism in (*library.mechanisms, *library.settable)
    found = remedies("mechanism_not_offered", (library,), (mechanism,), PLACE)
    assert bool(found) is able
    assert all(each.code for each in found)


@pytest.mark.parametrize("library", ALL, ids=lambda each: each.name)
def test_code_fits_a_terminal_and_leaves_no_placeholder(library: Library) -> None:
    for topic, fix in library.fixes.items():
        text = PLACE.fill(fix.code or "")
        assert "{{h" not in text + fix.text, topic
        assert not re.search(r"\{\{(?!name|host|port)\w+", fix.code or ""), topic
        assert [line for line in text.expandtabs(4).splitlines() if len(line) > 76] == [], topic


@pytest.mark.parametrize("name", ["python-smtplib", "aiosmtplib", "django"])
def test_python_code_parses(name: str) -> None:
    for fix in LIBRARIES[name].fixes.values():
        code = PLACE.fill(fix.code or "")
        ast.parse(re.sub(r"await |async (?=with)", "", code))


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("go", "go-net-smtp"),
        ("net/smtp", "go-net-smtp"),
        (" GO_NET_SMTP ", "go-net-smtp"),
        ("smtplib", "python-smtplib"),
        ("Spring", "spring"),
        ("illuminate", "laravel"),
        ("smarthost", "postfix"),
        ("Rails", "ruby-net-smtp"),
        ("powershell", "powershell"),
        ("SmtpClient", "system-net-mail"),
        ("C#", "mailkit"),
    ],
)
def test_aliases(spelled: str, name: str) -> None:
    assert find_library(spelled).name == name


def test_no_two_libraries_share_a_name() -> None:
    names = [each for name, aliases in ALIASES.items() for each in (name, *aliases)]
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
def test_the_first_mechanism_that_a_library_chooses(name: str, offered: str, choice: str) -> None:
    assert LIBRARIES[name].first_choice(tuple(offered.split())) == choice


def test_the_tls_setting_that_fits_the_port_is_kept() -> None:
    [begins_in_clear] = remedies("client_config_conflict", (LIBRARIES["django"],), (), PLACE)
    [implicit] = remedies(
        "client_config_conflict", (LIBRARIES["django"],), (), Placeholders("mail.example.com", 465)
    )
    assert "EMAIL_USE_TLS = True" in (begins_in_clear.code or "")
    assert "EMAIL_USE_SSL = True" in (implicit.code or "")


def test_an_ipv6_address_gets_its_brackets_before_a_port() -> None:
    filled = Placeholders("::1", 587).fill('dial("{{host}}:{{port}}"), {ServerName: "{{host}}"}')
    assert filled == 'dial("[::1]:587"), {ServerName: "::1"}'


def test_the_fix_follows_the_offer() -> None:
    go = LIBRARIES["go-net-smtp"]
    assert topic_of("mechanism_not_offered", go, ("LOGIN",)) == "login"
    assert topic_of("mechanism_not_offered", go, ("XOAUTH2",)) == "xoauth2"
    assert topic_of("mechanism_not_offered", go, ("NTLM",)) is None
    assert topic_of("bad_credentials", go, ("LOGIN",)) is None
    assert topic_of("auth_not_performed", go, ("LOGIN", "XOAUTH2")) == "login"
    assert set(MECHANISM_TOPICS.values()) <= set(go.fixes)


@pytest.mark.parametrize(
    ("name", "topic"),
    [("go-net-smtp", "login"), ("python-smtplib", "login"), ("javamail", "plain")],
)
def test_an_unseen_offer_suggests_another_mechanism(name: str, topic: str) -> None:
    assert topic_of("mechanism_not_offered", LIBRARIES[name], ()) == topic


@pytest.mark.parametrize(
    ("name", "topic"), [("python-smtplib", "only_plain"), ("phpmailer", "login")]
)
def test_a_broken_mechanism_is_passed_over_by_name(name: str, topic: str) -> None:
    library = LIBRARIES[name]
    assert topic_of("mechanism_advertised_but_broken", library, ("LOGIN", "PLAIN")) == topic


def test_the_first_name_that_means_a_library_counts() -> None:
    spring = library_called("Spring Boot 3.2", "spring", "javamail")
    assert spring is LIBRARIES["spring"]
    assert library_called("smtplib") is LIBRARIES["python-smtplib"]
    assert library_called("", "exim") is None
