"""Which webhooks are the provider's: each provider's vector, and what is refused."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gatepost.config.provider_events_file import read_event_provider
from gatepost.feedback.provider_events import read_body
from gatepost.feedback.webhook_proofs import (
    NotProven,
    WebhookRequest,
    check_basic,
    check_ecdsa,
    check_mailgun,
    check_svix,
)
from gatepost.model.provider_events import WebhookProof
from gatepost.model.secret import Secret

AT = datetime.fromtimestamp(1_700_000_000, UTC)
SVIX_KEY = Secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
SVIX = {
    "svix-id": "msg_1",
    "svix-timestamp": "1700000000",
    "svix-signature": "v1,b9D8AjJgapbAEVNkPduogtZwbT5cjcFyDcZDKhemhOk=",
}
SVIX_BODY = b'{"type":"email.delivered"}'
MAILGUN = """{"signature": {"timestamp": "1700000000", "token": "%s",
"signature": "717663a57031451ff369dccefef81b2a85e9a238640a971f883fef0fe5e3a999"}}"""
TOKEN = "0123456789abcdef" * 3 + "01"


def proof_of(provider: str) -> WebhookProof:
    return read_event_provider(provider).proof


def test_mailgun_signs_time_and_token() -> None:
    value, key = read_body((MAILGUN % TOKEN).encode()), Secret("key-example")
    assert check_mailgun(value, key, proof_of("mailgun"), AT).id == TOKEN


@pytest.mark.parametrize(
    ("body", "key", "at", "reason"),
    [
        (MAILGUN % TOKEN, "key-other", AT, "signature_wrong"),
        (MAILGUN % (TOKEN[:-1] + "2"), "key-example", AT, "signature_wrong"),
        (MAILGUN % TOKEN, "key-example", AT + timedelta(hours=10), "replayed"),
        (MAILGUN % TOKEN, "key-example", AT - timedelta(hours=10), "replayed"),
        ('{"signature": {}}', "key-example", AT, "signature_wrong"),
        ('{"signature": {"token": "\\ud800"}}', "key-example", AT, "signature_wrong"),
        ("[]", "key-example", AT, "signature_wrong"),
        ("7", "key-example", AT, "signature_wrong"),
    ],
)
def test_what_mailgun_did_not_sign_now_is_refused(
    body: str, key: str, at: datetime, reason: str
) -> None:
    with pytest.raises(NotProven, match=reason):
        check_mailgun(read_body(body.encode()), Secret(key), proof_of("mailgun"), at)


def test_resend_signs_id_time_and_body() -> None:
    request = WebhookRequest(SVIX, SVIX_BODY)
    assert check_svix(request, SVIX_KEY, proof_of("resend"), AT).id == "msg_1"
    several = SVIX | {"svix-signature": f"v1,AAAA v2,x {SVIX['svix-signature']}"}
    again = WebhookRequest(several, SVIX_BODY)
    assert check_svix(again, SVIX_KEY, proof_of("resend"), AT).id == "msg_1"


@pytest.mark.parametrize(
    ("change", "body", "seconds", "reason"),
    [
        ({}, SVIX_BODY + b" ", 0, "signature_wrong"),
        ({"svix-id": "msg_2"}, SVIX_BODY, 0, "signature_wrong"),
        ({"svix-id": ""}, SVIX_BODY, 0, "signature_wrong"),
        ({"svix-timestamp": "1700000001"}, SVIX_BODY, 0, "signature_wrong"),
        ({"svix-signature": "v1a,b9D8"}, SVIX_BODY, 0, "signature_wrong"),
        ({"svix-signature": "v1,\xff"}, SVIX_BODY, 0, "signature_wrong"),
        ({}, SVIX_BODY, 301, "replayed"),
        ({}, SVIX_BODY, -301, "replayed"),
    ],
)
def test_what_resend_did_not_sign_now_is_refused(
    change: dict[str, str], body: bytes, seconds: int, reason: str
) -> None:
    request = WebhookRequest(SVIX | change, body)
    with pytest.raises(NotProven, match=reason):
        check_svix(request, SVIX_KEY, proof_of("resend"), AT + timedelta(seconds=seconds))


def test_sendgrid_signs_time_and_body() -> None:
    private, body = ec.generate_private_key(ec.SECP256R1()), b'[{"event":"delivered"}]\r\n'
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = Secret(base64.b64encode(public).decode())
    signature = private.sign(b"1700000000" + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": "1700000000",
    }
    proof = proof_of("sendgrid")
    assert check_ecdsa(WebhookRequest(headers, body), key, proof, AT).id
    for changed, other, at, reason in (
        (headers, body[:-2], AT, "signature_wrong"),
        (headers | {"x-twilio-email-event-webhook-timestamp": "1"}, body, AT, "signature_wrong"),
        ({}, body, AT, "signature_wrong"),
        (headers, body, AT + timedelta(minutes=6), "replayed"),
    ):
        with pytest.raises(NotProven, match=reason):
            check_ecdsa(WebhookRequest(changed, other), key, proof, at)
    with pytest.raises(NotProven, match="key_invalid"):
        check_ecdsa(WebhookRequest(headers, body), Secret("no key"), proof, AT)


@pytest.mark.parametrize("given", ["hook:secret", "hook:", "other:secret2", ""])
def test_a_wrong_password_is_refused(given: str) -> None:
    encoded = base64.b64encode(given.encode()).decode()
    request = WebhookRequest({"authorization": f"Basic {encoded}"}, b"")
    with pytest.raises(NotProven, match="password_wrong"):
        check_basic(request, "hook", Secret("secret2"))
    for authorization in ("Basic \xe9", "Basic", "Basic ====", "Bearer aG9vazpzZWNyZXQy"):
        with pytest.raises(NotProven, match="password_wrong"):
            check_basic(
                WebhookRequest({"authorization": authorization}, b""), "hook", Secret("secret2")
            )
    request = WebhookRequest({"authorization": "Basic aG9vazpzZWNyZXQy"}, b"")
    assert check_basic(request, "hook", Secret("secret2")).id == ""
