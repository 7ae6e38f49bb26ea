"""No message hides in another: the published end-of-data attacks, through session and next hop.

The attacker writes a message whose content holds something that ends it for one
server and not for the other (CVE-2023-51764, CVE-2023-51765, CVE-2023-51766 and what
was found since). One message must come out; and sent on by our own client it
must be one for the most lenient server too.
"""

import re
from collections.abc import Iterator
from functools import partial

import pytest

from gatepost.client.transaction import stuff
from gatepost.testing import Accepted, parse_dialogue, perform_server
from gatepost.testing.dialogue_server import Cut

DISGUISES = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n", b"\r.\r\n", b"\n.\r", b"\r.\n",
    b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\n .\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n",
    b"\r\r\n.\r", b"\n\r.\r\n", b"\r\n.\r\0\n", b"\r\n\r.\r\n", b"\r\n\n.\r\n", b"\r\n\x0b.\r\n",
    b"\xe2\x80\xa8.\xe2\x80\xa8", b"\xc2\x85.\xc2\x85", b"\r\n..\r\n", b"\r\n.\n\r\n", b"\n..\n",
    b"\n..\r\n", b"\r..\r", b"\r\n...\r\n", b"\n.\r\n\n.\r\n",
]  # fmt: skip

SMUGGLED = (
    b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n"
    b"From: evil@example.com\r\n\r\nsmuggled\r\n"
)

LENIENT_END = re.compile(rb"(?:^|\r\n|\r|\n)\.(?:\r\n|\r|\n)")
"""Where the most lenient servers see the end: any line end, on either side of the dot."""


def smuggle(disguise: bytes, *, bare_newline: str = "convert", messages: int = 1) -> str:
    """The dialogue of a message that holds the disguise and a second transaction behind it."""
    attack = b"Subject: outer\r\n\r\nbody" + disguise + SMUGGLED + b"\r\n.\r\n"
    escaped = "".join(f"\\x{octet:02x}" for octet in attack)
    reply = "250 2.0.0 OK" if messages else "..."
    if b"\0" in disguise:
        reply, messages = "554 5.6.0 NUL octet in message", 0
    return (
        f"bare_newline: {bare_newline}\nmessages: {messages}\n"
        "S: 220 {host} ESMTP Gatepost\nC: HELO attacker.example\nS: 250 ...\n"
        "C: MAIL FROM:<a@example.com>\nS: 250 ...\nC: RCPT TO:<b@example.net>\nS: 250 ...\n"
        f"C: DATA\nS: 354 ...\nC| {escaped}\nS: {reply}\nC: NOOP\nS: 250 2.0.0 OK\n"
    )


def cuts() -> Iterator[Cut]:
    """All in one piece, octet by octet, and in two pieces at each place near the disguise."""
    yield lambda octets: [octets]
    yield lambda octets: [octets[at : at + 1] for at in range(len(octets))]
    for behind in range(20):
        yield partial(_cut_behind_body, behind)


def _cut_behind_body(behind: int, octets: bytes) -> list[bytes]:
    at = octets.find(b"body") + 4 + behind
    return [octets[:at], octets[at:]]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_one_message_comes_out(disguise: bytes) -> None:
    dialogue = parse_dialogue(smuggle(disguise))
    accepted = {perform_server(dialogue, cut=cut).messages for cut in cuts()}
    assert len(accepted) == 1  # the same, in whatever pieces it came
    for message in accepted.pop():
        assert message.content.startswith(b"Subject: outer\r\n\r\nbody")
        assert message.content.endswith(SMUGGLED + b"\r\n")
        assert [str(one.address) for one in message.envelope.recipients] == ["b@example.net"]


@pytest.mark.parametrize("disguise", [one for one in DISGUISES if b"\0" not in one])
def test_it_stays_one_for_the_next_hop(disguise: bytes) -> None:
    [message] = perform_server(parse_dialogue(smuggle(disguise))).messages
    assert ends_as_seen_by_a_lenient_server(message) == 1


def ends_as_seen_by_a_lenient_server(message: Accepted) -> int:
    """How many ends of data our client's octets hold, for whoever takes any line end for one."""
    for window in (len(message.content), 1, 7):
        pieces = [
            message.content[at : at + window] for at in range(0, len(message.content), window)
        ]
        wire = b"".join(stuff(pieces))
        assert wire.endswith(b"\r\n.\r\n")
        ends = [match.end() for match in LENIENT_END.finditer(wire)]
        if ends != [len(wire)]:
            return len(ends)
    return 1


BARE = [one for one in DISGUISES if re.search(rb"\r(?!\n)|(?<!\r)\n", one) and b"\0" not in one]


@pytest.mark.parametrize("disguise", BARE)
def test_bare_newlines_can_be_refused(disguise: bytes) -> None:
    text = smuggle(disguise, bare_newline="refuse", messages=0)
    dialogue = parse_dialogue(text.replace("S: ...", "S: 550 5.6.11 Bare CR or LF in message"))
    for cut in cuts():
        assert perform_server(dialogue, cut=cut).messages == ()
