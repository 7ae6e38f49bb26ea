"""AUTH with scripted servers: the commands, the handling of the secret, and the errors."""

import base64
import json

import pytest

from gatepost.client.authentication import authenticate, channel_of
from gatepost.client.session import ClientSession, TimedReply
from gatepost.client.steps import Write
from gatepost.diagnosis.client_errors import finding_of
from gatepost.errors import (
    AuthenticationRefused,
    Disconnected,
    NetworkError,
    NoSharedMechanism,
    RemoteProtocolError,
)
from gatepost.model.credentials import Credentials
from gatepost.model.secret import Secret
from tests.unit.client.dialogue import make_session, offering, play

PASSWORD = "correct horse"
TOKEN = "ya29." + "t" * 600
LOGIN = Credentials("res.app.tenant", Secret(PASSWORD))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = b64(f"\0res.app.tenant\0{PASSWORD}")
BEARER = f"user=ann@example.com\x01auth=Bearer {TOKEN}\x01\x01"


def sign_in(
    session: ClientSession, dialogue: str, credentials: Credentials = LOGIN, only: str = ""
) -> str:
    channel = channel_of(session)
    return play(session, authenticate(session, credentials, channel, only=only), dialogue)


def assert_no_secret(session: ClientSession, *secrets: str) -> None:
    shown = str(session.transcript)
    for secret in secrets:
        assert secret not in shown
        assert b64(secret) not in shown


def test_plain_with_its_initial_response() -> None:
    said: list[TimedReply] = []
    session = offering(make_session(said=said), "AUTH LOGIN PLAIN")
    assert sign_in(session, f"C: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 yes") == "PLAIN"
    assert session.mechanism == "PLAIN"
    assert str(session.transcript) == "C: AUTH PLAIN [redacted]\nS: 235 2.7.0 yes"
    assert said[0].command == "AUTH PLAIN [redacted]"


PROMPTS = [("VXNlcm5hbWU6", "UGFzc3dvcmQ6"), (b64("User Name\0"), b64("Password\0")), ("", "")]


@pytest.mark.parametrize(
    ("first", "second"), [*PROMPTS, ("Username:", "Password:"), ("VXNlcm5hbWU", "="), ("é", "~")]
)
def test_login_waits_for_its_prompts_and_ignores_them(first: str, second: str) -> None:
    session = offering(make_session(), "AUTH LOGIN")
    dialogue = f"""
        C: AUTH LOGIN
        S: 334 {first}
        C: {b64("res.app.tenant")}
        S: 334 {second}
        C: {b64(PASSWORD)}
        S: 235 ok
    """
    assert sign_in(session, dialogue) == "LOGIN"
    assert b64("res.app.tenant") in str(session.transcript)
    assert_no_secret(session, PASSWORD)


def test_a_bare_334() -> None:
    session = offering(make_session(), "AUTH LOGIN")
    name, password = b64("res.app.tenant"), b64(PASSWORD)
    dialogue = f"C: AUTH LOGIN\nS: 334\nC: {name}\nS: 334\nC: {password}\nS: 235 ok"
    assert sign_in(session, dialogue) == "LOGIN"


def test_504_leads_to_the_next_mechanism() -> None:
    session = offering(make_session(), "AUTH PLAIN LOGIN")
    dialogue = f"""
        C: AUTH PLAIN {PLAIN}
        S: 504 5.7.4 Unrecognized authentication type
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: {b64("res.app.tenant")}
        S: 334 UGFzc3dvcmQ6
        C: {b64(PASSWORD)}
        S: 235 ok
    """
    assert sign_in(session, dialogue) == "LOGIN"


@pytest.mark.parametrize("code", [535, 534, 454, 432, 530, 550])
def test_a_judged_secret_is_sent_once(code: int) -> None:
    session = offering(make_session(), "AUTH PLAIN LOGIN")
    with pytest.raises(AuthenticationRefused) as caught:
        sign_in(session, f"C: AUTH PLAIN {PLAIN}\nS: {code} 5.7.3 no")
    refused = caught.value
    assert (refused.reply.code, refused.mechanism, refused.phase) == (code, "PLAIN", "auth")
    assert refused.offered == ("PLAIN", "LOGIN")
    assert PASSWORD not in repr(refused)


def test_421_ends_it() -> None:
    session = offering(make_session(), "AUTH PLAIN LOGIN")
    with pytest.raises(AuthenticationRefused):
        sign_in(session, f"C: AUTH PLAIN {PLAIN}\nS: 421 4.7.0 too many attempts")
    assert not session.is_usable


def test_the_last_refusal_remembers_the_first() -> None:
    session = offering(make_session(), "AUTH PLAIN LOGIN")
    dialogue = f"C: AUTH PLAIN {PLAIN}\nS: 504 no\nC: AUTH LOGIN\nS: 504 neither"
    with pytest.raises(AuthenticationRefused) as caught:
        sign_in(session, dialogue)
    assert caught.value.mechanism == "LOGIN"
    assert isinstance(caught.value.__cause__, AuthenticationRefused)
    assert caught.value.__cause__.mechanism == "PLAIN"


def test_a_mechanism_asked_for_by_name() -> None:
    session = offering(make_session(), "AUTH LOGIN")
    with pytest.raises(AuthenticationRefused) as caught:
        sign_in(session, f"C: AUTH PLAIN {PLAIN}\nS: 504 5.7.4 Unrecognized", only="plain")
    assert caught.value.finding == caught.value.slug == "mechanism_not_offered"


@pytest.mark.parametrize(
    ("reply", "finding"),
    [
        ("535 5.7.3 Authentication unsuccessful", "bad_credentials"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
         "basic_auth_disabled"),
        ("534 5.7.9 Application-specific password required.", "app_password_required"),
        ("432 4.7.12 A password transition is needed", "mechanism_advertised_but_broken"),
    ],
)  # fmt: skip
def test_the_error_names_the_finding_that_the_reply_proves(reply: str, finding: str) -> None:
    session = offering(make_session(), "AUTH PLAIN")
    with pytest.raises(AuthenticationRefused) as caught:
        sign_in(session, f"C: AUTH PLAIN {PLAIN}\nS: {reply}")
    assert finding_of(caught.value) == finding


def test_a_long_initial_response_waits_for_its_turn() -> None:
    session = offering(make_session(), "AUTH XOAUTH2")
    credentials = Credentials("ann@example.com", token=Secret(TOKEN))
    dialogue = f"C: AUTH XOAUTH2\nS: 334 \nC: {b64(BEARER)}\nS: 235 ok"
    assert sign_in(session, dialogue, credentials) == "XOAUTH2"
    assert_no_secret(session, TOKEN, BEARER)


def test_the_error_document_of_xoauth2_is_answered() -> None:
    session = offering(make_session(), "AUTH XOAUTH2 LOGIN")
    credentials = Credentials("ann@example.com", token=Secret(TOKEN))
    document = b64('{"status":"400"}')
    dialogue = f"""
        C: AUTH XOAUTH2
        S: 334
        C: {b64(BEARER)}
        S: 334 {document}
        C: 
        S: 535 5.7.8 not accepted
    """  # noqa: W291
    with pytest.raises(AuthenticationRefused):
        sign_in(session, dialogue, credentials)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"status": "401", "schemes": "bearer mac", "scope": "https://mail.google.com/"},
         " (its error document: status 401, schemes bearer mac, scope https://mail.google.com/)"),
        ({"status": "insufficient_scope", "openid-configuration": "https://x.example/o"},
         (" (its error document: status insufficient_scope, openid-configuration "
         "https://x.example/o)")),
        ({"status": 400, "scope": None}, " (its error document: status 400)"),
        ({"status": f"no\n\x1b[1m {TOKEN}"}, " (its error document: status no [1m [redacted])"),
        ({"code": 7}, ""),
        (["status"], ""),
    ],
)  # fmt: skip
def test_a_refusal_explains_the_error_document(document: object, told: str) -> None:
    session = offering(make_session(), "AUTH XOAUTH2")
    credentials = Credentials("ann@example.com", token=Secret(TOKEN))
    asked = f"C: AUTH XOAUTH2\nS: 334\nC: {b64(BEARER)}\nS: 334 {b64(json.dumps(document))}"
    with pytest.raises(AuthenticationRefused) as caught:
        sign_in(session, f"{asked}\nC: \nS: 535 5.7.8 no", credentials)
    assert str(caught.value) == f"535 5.7.8 no{told}"


@pytest.mark.parametrize("end", ["CUT", "SILENCE"])
def test_the_error_document_is_reported_although_no_refusal_follows(end: str) -> None:
    session = offering(make_session(), "AUTH XOAUTH2")
    credentials = Credentials("ann@example.com", token=Secret(TOKEN))
    document = b64('{"status":"400"}')
    dialogue = f"C: AUTH XOAUTH2\nS: 334\nC: {b64(BEARER)}\nS: 334 {document}\nC: \n{end}"
    with pytest.raises(NetworkError, match=r"\(its error document: status 400\)"):
        sign_in(session, dialogue, credentials)


@pytest.mark.parametrize("code", [200, 220, 250, 251, 300, 354])
def test_only_235_is_a_sign_in(code: int) -> None:
    """A late 250 to EHLO would else be one, and each reply behind it one command off."""
    session = offering(make_session(), "AUTH PLAIN")
    with pytest.raises(RemoteProtocolError, match=f"answered AUTH with {code}"):
        sign_in(session, f"C: AUTH PLAIN {PLAIN}\nS: {code} ok")
    assert (session.is_usable, session.mechanism) == (False, "")


def test_endless_challenges_are_cancelled() -> None:
    session = offering(make_session(), "AUTH PLAIN")
    with pytest.raises(RemoteProtocolError, match="more than the mechanism provides"):
        sign_in(session, f"C: AUTH PLAIN {PLAIN}\nS: 334 Zm9v\nC: *\nS: 501 cancelled")


def test_a_server_without_proof_is_no_success() -> None:
    session = offering(make_session(), "AUTH SCRAM-SHA-256")
    conversation = session.guard(authenticate(session, LOGIN, channel_of(session)))
    next(conversation)
    next(conversation)
    with pytest.raises(RemoteProtocolError, match="without its proof"):
        conversation.send(b"235 welcome\r\n")


def test_a_scram_error_is_shown_without_the_secret() -> None:
    session = offering(make_session(), "AUTH SCRAM-SHA-256")
    conversation = session.guard(authenticate(session, LOGIN, channel_of(session)))
    next(conversation)
    next(conversation)
    for said in (f"334 {b64(f'e=not {PASSWORD}')}", "334 "):
        conversation.send(f"{said}\r\n".encode())
        next(conversation)
    with pytest.raises(RemoteProtocolError, match=r"continues after b'e=not \[redacted\]'"):
        conversation.send(b"501 cancelled\r\n")


def test_a_refusal_before_any_secret_leads_to_the_next_mechanism() -> None:
    """SCRAM's initial response holds none, so it is the mechanism that is refused there."""
    session = offering(make_session(), "AUTH SCRAM-SHA-256 PLAIN")
    conversation = session.guard(authenticate(session, LOGIN, channel_of(session)))
    next(conversation)
    next(conversation)
    step = conversation.send(b"535 5.7.8 no\r\n")
    assert isinstance(step, Write)
    assert step.octets == f"AUTH PLAIN {PLAIN}\r\n".encode()
    conversation.close()


@pytest.mark.parametrize(
    ("lines", "tls", "slug"),
    [
        (["AUTH NTLM GSSAPI"], True, "mechanism_not_offered"),
        ([], True, "auth_not_advertised"),
        (["STARTTLS"], False, "starttls_required"),
        (["AUTH PLAIN LOGIN"], False, "auth_before_tls_refused_by_client"),
        (["AUTH NTLM PLAIN"], False, "auth_before_tls_refused_by_client"),
        (["AUTH XOAUTH2"], True, "mechanism_not_offered"),
    ],
)
def test_without_a_shared_mechanism_no_command_is_sent(
    lines: list[str], tls: bool, slug: str
) -> None:
    session = offering(make_session(), *lines, tls=tls)
    with pytest.raises(NoSharedMechanism) as caught:
        sign_in(session, "")
    assert caught.value.slug == slug
    assert caught.value.plan.choices
    if "AUTH NTLM PLAIN" in lines:
        assert str(caught.value).endswith(
            "(PLAIN: it reveals the secret, and there is no TLS; "
            "NTLM: not supported: it is Microsoft's own, and superseded)"
        )
    assert session.transcript.lines == ()


def test_an_echoed_secret_is_struck_out() -> None:
    session = offering(make_session(), "AUTH LOGIN")
    dialogue = f"""
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: {b64("res.app.tenant")}
        S: 334 UGFzc3dvcmQ6
        C: {b64(PASSWORD)}
        S: 535 5.7.3 {PASSWORD} ({b64(PASSWORD)}) is wrong
    """
    with pytest.raises(AuthenticationRefused):
        sign_in(session, dialogue)
    assert_no_secret(session, PASSWORD)


def test_a_connection_lost_in_between() -> None:
    session = offering(make_session(), "AUTH LOGIN")
    with pytest.raises(Disconnected) as caught:
        sign_in(session, "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: cmVzLmFwcC50ZW5hbnQ=\nCUT")
    assert caught.value.phase == "auth"
