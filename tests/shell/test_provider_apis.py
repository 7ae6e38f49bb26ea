"""Mail through the HTTP APIs of providers: ``gatepost serve``, a real SMTP client, and fakes.

No account at a provider was used: the fakes do what the providers' documents say.
"""

import smtplib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.shell.http_server import Asked, HttpServer, Told
from tests.shell.provider_fakes import AWS_ID, FAKES, KEY, Fake, Mailgun, Mood
from tests.shell.serve_process import ServeProcess, relaying, wait_for

SENDER = "a@example.com"
PROVIDERS = sorted(FAKES)
SOME = [
    pytest.param(each, marks=() if each in ("ses", "mailgun") else pytest.mark.compliance)
    for each in PROVIDERS
]
MOODS: tuple[Mood, ...] = get_args(Mood)
BASE = f"""
hostname = "relay.example"
[storage]
directory = "data"
free_space = 0
[[listener]]
name = "in"
address = "127.0.0.1:0"
tls = "none"
[[listener.network]]
from = "127.0.0.0/8"
may_relay = true
[retry.default]
table = ["1s"]
jitter = 0
[credentials.key]
kind = "api-key"
key = {{ file = "key" }}
[credentials.aws]
kind = "aws-access-key"
access_key_id = "{AWS_ID}"
secret_access_key = {{ file = "key" }}
[target.keep]
kind = "capture"
[[route]]
senders = ["<>"]
to = "keep"
"""
TARGET = """
[target.{name}]
kind = "http-api"
provider = "{provider}"
endpoint = "{url}"
{keys}
[[route]]
recipients = ["{mood}.{provider}.test"]
to = "{name}"
"""


@dataclass
class World:
    """A relay, and a fake for each provider and each way to fail."""

    relay: ServeProcess
    fakes: dict[tuple[str, str], Fake]

    def send(self, *recipients: str, content: bytes = b"Subject: hi\r\n\r\nHello\r\n") -> str:
        """Send a message by SMTP; return its id."""
        with smtplib.SMTP("127.0.0.1", self.relay.listener("in")["port"], timeout=30) as client:
            client.ehlo()
            assert client.mail(SENDER)[0] == 250
            for each in recipients:
                assert client.rcpt(each)[0] == 250
            code, text = client.data(content)
        assert code == 250
        return text.decode().split()[-1]

    def deliveries(self, id_: str) -> list[dict[str, Any]]:
        return self.relay.look_up("show", id_)

    def why(self, id_: str) -> str:
        [one] = self.relay.look_up("why", id_)
        return str(one["sentence"])

    def wait_why(self, id_: str, text: str) -> str:
        """Wait until the answer of ``queue why`` has this text; return the answer."""
        return str(wait_for(lambda: text in (said := self.why(id_)) and said))

    def wait_settled(self, id_: str) -> list[dict[str, Any]]:
        """Wait until all deliveries of a message are settled, and return them."""

        def settled() -> list[dict[str, Any]]:
            deliveries = self.deliveries(id_)
            return deliveries if all(each["state"] == "settled" for each in deliveries) else []

        return list(wait_for(settled))

    def wait_fates(self, id_: str) -> dict[str, str]:
        """Wait for the end of a message; return how it ended for each local part."""
        return {
            to["address"].partition("@")[0]: to["fate"]
            for each in self.wait_settled(id_)
            for to in each["recipients"]
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("apis")
    (directory / "key").write_text(KEY + "\n")
    (directory / "key").chmod(0o600)
    fakes: dict[tuple[str, str], Fake] = {}
    text = ""
    with ExitStack() as stack:
        for provider, (make, keys) in FAKES.items():
            for mood in MOODS:
                fake = fakes[provider, mood] = make(mood)
                url = stack.enter_context(HttpServer(fake)).url
                name = f"{provider}-{mood}"
                text += TARGET.format(name=name, provider=provider, mood=mood, url=url, keys=keys)
        relay = stack.enter_context(relaying(directory, text, base=BASE))
        yield World(relay, fakes)
        for fake in fakes.values():
            fake.released.set()
        log = (directory / "log").read_text()
        assert KEY not in log
        assert KEY[4:36] not in log
        assert "internal_error" not in log


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_message_arrives_at_exactly_the_envelopes_recipients(world: World, provider: str) -> None:
    fake = world.fakes[provider, "ok"]
    people = [f"{each}@ok.{provider}.test" for each in ("b", "blind", "c")]
    content = (
        b"From: <a@example.com>\r\nTo: <b@other.example>, <x@other.example>\r\n"
        b"Bcc: <blind@other.example>\r\nSubject: hi\r\n\r\nHello\r\n.dot\r\n"
    )
    fates = world.wait_fates(world.send(*people, content=content))
    assert fates == dict.fromkeys(("b", "blind", "c"), "delivered")
    assert sorted(to for each, _ in fake.messages for to in each) == sorted(people)
    without = content.replace(b"Bcc: <blind@other.example>\r\n", b"")
    assert {each for _, each in fake.messages} == {without}
    assert not fake.faults


@pytest.mark.parametrize("provider", SOME)
def test_throttled_mail_is_tried_again(world: World, provider: str) -> None:
    fake = world.fakes[provider, "throttle"]
    assert world.wait_fates(world.send(f"b@throttle.{provider}.test")) == {"b": "delivered"}
    assert (fake.count, len(fake.messages)) == (2, 1)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_quota_pauses_the_target_and_why_says_so(world: World, provider: str) -> None:
    fake = world.fakes[provider, "quota"]
    first = world.send(f"b@quota.{provider}.test")
    said = world.wait_why(first, "HTTP 4")
    document = fake.failures["quota"][1]
    [text] = [each for each in _texts(document) if each in said]
    assert text
    wait_for(lambda: fake.count)
    second = world.send(f"c@quota.{provider}.test")
    assert text in world.wait_why(second, text)
    assert fake.count == 1


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        members = value.values() if isinstance(value, dict) else value
        return [text for each in members for text in _texts(each)]
    return [value.rstrip(".")] if len(value) > 5 else []


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("mood", "code"), [("refused", "554"), ("large", "552")])
def test_a_refused_message_bounces_with_the_providers_reason(
    world: World, provider: str, mood: Mood, code: str
) -> None:
    fake = world.fakes[provider, mood]
    [one] = world.wait_settled(world.send(f"b@{mood}.{provider}.test"))
    [recipient] = one["recipients"]
    assert recipient["fate"] == "failed"
    assert code in str(recipient)
    assert any(each in str(one) for each in _texts(fake.failures[mood][1]))
    assert fake.count == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_lost_response_is_unknown_and_tried_again(world: World, provider: str) -> None:
    fake = world.fakes[provider, "cut"]
    id_ = world.send(f"b@cut.{provider}.test")
    world.wait_why(id_, "the message may have been accepted, and then arrives twice")
    fake.mood = "ok"
    world.relay.ask("queue", "retry", id_)
    assert world.wait_fates(id_) == {"b": "delivered"}
    assert fake.count >= 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refused_key_is_reported_once_and_never_shown(world: World, provider: str) -> None:
    fake, name = world.fakes[provider, "denied"], f"{provider}-denied"
    first = world.send(f"b@denied.{provider}.test")
    event = world.relay.wait_event("sign_in_stopped", target=name)
    assert KEY[4:] not in str(event)
    said = world.wait_why(first, "HTTP 40")
    assert KEY[4:] not in said
    second = world.send(f"c@denied.{provider}.test")
    world.wait_why(second, "HTTP 40")
    assert fake.count == 1, "no further attempt with the same key"
    assert len([e for e in world.relay.events("sign_in_stopped") if e["target"] == name]) == 1


@pytest.mark.parametrize("provider", SOME)
def test_a_slow_provider_delays_no_other(world: World, provider: str) -> None:
    slow, quick = world.fakes[provider, "slow"], world.fakes[provider, "ok"]
    waiting = [world.send(f"b{each}@slow.{provider}.test") for each in range(12)]
    wait_for(lambda: slow.count)
    before = len(quick.messages)
    assert world.wait_fates(world.send(f"quick@ok.{provider}.test")) == {"quick": "delivered"}
    assert len(quick.messages) == before + 1
    assert not slow.messages
    slow.released.set()
    for each in waiting:
        world.wait_settled(each)
    assert len(slow.messages) == 12


@pytest.mark.parametrize("provider", ["infobip", "sparkpost"])
def test_a_200_with_a_rejected_recipient_bounces_only_that_one(world: World, provider: str) -> None:
    people = [f"{each}@ok.{provider}.test" for each in ("b", "rejected", "c")]
    fates = world.wait_fates(world.send(*people))
    assert fates == {"b": "delivered", "rejected": "failed", "c": "delivered"}


def test_what_is_too_large_is_not_sent(world: World) -> None:
    fake = world.fakes["mailgun", "ok"]
    before = fake.count
    content = b"Subject: hi\r\n\r\n" + (b"x" * 998 + b"\r\n") * 26_500
    [one] = world.wait_settled(world.send("b@ok.mailgun.test", content=content))
    assert [each["fate"] for each in one["recipients"]] == ["failed"]
    assert "the server accepts 26214400" in str(one)
    assert fake.count == before


MINE = """
[request]
url = "https://mail.example/send"
sign_in = "key"
header = "X-Token"
idempotency_header = "Idempotency-Key"
[body]
kind = "json"
message = "base64"
members = { to = "{recipients}", raw = "{message}" }
[success]
status = [202]
id = "id"
[error]
message = "text"
[[response]]
status = 402
then = "pause"
wait = "1h"
why = "the credit is used up"
"""
OWN = """
[credentials.own]
kind = "api-key"
key = {{ file = "own-key" }}
[target.own]
kind = "http-api"
provider = "./mine.toml"
endpoint = "{url}"
credential = "own"
[target.other]
kind = "http-api"
provider = "mailgun"
domain = "mg.example.com"
endpoint = "{other}"
credential = "key"
[[route]]
recipients = ["own.test"]
to = "own"
[[route]]
recipients = ["both.test"]
to = ["own", "other"]
"""


def test_a_providers_file_of_ones_own(tmp_path: Path) -> None:
    """A lost response is repeated with the same id, a used up credit lets the next target have the
    mail, and a new key is used at once."""
    told: list[Told] = []
    accepted = Told(202, b'{"id": "7"}')
    asked: list[Asked] = []

    def answer(request: Asked) -> Told:
        asked.append(request)
        return told.pop(0) if told else accepted

    (tmp_path / "mine.toml").write_text(MINE)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "own-key").write_text("first-0123456789")
    other = Mailgun()
    with HttpServer(answer) as own, HttpServer(other) as second:
        text = OWN.format(url=own.url, other=second.url)
        with relaying(tmp_path, text, base=BASE) as relay:
            world = World(relay, {})
            told.append(Told(202, None))
            assert world.wait_fates(world.send("b@own.test")) == {"b": "delivered"}
            first, again = [each.headers["idempotency-key"] for each in asked]
            assert first == again
            assert asked[0].headers["x-token"] == "first-0123456789"

            told += [Told(401, b'{"text": "first-0123456789 is not known"}')] * 5
            id_ = world.send("c@own.test")
            said = world.wait_why(id_, "is not known")
            assert "0123456789" not in said
            told.clear()
            (tmp_path / "own-key").write_text("second-0123456789")
            assert world.wait_fates(id_) == {"c": "delivered"}
            assert asked[-1].headers["x-token"] == "second-0123456789"

            told.append(Told(402, b'{"text": "pay"}'))
            assert world.wait_fates(world.send("d@both.test")) == {"d": "delivered"}
            assert [people for people, _ in other.messages] == [("d@both.test",)]
            assert "the credit is used up: pay" in world.wait_why(world.send("e@own.test"), "pay")
        assert "0123456789" not in (tmp_path / "log").read_text()
