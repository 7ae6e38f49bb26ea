"""Profiles: every shipped one loads and names its sources; faults are named."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gatepost.diagnosis.causes import CAUSES
from gatepost.errors import ConfigError
from gatepost.model.profile import StrictLimits
from gatepost.model.reply import Esc, Reply
from gatepost.model.server_behaviour import Quirk
from gatepost.profiles import available_profiles, load_profile, pod_name
from gatepost.profiles.file_format import parse_reply
from gatepost.sasl.mechanisms import MECHANISMS
from gatepost.wire.server.ehlo_capabilities import make_offer

PROFILES = available_profiles()


loaded = cache(load_profile)


def table_of(name: str) -> dict[str, Any]:
    here = files("gatepost.profiles")
    paths = (here / f"{name}.toml", here / "quirks" / f"{name}.toml")
    [text] = [path.read_text("utf-8") for path in paths if path.is_file()]
    return tomllib.loads(text)


def leaves(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from (f"{key}.{name}" for name in value)
        else:
            yield key


def parameter(lines: tuple[str, ...], keyword: str) -> str | None:
    return next((line[len(keyword) + 1 :] for line in lines if line.startswith(keyword)), None)


def test_the_profiles_are_found() -> None:
    assert {"acs", "gatepost", "open"} <= set(PROFILES)


@pytest.mark.parametrize("name", PROFILES)
class TestEveryProfile:
    def test_loads(self, name: str) -> None:
        profile = loaded(name)
        assert profile.name == name
        assert profile.title

    def test_names_the_source_of_each_value(self, name: str) -> None:
        table = table_of(name)
        sources = table.pop("sources")
        table.pop("extends", None)
        assert [
            key
            for key in leaves(table)
            if not sources.get(key) and not sources.get(key.partition(".")[0])
        ] == []

    def test_announces_the_limits_that_it_has(self, name: str) -> None:
        profile = loaded(name)
        for encrypted in (False, True):
            offer = make_offer(profile, frozenset(MECHANISMS), encrypted=encrypted, can_tls=True)
            size = parameter(offer.lines, "SIZE")
            assert size in (None, str(profile.limits.message_size))
            limits = parameter(offer.lines, "LIMITS")
            assert limits in (None, f"RCPTMAX={profile.limits.recipients}")

    def test_offers_starttls_in_clear_only(self, name: str) -> None:
        profile = loaded(name)
        assert "STARTTLS" not in profile.over_tls
        if profile.kind != "quirk" and profile.server.tls != "implicit":
            assert "STARTTLS" in profile.in_clear

    def test_has_a_date_unless_it_is_ours(self, name: str) -> None:
        profile = loaded(name)
        assert profile.as_of or profile.kind == "server"

    def test_a_quirk_says_what_it_shows_and_a_provider_has_none(self, name: str) -> None:
        profile = loaded(name)
        assert profile.quirk.cause == "" or (profile.quirk.cause in CAUSES)
        if profile.kind != "quirk":
            assert profile.quirk == Quirk()

    def test_recognises_its_own_greeting(self, name: str) -> None:
        profile = loaded(name)
        line = profile.hello.format(host=profile.host, peer="192.0.2.1")
        assert re.search(profile.ehlo_pattern, line)


class TestAcs:
    """Byte for byte what public transcripts show."""

    def test_lines(self) -> None:
        profile = load_profile("acs")
        assert profile.in_clear == ("SIZE 31457280", "STARTTLS", "CHUNKING")
        assert profile.over_tls == ("SIZE 31457280", "AUTH LOGIN")
        assert profile.hello.format(host="h", peer="192.0.2.1") == "h Hello [192.0.2.1]"

    def test_host(self) -> None:
        host = load_profile("acs").host
        assert re.fullmatch(r"ic3-transport-smtp-acs-deployment-[0-9a-f]{10}-[0-9a-z]{5}", host)
        assert host == load_profile("acs").host, "one name per process"
        assert pod_name() in host

    @pytest.mark.parametrize(
        ("name", "wire"),
        [
            ("SIGNED_IN", b"235 2.7.0 Authentication successful\r\n"),
            ("AUTH_UNRECOGNIZED", b"504 5.7.4 Unrecognized authentication type\r\n"),
            ("AUTH_NEEDS_TLS", b"504 5.7.4 Unrecognized authentication type\r\n"),
            ("AUTH_FAILED", b"535 5.7.3 Authentication unsuccessful\r\n"),
            ("AUTH_REQUIRED", b"530 5.7.57 Client not authenticated to send mail.\r\n"),
            ("TLS_REQUIRED", b"451 5.7.3 starttls is required to send mail\r\n"),
            (
                "SENDER_DOMAIN_NOT_LINKED",
                b"501 5.1.7 The specified sender domain has not been linked.\r\n",
            ),
            ("SENDER_NOT_REGISTERED", b"550 5.3.5 Email sender's username is invalid\r\n"),
            ("TOO_MANY_RECIPIENTS", b"452 4.5.3 Too many recipients\r\n"),
            (
                "EXCESSIVE_RATE",
                (
                    b"450 4.5.127 Message rejected. Excessive message rate from sender. "
                    b"For more information see https://aka.ms/EXOSmtpErrors.\r\n"
                ),
            ),
        ],
    )
    def test_replies(self, name: str, wire: bytes) -> None:
        assert load_profile("acs").replies[name].encode() == wire

    def test_limits(self) -> None:
        profile = load_profile("acs")
        assert (profile.limits.recipients, profile.limits.message_size) == (50, 31457280)
        assert profile.strict.connections == 250
        assert profile.strict.effective_size == 10 * 1024 * 1024
        assert (profile.strict.managed_per_minute, profile.strict.managed_per_hour) == (5, 10)
        assert (profile.strict.custom_per_minute, profile.strict.custom_per_hour) == (30, 100)

    def test_requires_all(self) -> None:
        profile = load_profile("acs")
        assert parameter(profile.in_clear, "AUTH") is None
        assert profile.requires_tls
        assert profile.requires_auth
        assert profile.checks_sender


@pytest.mark.parametrize(
    ("line", "fault", "did_you_mean"),
    [
        ('titel = "x"', "unknown key titel, did you mean title?", "title"),
        ("limits.recipient = 1", "unknown key limits.recipient", "recipients"),
        ("strict.conections = 1", "unknown key strict.conections", "connections"),
        ('replies.AUTH_FAILD = "535 no"', "unknown key replies.AUTH_FAILD", "AUTH_FAILED"),
        ('replies.AUTH_FAILED = "no"', "replies.AUTH_FAILED: not a reply line", ""),
        ('replies = "x"', "replies: Expected `object`, got `str`", ""),
        ('limits.recipients = "many"', "limits.recipients: Expected `int`", ""),
        ("limits.recipients = -1", "limits.recipients: must not be negative", ""),
        ('requires_tls = "yes"', "requires_tls: Expected `bool`", ""),
        ('bare_newline = "keep"', "bare_newline: Invalid enum value 'keep'", ""),
        ('in_clear = "SIZE"', "in_clear: Expected `array`", ""),
        ('hello = "{name}"', "hello: {name} is not a known placeholder here", ""),
        ('host = "{peer}"', "host: {peer} is not a known placeholder here", ""),
        ('sources.title = "x"', "sources: title is not set in this file", ""),
        ('name = "x"', "unknown key name", ""),
        ('answers.STARTTL = "454 no"', "unknown key answers.STARTTL", "STARTTLS"),
        ('answers.AUTH = "no"', "answers.AUTH: not a reply line", ""),
        ('server.greet = "never"', "unknown key server.greet", "greets"),
        ('server.greets = "late"', "server.greets: Invalid enum value 'late'", ""),
        ('auth.username_pattern = "("', "'(' is not a regular expression", ""),
        ('account.password = "{hexa:3}"', "account.password: {hexa:3} is not a known", ""),
        ('account.username = "{username}"', "{username} is not a known placeholder here", ""),
        ('quirk.case = "x"', "unknown key quirk.case", "cause"),
    ],
)
def test_a_fault_is_named(line: str, fault: str, did_you_mean: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(line)
    with pytest.raises(ConfigError) as caught:
        load_profile("mine", path=path)
    assert fault in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.did_you_mean == did_you_mean


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("titel = 1\nrequires_tls = 1\n")
    with pytest.raises(ConfigError, match=r"unknown key titel.*; requires_tls: Expected"):
        load_profile("mine", path=path)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="acs") as caught:
        load_profile("asc")
    assert caught.value.did_you_mean == "acs"


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\n[limits]\nrecipients = 7\n')
    profile = load_profile("mine", path=path)
    assert (profile.name, profile.title, profile.limits.recipients) == ("mine", "Mine", 7)


class TestExtending:
    def test_omitted_settings_come_from_the_extended_profile(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text(
            'extends = "acs"\nover_tls = ["AUTH LOGIN"]\n[limits]\nrecipients = 7\n'
            '[replies]\nAUTH_FAILED = "535 no"\n[sources]\nover_tls = "a dream; 2026"\n'
        )
        mine, acs = load_profile("mine", path=path), load_profile("acs")
        assert mine.over_tls == ("AUTH LOGIN",)
        assert mine.in_clear == acs.in_clear
        assert mine.limits.recipients == 7
        assert mine.limits.message_size == acs.limits.message_size
        assert mine.replies["AUTH_FAILED"] == Reply(535, "no")
        assert mine.replies["SIGNED_IN"] == acs.replies["SIGNED_IN"]
        assert mine.strict == acs.strict
        assert mine.sources["over_tls"] == "a dream; 2026"
        assert mine.sources["limits.recipients"] == str(path)
        assert mine.sources["in_clear"] == acs.sources["in_clear"]

    def test_a_file_may_extend_a_file_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "base.toml").write_text('extends = "acs"\ntitle = "Base"\n')
        path = tmp_path / "mine.toml"
        path.write_text('extends = "base.toml"\n[strict]\nconnections = "none"\n')
        profile = load_profile("mine", path=path)
        assert (profile.title, profile.checks_sender) == ("Base", True)
        assert profile.strict.connections is None

    def test_a_profile_cannot_extend_itself(self, tmp_path: Path) -> None:
        one, two = tmp_path / "one.toml", tmp_path / "two.toml"
        one.write_text('extends = "two.toml"')
        two.write_text('extends = "./one.toml"')
        with pytest.raises(ConfigError, match="extends itself"):
            load_profile("one", path=one)

    @pytest.mark.parametrize(
        ("base", "fault"),
        [('"asc"', "there is no profile 'asc', did you mean acs"), ("3", "the name of a profile")],
    )
    def test_an_unknown_base_is_named(self, tmp_path: Path, base: str, fault: str) -> None:
        path = tmp_path / "mine.toml"
        path.write_text(f"extends = {base}")
        with pytest.raises(ConfigError, match=f"extends: {fault}"):
            load_profile("mine", path=path)

    def test_xoauth2_is_all_that_acs_is_and_offers_xoauth2(self) -> None:
        acs, more = load_profile("acs"), load_profile("acs-xoauth2")
        assert more.over_tls == ("SIZE 31457280", "AUTH LOGIN XOAUTH2")
        assert (more.replies, more.limits, more.strict, more.directory) == (
            acs.replies, acs.limits, acs.strict, acs.directory,
        )  # fmt: skip
        assert more.as_of
        assert acs.as_of


class TestSettings:
    """``--set KEY=VALUE``."""

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("strict.propagation_delay=5", 5.0),
            ("strict.connections=none", None),
            ("limits.recipients=1_000", 1000),
            ("directory.reveal_reason=true", True),
            ("directory.required_actions=legacy-2023", "legacy-2023"),
            ('directory.required_actions=["a/Read", "b/Write"]', ("a/Read", "b/Write")),
            ("replies.TIMED_OUT=421 4.4.2 Idle = gone", Reply(421, "Idle = gone", Esc(4, 4, 2))),
            ("title=5", "5"),
            ('greeting={host} "hello"', '{host} "hello"'),
            ('over_tls=["AUTH LOGIN"]', ("AUTH LOGIN",)),
        ],
    )
    def test_a_value_has_its_keys_type(self, setting: str, value: object) -> None:
        profile = load_profile("acs", settings=[setting])
        group, dot, name = setting.partition("=")[0].partition(".")
        found = getattr(profile, group)
        if dot:
            found = found[name] if group == "replies" else getattr(found, name)
        assert found == value
        assert profile.sources[setting.partition("=")[0]] == "--set"

    def test_the_last_one_counts(self) -> None:
        profile = load_profile("acs", settings=["limits.idle=1", "limits.idle=2"])
        assert profile.limits.idle == 2

    def test_a_strict_value_that_is_set_holds_without_strict(self) -> None:
        profile = load_profile("acs", strict=False, settings=["strict.connections=3"])
        assert profile.strict == StrictLimits(connections=3)

    def test_every_fault_is_reported_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text('titel = "x"')
        settings = ["x", "limits.idel=3", "strict.connections=many", "limits=3", "=1", "sources=1"]
        with pytest.raises(ConfigError) as caught:
            load_profile("mine", path=path, settings=settings)
        for fault in (
            f"{path}: unknown key titel, did you mean title?",
            "'x' is not a KEY=VALUE",
            "unknown key limits.idel, did you mean idle?",
            "strict.connections: Expected `int | null`",
            "limits: Expected `object`",
            "'=1' is not a KEY=VALUE",
            "sources can only be set in a file",
        ):
            assert fault in str(caught.value)

    @pytest.mark.parametrize(
        "setting",
        ["limits.idle=1\nx = 2", "as_of=soon", "api.x=1", "events.x=1", "name=x", "strict.=1"],
    )
    def test_invalid_settings_are_refused(self, setting: str) -> None:
        with pytest.raises(ConfigError):
            load_profile("acs", settings=[setting])


@pytest.mark.parametrize("content", [b"title = ", b"\xff"])
def test_an_unreadable_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot read the profile") as caught:
        load_profile("mine", path=path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("name", ["../acs", "acs.toml", "", "/etc/passwd"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no profile"):
        load_profile(name)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("504 5.7.4 Unrecognized", Reply(504, "Unrecognized", Esc(5, 7, 4))),
        ("250 OK", Reply(250, "OK")),
        ("451 5.7.3 tls", Reply(451, "tls", Esc(5, 7, 3))),
    ],
)
def test_a_reply_line(line: str, reply: Reply) -> None:
    assert parse_reply(line) == reply


@pytest.mark.parametrize(
    "line", ["", "504", "504 ", "199 x", "600 x", "550 4.1.1 x", "550 x\r\n250 y", "550 é"]
)
def test_no_reply_line(line: str) -> None:
    with pytest.raises(ValueError, match=r"reply line|does not match"):
        parse_reply(line)
