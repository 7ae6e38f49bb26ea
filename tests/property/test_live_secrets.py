"""Whatever a server, an authority or an API repeats of a secret, no live report shows it."""

# ruff: noqa: E501  # tables

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.credential_shapes import describe
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.identity.look_behind_login import look_behind
from gatepost.doctor.identity.token_claims import examine_token
from gatepost.doctor.markdown_report import render_markdown
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import IdentityOptions, Settings, Visit
from gatepost.doctor.terminal_report import render
from gatepost.model.credentials import Credentials
from gatepost.model.evidence import Evidence, Target
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.net.dial import Server
from gatepost.net.http_client import HttpRequest, HttpResponse
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import Context
from tests.examples import examples
from tests.unit.diagnosis.cases import but, hello, judged
from tests.unit.directory.azure.world import NOW, TENANT, USERNAME

SERVER = Server("smtp.azurecomm.net", 587)
ENVIRONMENT = {"AZURE_AUTHORITY_HOST": "https://localhost:2443"}
USUAL: dict[str, str] = {}
OTHER = "An0ther~Secret.of.forty-characters-0123"
few = settings(
    max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

Echo = Callable[[str], str]
"""How a server repeats a secret."""


@dataclass
class NoStream:
    """A connection of which only the address is used."""

    peer_address: str = "192.0.2.1"


def b64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


# fmt: off
ECHOES: dict[str, Echo] = {
    "as it is":        lambda secret: f"535 5.7.3 {secret} is wrong",
    "in a word":       lambda secret: f"535 5.7.3 x{secret}y",
    "twice":           lambda secret: f"535 5.7.3 {secret}{secret}",
    "in several lines": lambda secret: f"535 5.7.3 no\n{secret}\nno",
    "base64":          lambda secret: f"535 5.7.3 {b64(secret)}",
    "after one octet": lambda secret: f"535 5.7.3 {b64('u' + secret + 'v')}",
    "after two":       lambda secret: f"535 5.7.3 {b64('uu' + secret + 'vw')}",
    "as PLAIN":        lambda secret: f"535 5.7.3 {b64(chr(0) + 'me' + chr(0) + secret)}",
    "as XOAUTH2":      lambda secret: f"535 5.7.3 {b64(f'user=me{chr(1)}auth=Bearer {secret}{chr(1)}{chr(1)}')}",
    "for URLs":        lambda secret: f"535 5.7.3 {b64(secret).translate(str.maketrans('+/', '-_'))}",
}
# fmt: on


def aligned(secret: str) -> Iterator[str]:
    """Return the base64 of a secret at each of the three offsets, in both alphabets."""
    raw = secret.encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        piece = encoded[(8 * offset + 5) // 6 : 8 * (offset + len(raw)) // 6]
        yield piece
        yield piece.translate(str.maketrans("+/", "-_"))


def visited(credentials: Credentials, said: str, ask: Callable[[HttpRequest], HttpResponse]) -> str:
    """Return all that any report shows of a visit in which this was said."""
    visit = Visit(SERVER, Settings(identity=IdentityOptions()), credentials)
    talk = Talk(visit, cast("SyncStream", NoStream()), cast("Context", None))
    transcript = talk.session.transcript
    transcript.server(f"220 {said}")
    transcript.client("AUTH LOGIN")
    transcript.client(b64(credentials.username))
    transcript.client("AUTH PLAIN " + b64(f"\0{credentials.username}\0"))
    transcript.server(said)
    reply = talk.clean(Reply(535, said))
    mechanism = "XOAUTH2" if credentials.token else "LOGIN"
    attempt = replace(judged(mechanism, "535 no"), reply=reply)
    evidence = but(
        target=Target(SERVER.host, SERVER.port), seen_at=NOW, over_tls=hello("AUTH LOGIN"),
        login=describe(credentials), auth=(attempt,), failure=transcript.redact(said),
    )  # fmt: skip
    evidence = replace(evidence, transcript=talk.lines)
    return reports(look_behind(visit, evidence, ENVIRONMENT, ask))


def reports(evidence: Evidence) -> str:
    diagnosis = diagnose_evidence(evidence)
    document = json.dumps(report_document(diagnosis), ensure_ascii=False)
    return "\n".join((render(diagnosis), render_markdown(diagnosis), document))


def repeating(secret: str) -> Callable[[HttpRequest], HttpResponse]:
    """Return answers of an authority and APIs that repeat the secret in every text."""

    def ask(request: HttpRequest) -> HttpResponse:
        word = secret if secret.isalnum() and secret.isascii() else "x"
        if "token" in request.url:
            told = {"error": word, "error_description": secret, "error_codes": [7000215]}
            return HttpResponse(401, {"x-ms-error-code": secret}, json.dumps(told).encode())
        answer = {"error": {"code": word, "message": secret}, "issuer": secret}
        return HttpResponse(200, {}, json.dumps(answer).encode())

    return ask


def assert_hidden(show: Callable[[str], str], secret: str, place: str) -> None:
    """Fail if a report shows the secret; text that is there with another secret does not count."""
    if place not in USUAL:
        USUAL[place] = show(OTHER).replace("\n", "")
    shown, usual = show(secret), USUAL[place]
    unwrapped, usual_unwrapped = "".join(shown.split()), "".join(usual.split())
    for form in (secret, *aligned(secret)):
        if form not in usual:
            assert form not in shown
        if form not in usual_unwrapped:
            assert form not in unwrapped


SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126) | st.sampled_from("äß€ж"),
    min_size=8, max_size=44,
).filter(lambda secret: len(set(secret)) > 3)  # fmt: skip
WORDS = st.text("abcdefghkmnpqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ0123456789", min_size=9, max_size=44)


@pytest.mark.parametrize("echo", ECHOES)
@few
@given(SECRETS | WORDS)
def test_no_password_that_a_server_repeats(echo: str, secret: str) -> None:
    assume(len(set(secret)) > 3)

    def show(secret: str) -> str:
        credentials = Credentials(USERNAME, Secret(secret))
        return visited(credentials, ECHOES[echo](secret), repeating(secret))

    assert_hidden(show, secret, echo)


@pytest.mark.parametrize("echo", ECHOES)
@few
@given(st.binary(min_size=32, max_size=64))
def test_no_signature_of_a_token(echo: str, signature: bytes) -> None:
    def made(signature: str) -> str:
        header = b64('{"alg":"RS256"}').rstrip("=")
        claims = b64(json.dumps({"aud": "https://graph.microsoft.com", "tid": TENANT})).rstrip("=")
        return f"{header}.{claims}.{signature}"

    def show(signature: str) -> str:
        credentials = Credentials(USERNAME, token=Secret(made(signature)))
        alone = visited(credentials, ECHOES[echo](signature), repeating(signature))
        whole = visited(credentials, ECHOES[echo](made(signature)), repeating(made(signature)))
        by_itself = reports(examine_token(made(signature), "", NOW))
        return f"{alone}\n{whole}\n{by_itself}"

    assert_hidden(show, base64.urlsafe_b64encode(signature).decode().rstrip("="), f"token, {echo}")


# fmt: off
NAMES: dict[str, Callable[[str], str]] = {
    "a URL":                lambda secret: f"smtp://ann:{quote(secret, safe='')}@mail.example.com:587",
    "a URL as it is typed": lambda secret: f"smtps://ann:{secret}@mail.example.com",
    "a connection string":  lambda secret: f"endpoint=https://x.communication.azure.com/;accesskey={secret}",
    "turned round":         lambda secret: f"accesskey={secret};endpoint=https://x.communication.azure.com/",
    "a key and a value":    lambda secret: f"user=ann;password={secret}",
}
# fmt: on


@pytest.mark.parametrize("name", NAMES)
@few
@given(WORDS | st.binary(min_size=64, max_size=64).map(lambda raw: base64.b64encode(raw).decode()))
def test_no_secret_inside_of_a_user_name(name: str, secret: str) -> None:
    assume(len(set(secret)) > 3)

    def show(secret: str) -> str:
        credentials = Credentials(NAMES[name](secret), Secret("s0mething~else"))
        shown = [
            visited(credentials, f"535 5.7.3 {said}", repeating(secret))
            for said in ("no", f"{credentials.username} {b64(credentials.username)} {secret}")
        ]
        return "\n".join(shown)

    assert_hidden(show, secret, name)


def test_a_token_report_shows_claims_and_no_signature() -> None:
    claims = b64('{"aud":"https://graph.microsoft.com"}').rstrip("=")
    text = reports(examine_token(f"eyJhbGciOiJSUzI1NiJ9.{claims}.c2lnbmF0dXJl", "", NOW))
    assert "Microsoft Graph" in text
    assert "c2lnbmF0dXJl" not in text
