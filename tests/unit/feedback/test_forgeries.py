"""What somebody can do who has seen one request of a provider, or one message of ours."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from gatepost.config.provider_events_file import read_event_provider
from gatepost.feedback.bounces import Bounces
from gatepost.feedback.webhook_proofs import (
    NotProven,
    WebhookRequest,
    check_ecdsa,
    check_mailgun,
    check_svix,
)
from gatepost.mime.received import Hop, received
from gatepost.model.delivery import Attempt, Contact, Delivery
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.queue.delivery_marks import DeliveryMarks, for_bounces, for_events
from gatepost.reports.relayed_outcomes import Feedback
from tests.contract.messages import envelope, message
from tests.leases import lease
from tests.unit.mime.test_returned_mail import FAILED, report

AT = datetime.fromtimestamp(1_700_000_000, UTC)
SVIX_KEY = Secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256."""


def test_a_part_of_a_body_does_not_pass_for_the_time_of_another() -> None:
    """What is signed has the same octets; a subject in the body was chosen by a sender."""
    body = b'{"subject": "x.1700000000.[]"}'
    key = base64.b64decode(SVIX_KEY.reveal().removeprefix("whsec_"))
    signed = b"msg_1.1600000000." + body
    signature = f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
    id_, _, rest = signed.decode().partition(".1700000000.")
    forged = {"svix-id": id_, "svix-timestamp": "1700000000", "svix-signature": signature}
    proof = read_event_provider("resend").proof
    with pytest.raises(NotProven, match="signature_wrong"):
        check_svix(WebhookRequest(forged, rest.encode()), SVIX_KEY, proof, AT)
    genuine = {"svix-id": "msg_1", "svix-timestamp": "1600000000", "svix-signature": signature}
    then = datetime.fromtimestamp(1_600_000_000, UTC)
    assert check_svix(WebhookRequest(genuine, body), SVIX_KEY, proof, then).id == "msg_1"


def test_the_other_form_of_a_signature_is_the_same_request() -> None:
    """(r, n - s) is valid wherever (r, s) is, so a signature identifies no request."""
    private, body = ec.generate_private_key(ec.SECP256R1()), b"[]"
    key = Secret(base64.b64encode(private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )).decode())  # fmt: skip
    signature = private.sign(b"1700000000" + body, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(signature)
    proof, ids = read_event_provider("sendgrid").proof, set()
    for each in (signature, encode_dss_signature(r, ORDER - s)):
        headers = {
            proof.signature_header.lower(): base64.b64encode(each).decode(),
            proof.timestamp_header.lower(): "1700000000",
        }
        ids.add(check_ecdsa(WebhookRequest(headers, body), key, proof, AT).id)
    assert len(ids) == 1


@pytest.mark.parametrize("moved", [-1, -3, 1, 4])
def test_no_digit_moves_between_the_time_and_the_token_of_mailgun(moved: int) -> None:
    """What is signed is both without anything between them."""
    text, key, proof = "1700000000" + "1234abcd", Secret("k"), read_event_provider("mailgun").proof
    digest = hmac.new(b"k", text.encode(), hashlib.sha256).hexdigest()
    at = 10 + moved
    value = {"signature": {"timestamp": text[:at], "token": text[at:], "signature": digest}}
    with pytest.raises(NotProven, match=r"replayed|time_missing"):
        check_mailgun(value, key, proof, AT)


TAKEN = Attempt(AT, Contact("out", "mx.test", "192.0.2.1:25"), "content", Reply(250, "ok"), True)
DELIVERY: Delivery = replace(lease().delivery, history=(TAKEN,))


class Recorder:
    """Counts what is recorded."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Any, Sequence[Feedback]]] = []
        self.told: list[str] = []

    def now(self) -> datetime:
        return AT

    def report(self, event: str, **_: Any) -> None:
        self.told.append(event)

    async def deliveries_of(self, _mark: Any) -> Sequence[Any]:
        return (DELIVERY,)

    async def record_returned(self, *_: Any) -> int:
        return 0

    async def record_bounce(self, mark: Any, some: Sequence[Feedback]) -> int:
        self.recorded.append((mark, some))
        return len(some)


class Bound:
    async def add(self, submission: Any) -> None:
        """Nothing is kept."""


MARKS = DeliveryMarks(b"k" * 32)
MARK = MARKS.make(for_bounces("out"), "1-1.0", 0)


def take(
    *to: str, content: bytes = report(FAILED), sender: str = "", peer: str = ""
) -> tuple[bool, Recorder]:
    recorder: Any = Recorder()
    bound: Any = Bound()
    bounces = Bounces("bounces.example.com", ["out"], MARKS, recorder, lambda *_: True, bound)
    recipients = [f"{each}@bounces.example.com" for each in to]
    submission = message("2-1", content, envelope=envelope(sender, *recipients))
    trace = received(Hop("mx.example", peer, "ESMTP", "relay.example"), "2-1", "now")
    submission = replace(submission, trace=trace)
    return asyncio.run(bounces.try_take(submission)), recorder


def test_a_mark_that_is_named_often_counts_once() -> None:
    taken, recorder = take(*[MARK, MARK.upper(), MARK.title()] * 50)
    assert taken
    assert len(recorder.recorded) == 1


@pytest.mark.parametrize(
    "local",
    [
        MARKS.make(for_events("out"), "1-1.0", 0),
        MARKS.make(for_bounces("other"), "1-1.0", 0),
        MARK.replace("1-1", "1-2"),
        MARK.replace(".0.0.", ".0.1."),
        MARK[:-1],
    ],
)
def test_no_other_mark_is_believed(local: str) -> None:
    """The first of these is in the header of each message, where recipients see it."""
    taken, recorder = take(local)
    assert not taken
    assert (recorder.recorded, recorder.told) == ([], ["feedback_unmatched"])


TERRL = "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit"
QUOTA = report(FAILED.replace("5.1.1", "5.7.233"))
AN_ANSWER = f"Subject: away\r\nAuto-Submitted: auto-generated\r\n\r\n{TERRL}\r\n".encode()


@pytest.mark.parametrize(
    ("content", "sender", "event"),
    [
        (QUOTA, "", "quota_used_up"),
        (QUOTA, "eve@contoso.com", "quota_notice_ignored"),
        (AN_ANSWER, "", ""),
        (AN_ANSWER, "eve@contoso.com", ""),
    ],
)
def test_a_mailbox_at_the_same_provider_pauses_no_target(
    content: bytes, sender: str, event: str
) -> None:
    """Its servers bring whatever their customers write, who got the address of a message."""
    _, recorder = take(MARK, content=content, sender=sender, peer="192.0.2.1")
    assert recorder.told == ([event] if event else [])


def test_the_postmaster_is_no_forger() -> None:
    taken, recorder = take("postmaster")
    assert (taken, recorder.told) == (False, [])
