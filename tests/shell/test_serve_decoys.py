"""What SCRAM tells about a name: the same at every start, whether it exists or not."""

import base64
from pathlib import Path

from tests.quick_hashes import ITERATIONS
from tests.shell.serve_process import ServeProcess, relaying

LISTENER = """
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
client_authorities = "cert.pem"
[[directory.account]]
name = "device"
certificates = ["device.example"]
senders = ["example.com"]
"""
NAMES = ("app", "device", "stored", "nobody", "later")


def told(relay: ServeProcess, name: str, mechanism: str) -> tuple[str, str]:
    """Return the salt and the iterations that the relay sends for a name."""
    with relay.secured("submission") as peer:
        first = base64.b64encode(f"n,,n={name},r=fyko+d2lbbFgONRv9qkxdawL".encode()).decode()
        code, _, challenge = peer.ask(f"AUTH {mechanism} {first}").partition(" ")
        assert code == "334"
        _nonce, salt, iterations = base64.b64decode(challenge).decode().split(",")
        return salt, iterations


def all_told(relay: ServeProcess) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (name, mechanism): told(relay, name, mechanism)
        for name in NAMES
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256")
    }


def test_a_restart_changes_no_salt(tmp_path: Path) -> None:
    with relaying(tmp_path, LISTENER) as relay:
        (relay.directory / "pw").write_text("secret")
        relay.ask("account", "create", "stored", "--password-file", str(relay.directory / "pw"),
                  "--sender", "example.com")  # fmt: skip
        first = all_told(relay)
    assert {iterations for _, iterations in first.values()} == {f"i={ITERATIONS}"}
    assert len({salt for salt, _ in first.values()}) == len(first)
    later = '[[directory.account]]\nname = "later"\npassword = {{ file = "{}" }}\nsenders = ["*"]\n'
    text = LISTENER + later.format(tmp_path / "pw")
    (tmp_path / "pw").chmod(0o600)
    with relaying(tmp_path, text, "--workers", "1") as relay:
        assert all_told(relay) == first
