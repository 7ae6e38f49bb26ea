"""Whatever comes back, it is read or refused: nothing else happens."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.config.provider_events_file import read_event_provider
from gatepost.config.provider_file import shipped_providers
from gatepost.feedback.bounces import feedback_of
from gatepost.feedback.event_lists import event_key, read_page
from gatepost.feedback.provider_events import read_body, read_events
from gatepost.mime.returned_mail import read_returned
from gatepost.model.provider_events import EventPoll
from gatepost.model.reply import Reply
from gatepost.queue.accepted_mail import id_key, id_keys, ids_in

NOW = datetime(2026, 11, 30, tzinfo=UTC)
PROVIDERS = [read_event_provider(each) for each in shipped_providers("events")]
NAMES = sorted(
    {
        segment.removeprefix("@")
        for each in PROVIDERS
        for path in (
            *each.paths.kind, *each.paths.delivery, *each.paths.reason, *each.paths.time,
            each.paths.events, each.paths.each, each.paths.recipients,
            *[meaning.recipients for meaning in each.meanings],
        )
        for segment in path.split(".")
        if segment and segment != "*"
    } | {"name", "value", "emailAddress"}
)  # fmt: skip
POLLS = [poll for each in PROVIDERS for poll in each.polls]
NAMES += ["items", "paging", "next", "links", "events", "Bounces"]
KINDS = sorted({kind for each in PROVIDERS for one in each.meanings for kind in one.kinds})
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20)
    | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip
PIECES = st.sampled_from(
    [
        "Content-Type: multipart/report; boundary=b\r\n", "\r\n", "--b\r\n", "--b--\r\n",
        "Content-Type: message/delivery-status\r\n", "Content-Type: text/plain\r\n",
        "Final-Recipient: rfc822; a@b.example\r\n", "Action: failed\r\n", "Status: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 no\r\n", " folded\r\n", ":\r\n", "\x00", "=?utf-8?q?=",
        "X-Failed-Recipients: a@b.example,,\r\n", "550 5.1.1 no such user\r\n", "Action:\r\n",
    ]
) | st.text(max_size=30)  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.name)
@given(VALUES)
def test_events_are_read_or_refused(provider: object, value: object) -> None:
    with suppress(ValueError):
        for event in read_events(provider, read_body(json.dumps(value).encode())).events:  # type: ignore[arg-type]
            assert all(isinstance(address, str) for address, _ in event.recipients)
            assert event.at is None or event.at.tzinfo is not None


@pytest.mark.parametrize("poll", POLLS, ids=lambda each: each.url)
@given(VALUES)
def test_pages_are_read_or_refused(poll: EventPoll, value: object) -> None:
    """Whatever link there is, the next page is at the same server."""
    with suppress(ValueError):
        page = read_page(poll, "https://api.test/x?offset=0", read_body(json.dumps(value).encode()))
        assert page.next == "" or page.next.startswith("https://api.test/")
        assert all(len(event_key(each)) == 64 for each in page.events)


@given(st.text() | st.from_regex(r"[<>A-Za-z0-9@.=: -]{0,300}"))
def test_ids_in_replies_are_keys(text: str) -> None:
    for id_ in ids_in(Reply(250, text)):
        assert id_key(id_) == id_keys(id_)[0]


@given(st.lists(PIECES, max_size=30))
def test_returned_mail_is_read(pieces: list[str]) -> None:
    returned = read_returned("".join(pieces).encode("utf-8", "surrogatepass"))
    for each in feedback_of(returned, NOW):
        assert each.status in ("Bounced", "Failed", "Delivered", "Expanded")
        assert not each.is_hard or each.status == "Bounced"
