"""The demonstration: refused, diagnosed, delivered, killed, still stored. All output is real."""

import hashlib
import sys
import tempfile
import time
from pathlib import Path

from demo import exit_story, relay_story
from demo.plain_only import PlainOnly
from demo.stage import Relay, gatepost, heading, show


def refuse(relay: Relay) -> None:
    """The client that supports only PLAIN is refused."""
    heading(2, "A program that supports only PLAIN, as Go's net/smtp does, is refused")
    ready = relay.ready
    client = PlainOnly(ready["smtp"]["host"], ready["smtp"]["port"], ready["ca_file"])
    reply = client.sign_in(ready["username"], ready["password"])
    client.close()
    show("\n".join(client.lines))
    if reply != "504 5.7.4 Unrecognized authentication type":
        raise SystemExit(f"expected 504 5.7.4, got: {reply}")


def diagnose(relay: Relay) -> None:
    """The doctor names the cause."""
    heading(3, "The doctor names the cause, proves it, and prints the fix")
    report = gatepost(
        "doctor", relay.address, "--as", "go-net-smtp", "--ca-file", relay.ready["ca_file"],
        expect=2,
    ).decode()  # fmt: skip
    print(report, end="")
    if "mechanism_not_offered" not in report:
        raise SystemExit("the doctor did not name mechanism_not_offered")


def deliver(relay: Relay, directory: Path) -> bytes:
    """A client that supports LOGIN sends the same message; the store has its octets."""
    heading(4, "A client that supports LOGIN, which is offered, delivers its message")
    sender = relay.ready["from"]
    content = (
        f"From: Demo <{sender}>\r\nTo: you@example.net\r\nSubject: It works\r\n"
        "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <demo@example.net>\r\n\r\n"
        "Hello from a client that supports LOGIN.\r\n.and from a line with a dot\r\n"
    ).encode()
    message, password = directory / "message.eml", directory / "password"
    message.write_bytes(content)
    password.touch(mode=0o600)
    password.write_text(relay.ready["password"])
    show(
        gatepost(
            "send", "--server", relay.address, "--ca-file", relay.ready["ca_file"],
            "--username", relay.ready["username"], "--password-file", str(password),
            "--from", sender, "--to", "you@example.net", "--eml", str(message),
        ).decode()
    )  # fmt: skip
    return content


def compare(relay: Relay, content: bytes) -> None:
    """Show the message in the store, and find the client's octets in it."""
    data = str(relay.data)
    show(gatepost("messages", "show", "last", "--raw", "--data", data).decode())
    stored = gatepost("messages", "show", "last", "--raw", "--no-trace", "--data", data)
    print(f"   sent {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:32]}")
    print(f"   stored {len(stored)} bytes, sha256 {hashlib.sha256(stored).hexdigest()[:32]}")
    if stored != content:
        raise SystemExit("the stored bytes are not the client's")


def main() -> int:
    """Run the demonstration."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gatepost-demo-") as name:
        directory = Path(name)
        heading(1, "A local relay that behaves like Azure Communication Services starts")
        relay = Relay.start(directory / "data")
        try:
            show(f"gatepost up: process {relay.process.pid} listens on {relay.address}")
            refuse(relay)
            diagnose(relay)
            content = deliver(relay, directory)
            compare(relay, content)
            heading(5, "The relay is killed with SIGKILL and started again: the mail is there")
            killed = relay.process.pid
            relay.kill()
            relay = Relay.start(directory / "data")
            show(f"process {killed} killed; process {relay.process.pid} runs on the same data")
            show(gatepost("messages", "list", "--data", str(relay.data)).decode())
            compare(relay, content)
            relay = relay_story.tell(directory, relay)
        finally:
            relay.stop()
        exit_story.tell(directory)
    print(f"\nThe demonstration took {time.monotonic() - began:.1f} seconds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
