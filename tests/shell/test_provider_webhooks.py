"""Webhooks of providers that come in: signed ones become events of ACS, once; others are refused.

The providers are imitated by their documents; none was tried with an account.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.certificates import make_authority
from tests.shell.http_server import Asked, HttpServer, Told
from tests.shell.next_hop import NextHop
from tests.shell.reporting_relay import ReportingRelay, reporting
from tests.shell.serve_process import wait_for
from tests.shell.webhook_endpoint import Webhook

CA = 'ca_file = "sns-ca.pem"\n'
ARN = "arn:aws:sns:eu-west-1:123456789012:mail"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-0123456789abcdef.pem"
SVIX_KEY = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
UNKNOWN = "550 5.1.1 User unknown"
BASIC = {"authorization": "Basic " + base64.b64encode(b"hook:secret").decode()}
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
PROVIDERS = ("ses", "sendgrid", "mailgun", "postmark", "resend", "brevo", "sparkpost")


def config(names: Sequence[str], hop: NextHop, sns: str) -> str:
    """A target for each provider, chosen by the recipient's domain, and its events."""
    body = "[limits]\nlogin_failures = 1000\n"
    for name in names:
        body += hop.target.replace("[target.out]", f"[target.{name}]").replace(
            "[retry.quick]", f"[retry.{name}]"
        )
        body += f'[[route]]\nrecipients = ["{name}.test"]\nto = "{name}"\n'
        body += f'[events.provider.{name}]\nprovider = "{name}"\ntargets = ["{name}"]\n'
        if name == "ses":
            body += f'topics = ["{ARN}"]\nendpoint = "{sns}"\n'
        elif name in ("postmark", "brevo", "sparkpost"):
            body += 'username = "hook"\npassword = { file = "password" }\n'
        else:
            body += f'key = {{ file = "{name}-key" }}\n'
    return '[events]\naddress = "127.0.0.1:0"\n' + body


@dataclass
class World:
    """The relay, and what plays the providers."""

    relay: ReportingRelay
    hop: NextHop
    subscriber: Webhook
    amazon: HttpServer
    sns_key: rsa.RSAPrivateKey

    def send(self, provider: str, local: str = "ann") -> str:
        """Send a message by way of a provider; return the mark that it carried."""
        before = len(self.hop.mail)
        self.relay.send(f"{local}@{provider}.test")
        wait_for(lambda: len(self.hop.mail) > before)
        content = self.hop.mail[-1].content
        assert isinstance(content, bytes)
        mark = re.search(rb"[a-z0-9-]+\.0\.0\.[0-9a-f]{16}", content)
        assert mark is not None, content
        return mark[0].decode()

    def post(self, provider: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        url = f"{self.relay.serve.ready['events']}{provider}"
        request = Request(url, body, {"content-type": "application/json"} | headers)
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def signed(self, provider: str, document: Any) -> tuple[bytes, dict[str, str]]:
        """Return the request of a provider."""
        now = str(int(time.time()))
        body = json.dumps(document).encode()
        if provider == "ses":
            return self.sns(json.dumps(document)), {}
        if provider == "sendgrid":
            signature = SENDGRID_KEY.sign(now.encode() + body, ec.ECDSA(hashes.SHA256()))
            name = "X-Twilio-Email-Event-Webhook"
            return body, {
                f"{name}-Signature": base64.b64encode(signature).decode(),
                f"{name}-Timestamp": now,
            }
        if provider == "mailgun":
            token = uuid4().hex
            digest = hmac.new(b"mg-key", f"{now}{token}".encode(), hashlib.sha256).hexdigest()
            signature_ = {"timestamp": now, "token": token, "signature": digest}
            return json.dumps(document | {"signature": signature_}).encode(), {}
        if provider == "resend":
            id_, key = f"msg_{uuid4().hex}", base64.b64decode(SVIX_KEY.removeprefix("whsec_"))
            made = hmac.digest(key, f"{id_}.{now}.".encode() + body, "sha256")
            return body, {
                "svix-id": id_, "svix-timestamp": now,
                "svix-signature": f"v1,{base64.b64encode(made).decode()}",
            }  # fmt: skip
        return body, dict(BASIC)

    def sns(self, message: str, kind: str = "Notification", version: str = "2", **more: str,
            ) -> bytes:  # fmt: skip
        members = {
            "Type": kind, "MessageId": str(uuid4()), "TopicArn": ARN, "Message": message,
            "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}", **more,
        }  # fmt: skip
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        if kind != "Notification":
            names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn",
                     "Type"]  # fmt: skip
        text = "".join(f"{name}\n{members[name]}\n" for name in names if name in members)
        digest = hashes.SHA256() if version == "2" else hashes.SHA1()
        signature = self.sns_key.sign(text.encode(), padding.PKCS1v15(), digest)
        members |= {"Signature": base64.b64encode(signature).decode(),
                    "SignatureVersion": version}  # fmt: skip
        members.setdefault("SigningCertURL", CERTIFICATE)
        return json.dumps(members).encode()


def bounce(provider: str, mark: str, address: str) -> Any:
    """Return what a provider reports about an address that does not exist."""
    headers = [{"name": "X-Gatepost-Delivery", "value": mark}]
    return {
        "ses": {"eventType": "Bounce", "mail": {"headers": headers}, "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [
                {"emailAddress": address, "diagnosticCode": f"smtp; {UNKNOWN}"}]}},
        "sendgrid": [{"email": address, "event": "bounce", "reason": UNKNOWN, "gatepost": mark}],
        "mailgun": {"event-data": {
            "event": "failed", "severity": "permanent", "recipient": address,
            "user-variables": {"gatepost": mark}, "delivery-status": {"message": UNKNOWN}}},
        "postmark": {"RecordType": "Bounce", "Type": "HardBounce", "Email": address,
                     "Details": UNKNOWN, "Metadata": {"gatepost": mark}},
        "resend": {"type": "email.bounced", "data": {
            "to": [address], "headers": headers, "bounce": {"message": UNKNOWN}}},
        "brevo": {"event": "hard_bounce", "email": address, "reason": UNKNOWN,
                  "X-Mailin-custom": mark},
        "sparkpost": [{"msys": {"message_event": {
            "type": "bounce", "bounce_class": "10", "rcpt_to": address, "raw_reason": UNKNOWN,
            "rcpt_meta": {"gatepost": mark}}}}],
    }[provider]  # fmt: skip


@cache
def sns_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2048)


def write_keys(home: Path) -> None:
    public = SENDGRID_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secrets = {
        "password": "secret", "mailgun-key": "mg-key", "resend-key": SVIX_KEY,
        "sendgrid-key": base64.b64encode(public).decode(),
    }  # fmt: skip
    for name, value in secrets.items():
        (home / name).write_text(value)
        (home / name).chmod(0o600)


def sns_certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("webhooks")
    authority = make_authority(home)
    (home / "sns-ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    write_keys(home)
    certificate = sns_certificate(sns_key())

    def answer(asked: Asked) -> Told:
        return Told(200, certificate if asked.path.endswith(".pem") else b"<ok/>")

    with (
        NextHop() as hop,
        HttpServer(answer, authority.issue("localhost")) as amazon,
        Webhook() as subscriber,
        reporting(home, config(PROVIDERS, hop, amazon.url), top=CA) as relay,
    ):
        relay.serve.ask("webhook", "create", subscriber.url, "--name", "hook")
        yield World(relay, hop, subscriber, amazon, sns_key())


def reports(world: World, address: str) -> list[dict[str, Any]]:
    data = {each["id"]: each["data"] for each in world.subscriber.reports}  # some come twice
    return [each for each in data.values() if each["recipient"] == address]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_bounce_is_reported_once_and_suppresses(world: World, provider: str) -> None:
    """The provider took the message, which is no delivery yet; what it says later is reported."""
    address, mark = f"gone@{provider}.test", world.send(provider, "gone")
    before = len(world.subscriber.reports)
    assert reports(world, address) == []
    body, headers = world.signed(provider, bounce(provider, mark, address))
    assert world.post(provider, body, headers) == (200, {"recorded": 1})
    world.subscriber.wait(before + 1)
    again, more = world.signed(provider, bounce(provider, mark, address))
    for repeated, proof in ((body, headers), (again, more)):
        assert world.post(provider, repeated, proof)[0] == 200
    [report] = reports(world, address)
    assert report["status"] == "Bounced"
    assert UNKNOWN in report["deliveryStatusDetails"]["statusMessage"]
    suppressed = world.relay.serve.ask("suppression", "list")["suppressed"]
    assert address in [each["address"] for each in suppressed]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_not_signed_is_refused(world: World, provider: str) -> None:
    body, headers = world.signed(provider, bounce(provider, "x", "x@x.test"))
    if provider in ("ses", "mailgun"):
        changed = body.replace(b'signature": "', b'signature": "0').replace(
            b'"Signature": "', b'"Signature": "AAAA'
        )
        assert world.post(provider, changed, headers)[0] == 401
    elif provider in ("sendgrid", "resend"):
        assert world.post(provider, body + b" ", headers)[0] == 401
    assert world.post(provider, b"[]", {})[0] == 401
    assert world.relay.serve.wait_event("auth_refused", username=provider)["reason"]


@pytest.mark.parametrize("provider", ["sendgrid", "sparkpost"])
def test_what_is_no_event_costs_nothing_around_it(world: World, provider: str) -> None:
    address, mark = f"mixed@{provider}.test", world.send(provider, "mixed")
    [event] = bounce(provider, mark, address)
    nul = json.loads(json.dumps(event).replace(UNKNOWN, f"{UNKNOWN}\\u0000"))
    body, headers = world.signed(provider, [7, {"event": {"x": []}}, nul, "text", [event]])
    assert world.post(provider, body, headers) == (200, {"recorded": 1})
    assert world.relay.serve.wait_event("feedback_malformed", source=provider)["count"] == 3
    wait_for(lambda: reports(world, address))
    assert [each["status"] for each in reports(world, address)] == ["Bounced"]


def test_an_event_of_foreign_mail_is_told_to_the_operator(world: World) -> None:
    body, headers = world.signed("brevo", bounce("brevo", "1-1.0.0.0123456789abcdef", "x@x.test"))
    assert world.post("brevo", body, headers) == (200, {"recorded": 0})
    assert world.relay.serve.wait_event("feedback_unmatched")["source"] == "brevo"


def test_a_delivery_is_reported_when_the_provider_says_so(world: World) -> None:
    mark = world.send("postmark")
    before = len(world.subscriber.reports)
    event = {"RecordType": "Delivery", "Recipient": "Ann@postmark.test", "Details": "250 ok",
             "Metadata": {"gatepost": mark}}  # fmt: skip
    assert world.post("postmark", json.dumps(event).encode(), dict(BASIC))[0] == 200
    world.subscriber.wait(before + 1)
    [report] = reports(world, "ann@postmark.test")
    assert report["status"] == "Delivered"


def test_a_complaint_suppresses_for_good_and_is_no_event(world: World) -> None:
    mark = world.send("brevo", "angry")
    event = {"event": "spam", "email": "angry@brevo.test", "X-Mailin-custom": mark}
    assert world.post("brevo", json.dumps(event).encode(), dict(BASIC)) == (200, {"recorded": 1})
    assert reports(world, "angry@brevo.test") == []
    listed = world.relay.serve.ask("suppression", "list")["suppressed"]
    [angry] = [each for each in listed if each["address"] == "angry@brevo.test"]
    assert angry["until"].startswith("2999")


def test_an_event_without_our_mark_is_found_by_the_providers_id(world: World) -> None:
    world.send("postmark", "ida")
    id_ = f"4f1c{len(world.hop.mail):06}"  # as the server said when it took the message
    event = {"RecordType": "Delivery", "Recipient": "ida@postmark.test", "MessageID": id_}
    wait_for(lambda: world.post("postmark", json.dumps(event).encode(), dict(BASIC))[1]["recorded"])
    wait_for(lambda: [each["status"] for each in reports(world, "ida@postmark.test")])
    for foreign in ("brevo", "sparkpost"):  # another provider's event is not about it
        other = bounce(foreign, "", "ida@postmark.test")
        one = other[0]["msys"]["message_event"] if foreign == "sparkpost" else other
        one["message-id"] = one["message_id"] = id_
        assert world.post(foreign, json.dumps(other).encode(), dict(BASIC))[1] == {"recorded": 0}
    assert [each["status"] for each in reports(world, "ida@postmark.test")] == ["Delivered"]


def test_an_event_without_our_mark_is_found_by_the_message_id(world: World) -> None:
    before = len(world.hop.mail)
    for local, id_ in (("mia", "<a1@example.org>"), ("max", "<a2@example.org>")):
        world.relay.send(f"{local}@mailgun.test", message_id=id_)
    wait_for(lambda: len(world.hop.mail) == before + 2)

    def post(recipient: str) -> int:
        body, _ = world.signed("mailgun", {"event-data": {
            "event": "delivered", "recipient": recipient,
            "message": {"headers": {"message-id": "a1@example.org"}}}})  # fmt: skip
        return int(world.post("mailgun", body, {})[1]["recorded"])

    wait_for(lambda: post("mia@mailgun.test"))
    assert post("max@mailgun.test") == 0, "that message was not for him"
    wait_for(lambda: reports(world, "mia@mailgun.test"))
    assert reports(world, "max@mailgun.test") == []


def test_an_event_that_comes_before_its_mail_is_reported_after_a_restart(tmp_path: Path) -> None:
    write_keys(tmp_path)
    event = {"event": "delivered", "recipient": "eve@mailgun.test",
             "message": {"headers": {"message-id": "early@example.org"}}}  # fmt: skip
    with NextHop() as hop, Webhook() as subscriber:
        text = config(["mailgun"], hop, "")
        with reporting(tmp_path, text) as relay:
            relay.serve.ask("webhook", "create", subscriber.url, "--name", "hook")
            world = World(relay, hop, subscriber, HttpServer(lambda _: Told()), sns_key())
            body, _ = world.signed("mailgun", {"event-data": event})
            assert world.post("mailgun", body, {}) == (200, {"recorded": 0})
            assert relay.serve.wait_event("feedback_kept")["source"] == "mailgun"
            relay.serve.process.kill()
            relay.serve.process.wait()
        (relay.serve.data / "ready.json").unlink()
        with reporting(tmp_path, text) as relay:
            relay.send("eve@mailgun.test", message_id="<early@example.org>")
            wait_for(lambda: subscriber.reports)
            world = World(relay, hop, subscriber, HttpServer(lambda _: Told()), sns_key())
            assert world.post("mailgun", body, {})[0] == 200
    reported = {each["id"]: each["data"]["status"] for each in subscriber.reports}
    assert list(reported.values()) == ["Delivered"]


def test_a_mark_of_another_target_is_not_believed(world: World) -> None:
    mark, address = world.send("mailgun", "tom"), "tom@mailgun.test"
    body = json.dumps(bounce("brevo", mark, address)).encode()
    assert world.post("brevo", body, dict(BASIC)) == (200, {"recorded": 0})
    assert reports(world, address) == []


def test_a_repeated_request_does_nothing_after_a_restart(tmp_path: Path) -> None:
    """Also when the operator has removed from the list what it had put there."""
    write_keys(tmp_path)
    with NextHop() as hop, Webhook() as subscriber:
        text = config(["mailgun"], hop, "")
        with reporting(tmp_path, text) as relay:
            world = World(relay, hop, subscriber, HttpServer(lambda _: Told()), sns_key())
            mark, address = world.send("mailgun"), "ann@mailgun.test"
            body, _ = world.signed("mailgun", bounce("mailgun", mark, address))
            assert world.post("mailgun", body, {}) == (200, {"recorded": 1})
            assert relay.serve.ask("suppression", "delete", address)
        with reporting(tmp_path, text) as relay:
            world = World(relay, hop, subscriber, HttpServer(lambda _: Told()), sns_key())
            assert world.post("mailgun", body, {}) == (200, {"recorded": 0})
            assert relay.serve.wait_event("feedback_repeated")["source"] == "mailgun"
            assert relay.serve.ask("suppression", "list")["suppressed"] == []


def test_a_subscription_of_amazon_is_confirmed(world: World) -> None:
    url = f"{HOST}/?Action=ConfirmSubscription&Token=t&TopicArn={ARN}"
    body = world.sns("You have chosen", "SubscriptionConfirmation", Token="t", SubscribeURL=url)
    assert world.post("ses", body, {}) == (200, {"recorded": 0})
    assert world.relay.serve.wait_event("feedback_subscribed")["topic"] == ARN
    assert world.amazon.asked[-1].query["Action"] == "ConfirmSubscription"
    assert len([each for each in world.amazon.asked if each.path.endswith(".pem")]) == 1, "cached"


@pytest.mark.parametrize(
    "change",
    [
        {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:other"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.test/SimpleNotificationService-0123456789abcdef.pem"},
        {"SigningCertURL": "https://evil.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"},
        {"SigningCertURL": CERTIFICATE.replace("https", "http")},
        {"SigningCertURL": f"{HOST}/other.pem"},
        {"SigningCertURL": f"{CERTIFICATE}#other"},
        {"SigningCertURL": CERTIFICATE.replace("sns.", "sns.eu-west-1.amazonaws.com@evil/sns.")},
        {"SigningCertURL": CERTIFICATE.replace(".com/", ".com:8443/")},
        {"SigningCertURL": "https://[sns.eu-west-1.amazonaws.com/"},
        {"SigningCertURL": ""},
        {"Timestamp": "2020-01-01T00:00:00.000Z"},
    ],
)  # fmt: skip
def test_other_messages_of_amazon_are_refused(world: World, change: dict[str, str]) -> None:
    asked = len(world.amazon.asked)
    assert world.post("ses", world.sns("{}", **change), {})[0] == 401
    assert len(world.amazon.asked) <= asked + 1
    assert all(each.path == "/SimpleNotificationService-0123456789abcdef.pem"
               for each in world.amazon.asked[asked:])  # fmt: skip


def test_a_subscription_elsewhere_is_not_confirmed(world: World) -> None:
    body = world.sns("x", "SubscriptionConfirmation", Token="t",
                     SubscribeURL="https://evil.test/?Action=ConfirmSubscription")  # fmt: skip
    assert world.post("ses", body, {})[0] == 401


def test_version_1_of_the_signature(world: World) -> None:
    assert world.post("ses", world.sns("Successfully validated SNS topic", version="1"), {}) == (
        200,
        {"recorded": 0},
    )


@pytest.mark.compliance
def test_a_kill_loses_and_repeats_no_event(tmp_path: Path) -> None:
    """What got no 200 is sent again, as providers do; in the end each bounce is reported once."""
    write_keys(tmp_path)
    marks: dict[str, str] = {}
    answered: list[str] = []
    with NextHop() as hop, Webhook() as subscriber:
        text = config(["postmark"], hop, "")
        with reporting(tmp_path, text) as relay:
            relay.serve.ask("webhook", "create", subscriber.url, "--name", "hook")
            for number in range(40):
                relay.send(f"gone{number}@postmark.test")
            wait_for(lambda: len(hop.mail) == 40)
            for each in hop.mail:
                found = re.search(r"[a-z0-9-]+\.0\.0\.[0-9a-f]{16}", str(each.content))
                assert found is not None
                marks[each.rcpt_tos[0]] = found[0]
        for kill in range(4):
            with reporting(tmp_path, text) as relay:
                world = World(relay, hop, subscriber, HttpServer(lambda _: Told()), sns_key())
                with ThreadPoolExecutor(4) as pool:
                    posted = [
                        pool.submit(post_bounce, world, address, mark)
                        for address, mark in marks.items()
                    ]
                    wait_for(partial(has_done, posted, 8 * (kill + 1)))
                    relay.serve.process.kill()
                    relay.serve.process.wait()
                answered += [each.result() for each in posted if each.result()]
                (relay.serve.data / "ready.json").unlink()
        with reporting(tmp_path, text) as relay:
            world = World(relay, hop, subscriber, HttpServer(lambda _: Told()), sns_key())
            for address, mark in marks.items():
                assert post_bounce(world, address, mark) == address
            wait_for(lambda: len({each["id"] for each in subscriber.reports}) >= 40)
    assert answered, "some were recorded before the kills"
    events = {each["id"]: each["data"] for each in subscriber.reports}
    assert sorted(each["recipient"] for each in events.values()) == sorted(marks)
    assert {each["status"] for each in events.values()} == {"Bounced"}


def has_done(posted: "list[Future[str]]", number: int) -> bool:
    return sum(each.done() for each in posted) >= number


def post_bounce(world: World, address: str, mark: str) -> str:
    """Report a bounce; return the address if the relay answered that it is recorded."""
    body = json.dumps(bounce("postmark", mark, address)).encode()
    try:
        status, _ = world.post("postmark", body, dict(BASIC))
    except (OSError, HTTPException, ValueError):  # killed before, or while, it answered
        return ""
    return address if status == 200 else ""


def test_bodies_and_paths_are_bounded(world: World) -> None:
    assert world.post("nobody", b"{}", {})[0] == 404
    assert world.post("brevo", b"[" * 100_000, dict(BASIC))[0] == 400
    assert world.post("brevo", b" " * (4 * 1024 * 1024 + 1), dict(BASIC))[0] == 413
    assert world.post("mailgun", b" " * (512 * 1024 + 1), {})[0] == 413
    assert world.post("brevo", b"\xff", dict(BASIC))[0] == 400
