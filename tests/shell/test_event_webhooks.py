"""Endpoints of ``[[events.webhook]]`` get events from the first start on, and hold up nobody."""

import threading
from pathlib import Path

from tests.shell.next_hop import NextHop
from tests.shell.reporting_relay import ROUTE, reporting
from tests.shell.serve_process import wait_for
from tests.shell.webhook_endpoint import Webhook

WEBHOOK = """
[[events.webhook]]
name = "{name}"
url = {{ file = "{name}.url" }}
event_types = ["EmailDeliveryReportReceived"]
"""
MAIL = 30


def test_a_consumer_that_hangs_holds_up_neither_mail_nor_others(tmp_path: Path) -> None:
    stalls = threading.Event()
    with NextHop() as hop, Webhook(stalls=stalls) as hangs, Webhook() as works:
        text = f"{hop.target}{ROUTE}[events]\n"
        for name, each in (("hangs", hangs), ("works", works)):
            (tmp_path / f"{name}.url").write_text(f"{each.url}\n")
            (tmp_path / f"{name}.url").chmod(0o600)
            text += WEBHOOK.format(name=name)
        with reporting(tmp_path, text) as relay:
            for name in ("hangs", "works"):
                event = relay.serve.wait_event("webhook_subscribed", subscription=name)
                assert "s3cret" not in str(event)
            for number in range(MAIL):
                relay.send(f"a{number}@example.net")
            wait_for(lambda: len(hop.mail) == MAIL)
            wait_for(lambda: len({each["id"] for each in works.reports}) == MAIL)
            shown = relay.serve.ask("webhook", "list")["webhooks"]
            waiting = {each["name"]: each["waiting"] for each in shown}
            assert waiting["hangs"] == MAIL
            stalls.set()
            wait_for(lambda: len({each["id"] for each in hangs.reports}) == MAIL)
        with reporting(tmp_path, text.replace(WEBHOOK.format(name="hangs"), "")) as relay:
            shown = relay.serve.ask("webhook", "list")["webhooks"]
            assert [each["name"] for each in shown] == ["works"], "deleted with its table"
            assert not relay.serve.events("webhook_subscribed"), "asked once"
