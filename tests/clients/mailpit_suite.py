"""Tests with the fixtures of pytest-mailpit; ``test_mailpit.py`` runs them for an INBOX."""

import json
import os
import smtplib
import ssl
from typing import Any

import pytest

INBOX = json.loads(os.environ.get("INBOX", "{}"))


def send(to: str, subject: str, text: str, tags: str = "") -> None:
    fields = {"From": INBOX["sender"], "To": to, "Subject": subject, "X-Tags": tags}
    header = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    context = ssl.create_default_context(cafile=INBOX["ca_file"])
    with smtplib.SMTP(INBOX["host"], INBOX["port"], timeout=30) as client:
        client.starttls(context=context)
        client.login(INBOX["username"], INBOX["password"])
        client.sendmail(INBOX["sender"], [to], f"{header}\r\n{text}\r\n")


def test_inbox(mailpit_inbox: Any) -> None:
    send(str(mailpit_inbox), "Welcome", "Your code is 482913: https://x.example/v?t=1")
    message = mailpit_inbox.wait_for_message(subject="Welcome")
    assert message.code() == "482913"
    assert message.link() == "https://x.example/v?t=1"
    assert len(mailpit_inbox.messages()) == 1
    mailpit_inbox.clear()
    mailpit_inbox.assert_no_message(within=0.2)


def test_client(mailpit: Any, mailpit_inbox: Any) -> None:
    send(str(mailpit_inbox), "Tagged", "text", "one, two")
    message = mailpit_inbox.wait_for_message()
    assert sorted(message.tags) == ["one", "two"]
    assert mailpit.info().version == "v1.30.5"
    assert mailpit.is_ready()
    assert mailpit.server_time()
    assert mailpit.get_raw(message.id).endswith(b"text\r\n")
    assert mailpit.get_headers(message.id)["Subject"] == ["Tagged"]
    assert mailpit.search("tag:one").messages_count == 1
    mailpit.set_tags([message.id], ["three"])
    assert mailpit.search_all("tag:three")[0].id == message.id
    mailpit.mark_read([message.id], read=False)
    mailpit.delete_search("tag:three")
    with pytest.raises(Exception, match="404"):
        mailpit.get_message(message.id)


def test_chaos(mailpit_chaos: Any, mailpit_inbox: Any) -> None:
    mailpit_chaos.reject_recipients(452)
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="452"):
        send(str(mailpit_inbox), "Refused", "text")
    mailpit_chaos.reset()
    mailpit_chaos.reject_authentication()
    with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
        send(str(mailpit_inbox), "Refused", "text")
    mailpit_chaos.reset()
    send(str(mailpit_inbox), "Accepted", "text")
    assert mailpit_inbox.wait_for_message().subject == "Accepted"
