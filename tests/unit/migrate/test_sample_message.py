"""The message that goes each way, and what is compared of it where it arrived."""

from datetime import UTC, datetime

from gatepost.migrate.sample_message import (
    compose_sample,
    mark_of,
    mark_sample,
    received_facts,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SENT = compose_sample("app@contoso.com", ["ann@contoso.com"], "1a2b", NOW)
MARKED = mark_sample(SENT, "1a2b outside")


def test_the_mark_tells_the_way() -> None:
    assert mark_of(MARKED) == "1a2b outside"
    assert mark_of(b"Received: from a by b\r\n" + MARKED) == "1a2b outside"
    assert mark_of(SENT) == ""
    assert mark_of(b"") == ""


def test_what_arrives_as_it_was_sent() -> None:
    facts = received_facts(SENT, b"Received: from a by b\r\n" + MARKED)
    assert facts["from"] == "Gatepost sample <app@contoso.com>"
    assert facts["text"] == "as it was sent"
    assert [facts[f"{each} fields"] for each in ("added", "changed", "missing")] == ["", "", ""]
    assert facts["size"].startswith(f"{len(MARKED) + 23} octets (+")


def test_what_a_provider_changes() -> None:
    received = (
        b"Return-Path: <bounces@provider.example>\r\n"
        b"Authentication-Results: mx.example; dkim=pass header.d=contoso.com;\r\n spf=pass\r\n"
        b"DKIM-Signature: v=1; a=rsa-sha256; d=provider.example; s=a; b=x\r\n"
        b"DKIM-Signature: v=1; d=contoso.com; b=y\r\n"
        + MARKED.replace(b"<1a2b@contoso.com>", b"<0100@provider.example>")
        .replace(b"MIME-Version: 1.0\r\n", b"")
        .replace(b"two providers", b"2 providers")
    )
    facts = received_facts(SENT, received)
    assert facts["return-path"] == "<bounces@provider.example>"
    assert facts["signed by (DKIM)"] == "provider.example, contoso.com"
    assert facts["authentication results"].startswith("mx.example; dkim=pass")
    assert facts["changed fields"] == "message-id"
    assert facts["missing fields"] == "mime-version"
    assert facts["added fields"] == "authentication-results, dkim-signature"
    assert facts["text"] == "changed"
