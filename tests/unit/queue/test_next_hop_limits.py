"""The lessons of replies, and the limits of a next hop after them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.reply import Esc, Reply
from gatepost.model.route import HopLimits
from gatepost.queue.next_hop_limits import (
    GROW_AFTER,
    NextHopLimiter,
    ReplyContext,
    UpstreamCredential,
    learn,
)
from gatepost.queue.reply_lessons import NONE, Lesson, lesson_of


def middle() -> float:
    return 0.5


def reply(text: str) -> Reply:
    """A reply from ``CODE`` or ``CODE X.Y.Z``."""
    code, _, status = text.partition(" ")
    numbers = [int(each) for each in status.split(".")] if status else []
    return Reply(int(code), "text", Esc(*numbers) if numbers else None)


LESSONS = [
    # said          in phase     means
    ("450 4.5.127", "content",   Lesson("credential", "pause")),
    ("450 4.5.127", "mail",      Lesson("credential", "pause")),
    ("421",         "greeting",  Lesson("hop", "fewer_connections")),
    ("421 4.3.2",   "content",   Lesson("hop", "fewer_connections")),
    ("421 4.7.0",   "mail",      Lesson("hop", "slower")),
    ("421 4.7.0",   "greeting",  Lesson("hop", "fewer_connections")),
    ("421",         "rcpt",      Lesson("host", "fewer_connections")),
    ("432 4.3.2",   "content",   Lesson("hop", "fewer_connections")),
    ("432 4.7.12",  "auth",      Lesson("credential", "pause_long")),
    ("432",         "auth",      Lesson("credential", "pause_long")),
    ("454 4.7.0",   "auth",      Lesson("credential", "pause")),
    ("421 4.7.0",   "auth",      Lesson("credential", "pause")),
    ("451 4.7.500", "auth",      Lesson("credential", "pause")),
    ("454 4.7.0",   "starttls",  Lesson("host", "pause")),
    ("454",         "content",   Lesson("hop", "slower")),
    ("535 5.7.3",   "auth",      Lesson("credential", "pause_long")),
    ("451 4.3.0",   "auth",      Lesson("credential", "pause")),
    ("451 4.7.500", "rcpt",      Lesson("hop", "slower")),
    ("451",         "mail",      Lesson("hop", "slower")),
    ("451 4.3.0",   "mail",      Lesson("hop", "slower")),
    ("452 4.5.3",   "rcpt",      Lesson("hop", "fewer_recipients")),
    ("451 4.5.3",   "rcpt",      Lesson("hop", "fewer_recipients")),
    ("452",         "rcpt",      Lesson("hop", "fewer_recipients")),
    ("552",         "rcpt",      Lesson("hop", "fewer_recipients")),
    ("552 5.5.3",   "rcpt",      Lesson("hop", "fewer_recipients")),
    ("552 5.2.2",   "rcpt",      NONE),
    ("452 4.2.2",   "rcpt",      NONE),
    ("452 4.3.1",   "mail",      Lesson("host", "pause")),
    ("452",         "content",   Lesson("host", "pause")),
    ("554",         "greeting",  Lesson("host", "pause")),
    ("450",         "ehlo",      Lesson("host", "pause")),
    # Greylisting, a full mailbox, a sender whose domain is not found, a refusal: about the message.
    ("451 4.1.8",   "mail",      NONE),
    ("450 4.7.1",   "rcpt",      NONE),
    ("451 4.7.1",   "rcpt",      NONE),
    ("451",         "content",   NONE),
    ("550 5.1.1",   "rcpt",      NONE),
    ("554",         "content",   NONE),
    ("250",         "content",   NONE),
    ("354",         "data",      NONE),
]  # fmt: skip


@pytest.mark.parametrize(("text", "phase", "lesson"), LESSONS)
def test_lessons_of_replies(text: str, phase: str, lesson: Lesson) -> None:
    assert lesson_of(reply(text), phase) == lesson


def take(
    text: str,
    phase: str,
    limiter: NextHopLimiter,
    credential: UpstreamCredential | None,
    now: float,
) -> None:
    learn(reply(text), phase, limiter, credential, ReplyContext(now, middle))


def test_connections_are_counted() -> None:
    limiter = NextHopLimiter(HopLimits(connections=2))
    assert limiter.wait_to_connect(0) == 0
    limiter.record_opening(0)
    limiter.record_opening(0)
    assert limiter.wait_to_connect(0) is None
    limiter.record_closing()
    assert limiter.wait_to_connect(0) == 0


def test_too_many_connections_are_halved_and_come_back_one_by_one() -> None:
    limiter = NextHopLimiter(HopLimits(connections=20))
    for _ in range(8):
        limiter.record_opening(0)
    take("421", "greeting", limiter, None, 0)
    assert limiter.connections == 4
    for _ in range(4):
        take("432 4.3.2", "content", limiter, None, 0)
    assert limiter.connections == 1
    for _ in range(50):
        limiter.record_success(1)
    assert limiter.connections == 2
    for _ in range(50 * 30):
        limiter.record_success(1)
    assert limiter.connections == 20


def test_a_rate_spaces_messages() -> None:
    limiter, now, sent = NextHopLimiter(HopLimits(rate=30)), 0.0, []
    for _ in range(4):
        now += limiter.wait_to_send(now)
        limiter.record_message(now)
        sent.append(now)
    assert sent == [0, 2, 4, 6]


def test_an_idle_hop_accumulates_no_rate() -> None:
    limiter = NextHopLimiter(HopLimits(rate=30))
    limiter.record_message(0)
    assert limiter.wait_to_send(1000) == 0
    limiter.record_message(1000)
    assert limiter.wait_to_send(1000) == 2


@given(st.floats(1, 6000), st.lists(st.floats(0, 5), min_size=20, max_size=80))
def test_a_rate_is_kept(rate: float, pauses: list[float]) -> None:
    limiter, now, sent = NextHopLimiter(HopLimits(rate=rate)), 0.0, []
    for pause in pauses:
        now += pause
        now += limiter.wait_to_send(now)
        limiter.record_message(now)
        sent.append(now)
    assert most_in_a_minute(sent) <= math.ceil(rate)


@pytest.mark.parametrize("rate", [60, 90.5, 120, 600])
def test_a_burst_after_a_pause_is_within_the_rate(rate: float) -> None:
    limiter, now, sent = NextHopLimiter(HopLimits(rate=rate)), 0.0, []
    while now < 150:
        limiter.record_message(now)
        sent.append(now)
        now += limiter.wait_to_send(now)
    assert int(rate) <= most_in_a_minute(sent) <= math.ceil(rate)
    assert len(sent) >= 2.4 * rate


def most_in_a_minute(sent: list[float]) -> int:
    """Return how many went in the fullest of all minutes."""
    return max(
        len([each for each in sent[index:] if each < start + 60 - 1e-6])
        for index, start in enumerate(sent)
    )


def test_slower_means_two_thirds_of_the_excessive_rate() -> None:
    limiter = NextHopLimiter(HopLimits())
    for second in range(60):
        limiter.record_message(float(second))
    take("451 4.7.500", "mail", limiter, None, 59)
    assert limiter.rate(59) == pytest.approx(40)
    assert limiter.wait_to_send(59) == pytest.approx(1.5)
    take("451 4.7.500", "mail", limiter, None, 60)
    assert limiter.rate(60) == pytest.approx(40), "one step for all that came at once"
    take("451 4.7.500", "mail", limiter, None, 80)
    assert limiter.rate(80) == pytest.approx(26, abs=1)


def test_a_complaint_about_a_single_message_does_not_reduce_the_rate() -> None:
    limiter = NextHopLimiter(HopLimits())
    limiter.record_message(0)
    take("451 4.3.0", "mail", limiter, None, 0)
    assert (limiter.rate(0), limiter.wait_to_send(0)) == (None, 0)


def test_a_burst_is_measured_over_its_duration() -> None:
    limiter = NextHopLimiter(HopLimits())
    for _ in range(10):
        limiter.record_message(0)
    take("451 4.3.0", "mail", limiter, None, 1)
    assert limiter.rate(1) == pytest.approx(40), "two thirds of ten in ten seconds"


def test_forgiving_resets_learned_but_not_configured_limits() -> None:
    limiter = NextHopLimiter(HopLimits(connections=4, rate=60))
    for _ in range(4):
        limiter.record_opening(0)
        limiter.record_message(0)
    take("451 4.7.500", "mail", limiter, None, 0)
    take("432 4.3.2", "content", limiter, None, 0)
    for _ in range(2):
        limiter.record_closing()
    assert limiter.limit(0) == 'has all 2 connections in use since it answered "432 4.3.2 text"'
    limiter.record_closing()
    assert limiter.limit(0) == 'accepts 16 messages a minute since it answered "451 4.7.500 text"'
    for _ in range(3):
        limiter.record_opening(0)
    limiter.forgive(0)
    assert (limiter.connections, limiter.rate(0), limiter.wait_to_send(0)) == (4, 60, 1)
    assert limiter.limit(0) == "has all 4 connections in use"
    limiter.record_closing()
    assert limiter.limit(0) == "accepts 60 messages a minute"
    assert limiter.limit(9) == ""


def test_a_learned_rate_grows_until_it_is_no_limit() -> None:
    limiter = NextHopLimiter(HopLimits(rate=100))
    for _ in range(60):
        limiter.record_message(0)
    take("451 4.7.500", "mail", limiter, None, 0)
    learned = limiter.rate(0)
    assert learned is not None
    assert limiter.rate(60) == pytest.approx(learned * 1.25)
    assert limiter.rate(3600) == 100
    assert limiter.rate(7200) == 100


def test_fewer_recipients_means_as_many_as_were_accepted() -> None:
    limiter = NextHopLimiter(HopLimits(recipients=100))
    learn(reply("452 4.5.3"), "rcpt", limiter, None, ReplyContext(0, middle, accepted=50))
    assert limiter.recipients == 50
    learn(reply("452 4.5.3"), "rcpt", limiter, None, ReplyContext(0, middle, accepted=0))
    assert limiter.recipients == 50, "none at all is no limit, but a refusal"
    limiter.forgive(0)
    assert limiter.recipients == 100


def test_more_recipients_are_tried_after_successes() -> None:
    limiter = NextHopLimiter(HopLimits(recipients=100))
    learn(reply("452 4.5.3"), "rcpt", limiter, None, ReplyContext(0, middle, accepted=30))
    for number in range(4 * GROW_AFTER):
        assert limiter.recipients == min(100, 30 * 2 ** (number // GROW_AFTER))
        limiter.record_success(0)


def test_a_rate_of_one_message_a_minute_in_words() -> None:
    limiter = NextHopLimiter(HopLimits(rate=1))
    limiter.record_message(0)
    assert limiter.limit(0) == "accepts one message a minute"


def test_too_much_mail_pauses_the_whole_credential() -> None:
    limiter, credential = NextHopLimiter(HopLimits()), UpstreamCredential()
    take("450 4.5.127", "content", limiter, credential, 0)
    assert credential.wait(0) == 60
    assert credential.reason == "450 4.5.127 text"
    assert not credential.is_refused
    assert limiter.wait_to_connect(0) == 0, "another credential may go on"
    longest, now = 0.0, 0.0
    for _ in range(8):
        now += credential.wait(now)
        credential.begin(now)
        take("450 4.5.127", "content", limiter, credential, now)
        longest = max(longest, credential.wait(now))
    assert longest == 3600
    now += credential.wait(now)
    credential.begin(now)
    credential.record_login(now, now)
    credential.record_success(now)
    assert (credential.wait(now), credential.reason) == (0, "")


def test_a_refused_password_is_not_tried_again_soon() -> None:
    limiter, credential = NextHopLimiter(HopLimits()), UpstreamCredential()
    take("535 5.7.3", "auth", limiter, credential, 0)
    assert credential.is_refused
    assert credential.wait(0) >= 900
    assert credential.wait(900) == 0
    credential.begin(900)
    credential.record_login(901, 900)
    assert not credential.is_refused


def test_a_requested_wait_is_respected() -> None:
    limiter, credential = NextHopLimiter(HopLimits()), UpstreamCredential()
    learn(reply("450"), "content", limiter, credential, ReplyContext(0, middle, at_least=1800))
    assert credential.wait(0) == 1800
    learn(reply("450"), "content", limiter, None, ReplyContext(0, middle, at_least=1800))
    assert limiter.wait_to_connect(0) == 1800


def test_without_a_credential_the_hop_pauses() -> None:
    limiter = NextHopLimiter(HopLimits())
    take("450 4.5.127", "content", limiter, None, 0)
    assert limiter.wait_to_connect(0) == 60


def test_an_unreachable_host_pauses_then_one_attempt_is_made() -> None:
    limiter = NextHopLimiter(HopLimits(connections=5))
    for _ in range(3):
        limiter.record_opening(0)
        limiter.breaker.record_failure(0, middle, "connection refused")
        limiter.record_closing()
    wait = limiter.wait_to_connect(0)
    assert wait == 30
    assert limiter.wait_to_send(0) == 30
    limiter.record_opening(30)
    assert limiter.wait_to_connect(30) not in (0, None), "one trial at a time"
    limiter.record_success(31)
    assert limiter.wait_to_connect(31) == 0


def test_a_trial_without_result_permits_another() -> None:
    limiter = NextHopLimiter(HopLimits())
    take("450 4.5.127", "content", limiter, None, 0)
    limiter.record_opening(60)
    take("550 5.1.1", "rcpt", limiter, None, 61)
    limiter.record_closing()
    assert limiter.wait_to_connect(61) == 0


def test_replies_about_a_message_change_no_limits() -> None:
    limiter, credential = NextHopLimiter(HopLimits()), UpstreamCredential()
    for text, phase in (("550 5.1.1", "rcpt"), ("450 4.7.1", "rcpt"), ("554", "content")):
        take(text, phase, limiter, credential, 0)
    assert (limiter.wait_to_connect(0), limiter.wait_to_send(0), credential.wait(0)) == (0, 0, 0)
