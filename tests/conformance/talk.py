"""Short dialogues for one clause each, on the open profile unless a directive names another."""

from textwrap import dedent

from gatepost.testing import Performance, parse_dialogue, perform_server

GREETING = "S: 220 {host} ESMTP...\n"
HELLO = "C: HELO client.example\nS: 250 ...\n"
MAIL = "C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Sender OK\n"
RCPT = "C: RCPT TO:<b@example.net>\nS: 250 2.1.5 Recipient OK\n"
DATA = "C: DATA\nS: 354 ...\n"
TLS = "C: STARTTLS\nS: 220 2.0.0 Ready to start TLS\n== TLS ==\n"


def first(script: str, head: str = "") -> Performance:
    """Play ``script`` from the first command on; ``head`` has directives."""
    return perform_server(parse_dialogue(f"{head}\n{GREETING}{dedent(script)}"))


def talk(script: str, head: str = "") -> Performance:
    """Play ``script`` after HELO."""
    return first(HELLO + dedent(script), head)


def send(script: str, head: str = "") -> Performance:
    """Play ``script`` in a transaction with one recipient."""
    return first(HELLO + MAIL + RCPT + dedent(script), head)


def message(octets: str, head: str = "") -> bytes:
    """Return the stored content after DATA with ``octets`` (with escapes)."""
    [accepted] = send(f"{DATA}C| {octets}\nS: 250 2.0.0 OK\n", f"messages: 1\n{head}").messages
    return accepted.content
