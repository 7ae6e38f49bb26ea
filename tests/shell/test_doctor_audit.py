"""An audit of servers with one hole each, and of one without holes."""

import base64
import ssl
from dataclasses import replace

import pytest

from gatepost.doctor import Checks, Patience, Settings, diagnose
from gatepost.doctor.markdown_report import render_markdown
from gatepost.doctor.terminal_report import render
from gatepost.model.finding import Diagnosis
from tests.certificates import Authority, make_authority
from tests.shell.scripted_server import Script, serving

QUICK = Patience(connect=10, others=1, greeting=15, silence=2, reply=15, pause=0)
NO_TLS = "530 5.7.0 Must issue a STARTTLS command first"
NO_AUTH = "530 5.7.0 Authentication required"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def sound(authority: Authority) -> Script:
    """Return a server that offers nothing before TLS, and requires a sign-in for mail."""
    replies = {"AUTH": NO_TLS, "AUTH PLAIN": NO_TLS, "AUTH LOGIN": NO_TLS, "MAIL": NO_TLS,
               "tls MAIL": NO_AUTH, "tls AUTH PLAIN": "334 ", "tls AUTH LOGIN": "334 "}  # fmt: skip
    return Script(in_clear=("STARTTLS",), replies=replies, pair=authority.issue("127.0.0.1"))


def audit(script: Script, authority: Authority, checks: Checks | None = None) -> Diagnosis:
    settings = Settings(ca_file=authority.ca_file)
    with serving(script) as server:
        found = diagnose(
            server.address, settings=settings, patience=QUICK, checks=checks or Checks(audit=True)
        )
        assert server.count("DATA") == (1 + bool(checks.audit) if checks else 0)
    return found


def ids(diagnosis: Diagnosis) -> list[str]:
    return [finding.id for finding in diagnosis.findings]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_sound_server(sound: Script, authority: Authority, implicit: bool) -> None:
    found = audit(replace(sound, implicit=implicit), authority)
    assert (found.verdict, ids(found)) == ("healthy", [])
    outcomes = {each.name: each.outcome for each in found.evidence.audit.value or ()}
    assert outcomes.pop("smtp_smuggling") == "not_tried"
    assert set(outcomes.values()) == {"passed"}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("hole", "change"),
    [
        ("auth_in_clear", {"replies": {"AUTH LOGIN": "334 VXNlcm5hbWU6"}}),
        ("mail_in_clear", {"replies": {"MAIL": "250 ok"}}),
        ("open_relay", {"replies": {"tls MAIL": "250 ok"}}),
        ("open_relay", {"replies": {"tls MAIL": "250 ok", "tls MAIL FROM:<>": "550 no bounces"}}),
        ("starttls_injection", {"obeys_injected": True}),
        ("weak_tls", {"maximum": ssl.TLSVersion.TLSv1_2}),
    ],
)
def test_one_hole(
    sound: Script, authority: Authority, hole: str, change: dict[str, object]
) -> None:
    if "replies" in change:
        change = {"replies": {**sound.replies, **change["replies"]}}  # type: ignore[dict-item]
    if hole == "starttls_injection":  # such a server waits for more behind every STARTTLS
        with serving(replace(sound, obeys_injected=True, implicit=False)) as server:
            found = diagnose(
                server.address, settings=Settings(ca_file=authority.ca_file, tls="none"),
                patience=replace(QUICK, reply=6), checks=Checks(audit=True),
            )  # fmt: skip
            assert hole in ids(found)
            return
    found = audit(replace(sound, **change), authority)  # type: ignore[arg-type]
    assert ids(found) == [hole]
    assert found.verdict == "finding"
    assert found.findings[0].proof


def test_smuggling_needs_leave_to_send(sound: Script, authority: Authority) -> None:
    """The scripted server takes any line with a dot as the end of a message."""
    open_one = replace(sound, replies={**sound.replies, "tls MAIL": "250 ok"})
    checks = Checks("a@example.com", ("b@example.com",), send=True, audit=True)
    found = audit(open_one, authority, checks)
    assert "smtp_smuggling" in ids(found)
    assert "smtp_smuggling" not in ids(audit(open_one, authority, replace(checks, audit=False)))


def test_a_server_that_repeats_the_password_later_does_not_get_it_published(
    sound: Script, authority: Authority
) -> None:
    """The server has the password, and sends it instead of replies."""
    password = "correct horse battery"
    garbage = f"{password} {base64.b64encode(password.encode()).decode()}"
    replies = {**sound.replies, "tls AUTH PLAIN": "235 ok", "AUTH LOGIN": garbage,
               "tls MAIL": garbage}  # fmt: skip
    with serving(replace(sound, replies=replies)) as server:
        seen = diagnose(
            server.address, "me", password, settings=Settings(ca_file=authority.ca_file),
            patience=QUICK, checks=Checks(audit=True),
        )  # fmt: skip
        assert server.count("AUTH PLAIN") >= 1
    texts = render(seen) + render_markdown(seen) + repr(seen)
    assert "not an SMTP reply" in texts
    assert not [each for each in (password, *garbage.split()[3:]) if each in texts]


def test_without_a_handshake_weak_tls_is_not_tried(authority: Authority) -> None:
    """Once it has a certificate, such a server may accept any version."""
    found = audit(Script(in_clear=("STARTTLS",), pair=None), authority)
    outcomes = {each.name: each.outcome for each in found.evidence.audit.value or ()}
    assert outcomes["weak_tls"] == "not_tried"
