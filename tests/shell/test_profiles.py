"""Every profile, served: the doctor finds its fault, and nothing in a healthy one."""

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from functools import cache

import pytest

import gatepost
from gatepost import Token
from gatepost.doctor import Checks, Patience, Settings, diagnose
from gatepost.doctor.probe_settings import IdentityOptions
from gatepost.model.evidence import TlsMode
from gatepost.model.finding import Diagnosis
from gatepost.model.profile import Profile
from gatepost.profiles import available_profiles, load_profile
from gatepost.profiles.credentials import fill_template
from tests.shell.profile_server import Host, ProfileServer

QUICK = Patience(connect=10, others=1, greeting=10, silence=0.6, reply=15, pause=0.0)
NAME = "client.example.com"
"""A name that no server objects to."""


def letter(sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "bob@example.net", "Hello"
    message.set_content("It works.")
    return message


@cache
def profile_of(name: str) -> Profile:
    """Return the profile without its delays, which these tests do not need."""
    profile = load_profile(name, strict=False)
    quick = replace(profile.server, greeting_delay=min(profile.server.greeting_delay, 0.1))
    return replace(profile, server=quick)


PROFILES = available_profiles()
SHOWN = [name for name in PROFILES if profile_of(name).quirk.cause]
HEALTHY = [name for name in PROFILES if not profile_of(name).quirk.cause]
CLOSED = {"outlook", "auth-drop", "mute"}
"""Healthy as far as anybody can see who does not sign in with a password."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("profiles"))
    yield host
    host.close()


def settings_of(served: ProfileServer, library: str = "", tls: TlsMode = "auto") -> Settings:
    """Return settings with a name that every server accepts, unless the profile has a library."""
    name = "" if library else NAME
    return Settings(library, tls, served.ca_file, name, IdentityOptions(closed=True))


def visit(served: ProfileServer) -> Diagnosis:
    """Examine the server with the options in the profile's [quirk]."""
    quirk, given = served.profile.quirk, served.given
    checks = Checks(
        given.sender if quirk.mail_from == "own" else quirk.mail_from,
        tuple([f"recipient{number}@example.net" for number in range(quirk.recipients)]),
        try_all=quirk.try_all,
        send=quirk.send,
    )
    return diagnose(
        f"127.0.0.1:{served.tls_port if quirk.tls == 'implicit' else served.port}",
        *login_of(served, quirk.login),
        settings=settings_of(served, quirk.library, quirk.tls),
        checks=checks,
        patience=QUICK,
    )


def login_of(served: ProfileServer, login: str) -> tuple[str, str | Token] | tuple[None, None]:
    """Return the doctor's credentials: none, the account's, or those with a wrong password."""
    given, quirk = served.given, served.profile.quirk
    name = {"own": given.sender, "": given.username}.get(quirk.username, quirk.username)
    if login == "token":
        return name, Token(given.token.reveal())
    if login == "right":
        return name, given.password.reveal()
    if login == "wrong":
        return name, fill_template(quirk.password or "{alnum:20}", {})
    return None, None


def ids(seen: Diagnosis) -> list[str]:
    return [each.id for each in seen.findings]


@pytest.mark.parametrize("name", SHOWN)
def test_a_cause_comes_first(host: Host, name: str) -> None:
    with host.serve(profile_of(name)) as served:
        seen = visit(served)
        assert ids(seen)[:1] == [served.profile.quirk.cause]


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_profiles_have_no_findings(host: Host, name: str) -> None:
    with host.serve(profile_of(name)) as served:
        seen = visit(served)
        assert (ids(seen), seen.verdict) == ([], "healthy")


ENTERED = [name for name in HEALTHY if name not in CLOSED]
"""Where a password that is right gets in."""


@pytest.mark.parametrize("name", ENTERED)
def test_the_account_gets_in(host: Host, name: str) -> None:
    """The doctor signs in and sends, and finds nothing; our client sends."""
    with host.serve(profile_of(name)) as served:
        given = served.given
        seen = diagnose(
            served.server, *login_of(served, "right"),
            settings=settings_of(served), patience=QUICK,
            checks=Checks(given.sender, ("ann@example.net",), send=True),
        )  # fmt: skip
        assert (ids(seen), seen.verdict, served.count()) == ([], "healthy", 1)
        receipt = gatepost.send(
            letter(given.sender), served.server, given.username, given.password.reveal(),
            tls=gatepost.Tls(ca_file=served.ca_file),
        )  # fmt: skip
        assert (receipt.reply.code, served.count()) == (250, 2)


TOKENS = [
    name
    for name in HEALTHY
    if profile_of(name).account.token and "XOAUTH2" not in profile_of(name).auth.broken
]


@pytest.mark.parametrize("name", TOKENS)
def test_the_token_gets_in(host: Host, name: str) -> None:
    with host.serve(profile_of(name)) as served:
        given = served.given
        receipt = gatepost.send(
            letter(given.sender), served.server, given.username,
            Token(given.token.reveal()), tls=gatepost.Tls(ca_file=served.ca_file),
        )  # fmt: skip
        assert receipt.mechanism in ("XOAUTH2", "OAUTHBEARER")


PASSWORDS = [name for name in ENTERED if profile_of(name).kind == "provider"]


@pytest.mark.parametrize("name", PASSWORDS)
def test_a_wrong_password_has_a_cause(host: Host, name: str) -> None:
    """It names the application password, if the provider requires one; otherwise the general
    cause."""
    with host.serve(profile_of(name)) as served:
        seen = diagnose(
            served.server, *login_of(served, "wrong"),
            settings=settings_of(served), patience=QUICK,
        )  # fmt: skip
        wanted = served.profile.doctor.wants_app_password
        assert ids(seen)[:1] == ["app_password_required"] if wanted else ids(seen)
        assert seen.evidence.is_signed_in is False
