"""Bounces that come back to an address of the relay: reported under the message, once."""

import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.shell.next_hop import NextHop
from tests.shell.reporting_relay import ROUTE, ReportingRelay, reporting
from tests.shell.serve_process import wait_for
from tests.shell.webhook_endpoint import Webhook
from tests.unit.mime.test_returned_mail import DELAYED, FAILED, report

BOUNCES = """
[[listener]]
name = "mx"
address = "127.0.0.1:0"
tls = "none"
[[listener.network]]
from = ["0.0.0.0/0"]
may_send_to = ["bounces.example.com"]
[target.keep]
kind = "capture"
[events]
bounce_domain = "bounces.example.com"
bounce_targets = ["out"]
[[route]]
recipients = ["bounces.example.com"]
to = "keep"
"""
QMAIL = """\
From: MAILER-DAEMON@mx.example.net
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<dan@example.net>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <dan@example.net>: no such user
Giving up on 192.0.2.1.
"""


@dataclass
class World:
    relay: ReportingRelay
    hop: NextHop
    subscriber: Webhook

    def send(self, *to: str) -> str:
        """Send a message; return the sender that the next hop got."""
        before = len(self.hop.mail)
        self.relay.send(*to)
        wait_for(lambda: len(self.hop.mail) > before)
        return str(self.hop.mail[-1].mail_from)

    def bounce(self, to: str, content: bytes, sender: str = "") -> None:
        """Bring something back, as any server of the Internet may."""
        place = self.relay.serve.listener("mx")
        with smtplib.SMTP(place["host"], place["port"]) as client:
            client.sendmail(sender, [to], content)

    def statuses(self, recipient: str) -> list[str]:
        data = {each["id"]: each["data"] for each in self.subscriber.reports}  # some come twice
        return [each["status"] for each in data.values() if each["recipient"] == recipient]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with NextHop() as hop, Webhook() as subscriber:
        text = hop.target + BOUNCES + ROUTE
        with reporting(tmp_path_factory.mktemp("bounces"), text) as relay:
            relay.serve.ask("webhook", "create", subscriber.url, "--name", "hook")
            yield World(relay, hop, subscriber)


def test_a_notification_comes_back_to_an_address_of_ours(world: World) -> None:
    people = ("ann@example.net", "bob@example.net")
    kept_before = len(world.relay.serve.ask("messages", "list")["messages"])
    world.relay.send(*people)
    wait_for(lambda: all(map(world.statuses, people)))
    senders = {each.rcpt_tos[0]: str(each.mail_from) for each in world.hop.mail}
    assert senders[people[0]] != senders[people[1]], "each has an address of its own"
    address = senders["ann@example.net"]
    assert re.fullmatch(r"[a-z0-9-]+\.0\.0\.[0-9a-f]{16}@bounces\.example\.com", address)
    world.bounce(senders["bob@example.net"], report(DELAYED))
    for to in (address, address.upper()):
        world.bounce(to, report(FAILED, DELAYED))
    wait_for(lambda: len(world.statuses("ann@example.net")) == 2)
    assert world.statuses("ann@example.net") == ["Delivered", "Bounced"]
    assert world.statuses("bob@example.net") == ["Delivered"]
    [bounced] = [each["data"] for each in world.subscriber.reports
                 if each["data"]["status"] == "Bounced"
                 and each["data"]["recipient"] == "ann@example.net"]  # fmt: skip
    details = bounced["deliveryStatusDetails"]
    assert details["statusMessage"].startswith("550 5.1.1 <ann@example.net>")
    assert details["recipientMailServerHostName"] == "mx1.example.net"
    suppressed = world.relay.serve.ask("suppression", "list")["suppressed"]
    addresses = [each["address"] for each in suppressed]
    assert "ann@example.net" in addresses
    assert "bob@example.net" not in addresses
    kept = world.relay.serve.ask("messages", "list")["messages"]
    assert len(kept) == kept_before + 3, "for the operator"
    world.send("gus@example.net")  # a later event, so that one about the bounces would be there
    wait_for(lambda: world.statuses("gus@example.net"))
    reported = {each["data"]["recipient"] for each in world.subscriber.reports}
    assert not any("bounces.example.com" in each for each in reported)


def test_a_bounce_in_a_form_of_its_own(world: World) -> None:
    address = world.send("dan@example.net")
    world.bounce(address, QMAIL.replace("\n", "\r\n").encode())
    wait_for(lambda: len(world.statuses("dan@example.net")) == 2)
    assert world.statuses("dan@example.net") == ["Delivered", "Bounced"]


def test_a_vacation_notice_is_no_bounce(world: World) -> None:
    address = world.send("eve@example.net")
    before = len(world.relay.serve.events("feedback_unmatched"))
    notice = b"Subject: away\r\nAuto-Submitted: auto-replied\r\n\r\nI get 550 mails a day.\r\n"
    world.bounce(address, notice, "eve@example.net")
    world.relay.serve.wait_event("feedback_unmatched", before + 1)
    wait_for(lambda: world.statuses("eve@example.net") == ["Delivered"])


def test_who_has_no_mark_reports_nothing_and_fills_nothing(world: World) -> None:
    address = world.send("fay@example.net")
    local, at, domain = address.partition("@")
    kept = len(world.relay.serve.ask("messages", "list")["messages"])
    for forged in (local[:-1] + ("0" if local[-1] != "0" else "1"), "x" * 64):
        world.bounce(forged + at + domain, report(FAILED.replace("ann", "fay")))
    wait_for(lambda: world.statuses("fay@example.net") == ["Delivered"])
    assert len(world.relay.serve.ask("messages", "list")["messages"]) == kept


def test_strangers_may_send_to_no_other_domain(world: World) -> None:
    refused: dict[str, Any] = {}
    try:
        world.bounce("ann@example.net", b"Subject: relay me\r\n\r\nplease\r\n", "x@example.org")
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    assert refused["ann@example.net"][0] == 550
    wait_for(lambda: [each for each in world.relay.serve.events("refused")
                      if each["reason"].startswith("login_missing")])  # fmt: skip


@pytest.mark.parametrize("to", ["Postmaster", "postmaster", "PostMaster@bounces.example.com"])
def test_the_postmaster_gets_mail(world: World, to: str) -> None:
    kept = len(world.relay.serve.ask("messages", "list")["messages"])
    world.bounce(to, b"Subject: your bounces\r\n\r\nplease stop\r\n", "x@example.org")
    assert len(world.relay.serve.ask("messages", "list")["messages"]) == kept + 1


def test_the_listener_for_bounces_offers_no_login(world: World) -> None:
    place = world.relay.serve.listener("mx")
    with smtplib.SMTP(place["host"], place["port"]) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] in (502, 503, 504)


def test_mail_that_is_no_bounce_reaches_its_other_recipients(world: World) -> None:
    before = len(world.hop.mail)
    world.relay.send("nobody@bounces.example.com", "hal@example.net")
    wait_for(lambda: len(world.hop.mail) > before)
    assert world.hop.mail[-1].rcpt_tos == ["hal@example.net"]


def test_a_bounce_to_no_address_of_ours_is_found_by_the_message_id(world: World) -> None:
    """Only because the server brings it that took the mail: here, both are on this machine."""
    before = len(world.hop.mail)
    world.relay.send("kim@example.net", message_id="<kim-1@example.org>")
    wait_for(lambda: len(world.hop.mail) > before)
    wait_for(lambda: world.statuses("kim@example.net"))
    content = report(FAILED.replace("ann", "kim"))
    for id_, statuses in (("<kim-2@example.org>", 1), ("<kim-1@example.org>", 2)):
        returned = content.replace(b"Subject: hi", f"Message-ID: {id_}".encode())
        world.bounce("nobody@bounces.example.com", returned)
        wait_for(lambda many=statuses: len(world.statuses("kim@example.net")) == many)
    assert world.statuses("kim@example.net") == ["Delivered", "Bounced"]


def test_a_bounce_says_that_the_quota_is_used_up(world: World) -> None:
    address = world.send("ivy@example.net")
    wait_for(lambda: world.statuses("ivy@example.net"))  # it is known which server took it
    terrl = FAILED.replace("ann", "ivy").replace("5.1.1", "5.7.233")
    world.bounce(address, report(terrl))
    assert world.relay.serve.wait_event("quota_used_up")["target"] == "out"
    before = len(world.hop.mail)
    try:
        id_ = world.relay.send("jim@example.net")
        wait_for(
            lambda: "limit of recipients outside" in str(world.relay.serve.ask("queue", "why", id_))
        )
        assert "5.7.233" in str(world.relay.serve.ask("queue", "why", id_))
        assert len(world.hop.mail) == before
    finally:
        world.relay.serve.ask("queue", "retry", "--all")
    wait_for(lambda: len(world.hop.mail) > before)
    wait_for(lambda: world.statuses("ivy@example.net") == ["Delivered", "Failed"])
