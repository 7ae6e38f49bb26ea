"""Dovecot's SASL server in its own directory, as a backend for Postfix, with every mechanism that
it has.

Only `auth` runs; it listens on a Unix socket and knows one user, by password or by token. Needs
root and the packages of ``compliance/install.sh``.
"""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self

from compliance.jail import PATIENCE, stop

USER: Final = "user@dovecot.test"
PASSWORD: Final = "secret"
TOKEN: Final = "a-token-that-signs-in"

CONFIG: Final = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {home}/run
state_dir = {home}/state
protocols =
ssl = no
log_path = {home}/log
auth_verbose = yes
auth_failure_delay = 0
auth_allow_cleartext = yes
auth_mechanisms = {mechanisms}
oauth2 {{
  introspection_mode = auth
  tokeninfo_url = http://127.0.0.1:{tokens}/?token=
  username_attribute = email
}}
passdb passwd-file {{
  default_password_scheme = PLAIN
  passwd_file_path = {home}/users
}}
passdb oauth2 {{
  mechanisms_filter = xoauth2 oauthbearer
}}
userdb static {{
  fields {{
    uid = nobody
    gid = nogroup
    home = /nonexistent
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service auth {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running `auth`; `socket` is Postfix's ``smtpd_sasl_path``."""

    home: Path
    process: "subprocess.Popen[bytes]"
    tokens: ThreadingHTTPServer
    username: str = USER
    password: str = PASSWORD
    token: str = TOKEN

    @classmethod
    def start(cls, home: Path, mechanisms: Sequence[str]) -> Self:
        """Write the configuration into `home`, which must not exist yet, and start.

        Raises TimeoutError with Dovecot's log if it does not start.
        """
        for name in ("run", "state"):
            (home / name).mkdir(parents=True)
        home.chmod(0o755)
        tokens = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
        threading.Thread(target=tokens.serve_forever, daemon=True).start()
        (home / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        text = CONFIG.format(
            home=home,
            socket=home / "auth",
            mechanisms=" ".join(each.lower() for each in mechanisms),
            tokens=tokens.server_port,
        )
        (home / "dovecot.conf").write_text(text)
        with (home / "output").open("wb") as output:
            process = subprocess.Popen(
                ["dovecot", "-F", "-c", home / "dovecot.conf"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        server = cls(home, process, tokens)
        deadline = time.monotonic() + PATIENCE
        while not server.socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                server.stop()
                raise TimeoutError(f"Dovecot did not come up:\n{server.log()}")
            time.sleep(0.05)
        return server

    @property
    def socket(self) -> Path:
        return self.home / "auth"

    def log(self) -> str:
        files = [self.home / "output", self.home / "log"]
        return "\n".join(each.read_text(errors="replace") for each in files if each.exists())

    def stop(self) -> None:
        stop(self.process)
        self.tokens.shutdown()
        self.tokens.server_close()


@contextmanager
def running_dovecot(home: Path, mechanisms: Sequence[str]) -> Iterator[Dovecot]:
    """Run Dovecot's `auth` during a ``with``; its directory is removed at the end."""
    try:
        server = Dovecot.start(home, mechanisms)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


class _Tokens(BaseHTTPRequestHandler):
    """Tells the owner of a token, as a provider's token endpoint does."""

    def do_GET(self) -> None:
        known = self.path.partition("token=")[2] == TOKEN
        said = {"email": USER} if known else {"error": "invalid_token"}
        octets = json.dumps(said).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
