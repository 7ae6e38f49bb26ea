"""A real Postfix in its own directory: submission with STARTTLS and AUTH; mail is held.

Nothing of the system's Postfix is read or written. Needs root (Postfix changes users) and the
packages of ``compliance/install.sh``.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from compliance.dovecot import Dovecot
from compliance.jail import free_ports, wait_greeting
from tests.certificates import make_authority

REALM = "postfix.test"
STARTS = 5
"""How often it may take too long for itself."""

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log/maillog
maillog_file_prefixes = {home}/log
mail_owner = postfix
setgid_group = postdrop
myhostname = {realm}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_transport = error:local delivery is off
alias_maps =
alias_database =
message_size_limit = 41943040
mailbox_size_limit = 0

# Accept from this machine and from who has signed in, then hold: nothing is ever delivered.
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access static:hold, permit
smtpd_client_connection_count_limit = 0

smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {key}, {certificate}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = {sasl_type}
smtpd_sasl_path = {sasl_path}
smtpd_sasl_local_domain = {realm}
cyrus_sasl_config_path = {home}/sasl
{settings}
"""

# With implicit TLS, and without TLS: each overrides settings of the main port.
OTHER_PORTS = """\
127.0.0.1:{implicit} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:{clear} inet n - n - - smtpd
  -o smtpd_tls_security_level=none
  -o smtpd_tls_auth_only=no
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

SASL_CONF = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {home}/sasl/users.db
mech_list: {mechanisms}
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running instance; `username` and `password` sign in, and any sender and recipient is
    accepted."""

    home: Path
    port: int
    ca_file: str
    username: str
    password: str
    ports: dict[str, int] = field(default_factory=dict)
    """By TLS mode, if more than one was requested: ``starttls``, ``implicit``, ``clear``."""

    @classmethod
    def start(
        cls,
        home: Path,
        mechanisms: str = "PLAIN LOGIN",
        *,
        dovecot: Dovecot | None = None,
        settings: str = "",
        other_ports: bool = False,
        services: str = "",
    ) -> Self:
        """Write the configuration into `home`, which must not exist yet, on a durable disk, and
        start.

        With `dovecot`, that is the SASL backend, and its user signs in. `settings` come last in
        main.cf, `services` in master.cf. Raises TimeoutError with Postfix's log if it does not
        start.
        """
        postfix = pwd.getpwnam("postfix")
        for name in ("etc", "queue", "data", "log", "tls", "sasl"):
            (home / name).mkdir(parents=True)
        home.chmod(0o755)
        os.chown(home / "data", postfix.pw_uid, postfix.pw_gid)
        authority = make_authority(home / "tls")
        pair = authority.issue("localhost", "127.0.0.1")
        ports = dict(zip(("starttls", "implicit", "clear"), free_ports(3), strict=True))
        server = cls(
            home,
            ports["starttls"],
            authority.ca_file,
            dovecot.username if dovecot else f"user@{REALM}",
            dovecot.password if dovecot else "secret",
            ports,
        )
        words = {
            "home": home,
            "realm": REALM,
            "port": server.port,
            "mechanisms": mechanisms,
            "sasl_type": "dovecot" if dovecot else "cyrus",
            "sasl_path": dovecot.socket if dovecot else "smtpd",
            "key": pair.key,
            "certificate": pair.certificate,
            "settings": settings,
            "services": services,
            **ports,
        }
        for path, text in (
            ("etc/main.cf", MAIN_CF),
            ("etc/master.cf", MASTER_CF + (OTHER_PORTS if other_ports else "") + "{services}"),
            ("sasl/smtpd.conf", SASL_CONF),
        ):
            (home / path).write_text(text.format_map(words))
        users = home / "sasl" / "users.db"
        subprocess.run(
            ["saslpasswd2", "-f", users, "-c", "-p", "-u", REALM, "user"],
            input=server.password.encode(),
            check=True,
        )
        os.chown(users, postfix.pw_uid, postfix.pw_gid)
        server.start_patiently()
        server.wait_listening()
        return server

    def start_patiently(self) -> None:
        """Start it; on a busy machine, Postfix itself may give up too soon. Raises RuntimeError."""
        for _ in range(STARTS - 1):
            try:
                return self.control("start")
            except RuntimeError:
                with suppress(RuntimeError):  # it may be running after all
                    self.control("stop")
        return self.control("start")

    def stop(self) -> None:
        self.control("stop")

    def control(self, verb: str) -> None:
        """Start, stop or reload it. Raises RuntimeError with Postfix's message."""
        log = self.home / "log" / "control"
        with log.open("ab") as output:
            run = subprocess.run(
                ["postfix", "-c", self.home / "etc", verb],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        if run.returncode:
            raise RuntimeError(f"postfix {verb} ended with {run.returncode}:\n{self.log()}")

    def wait_listening(self) -> None:
        try:
            wait_greeting(self.port)
        except TimeoutError as error:
            raise TimeoutError(f"Postfix did not come up:\n{self.log()}") from error

    def log(self) -> str:
        logs = sorted((self.home / "log").iterdir())
        return "\n".join(path.read_text(errors="replace") for path in logs)

    @property
    def pid(self) -> int:
        return int((self.home / "queue/pid/master.pid").read_text())

    def held(self) -> list[bytes]:
        """Return the messages that were accepted, as Postfix stores them (its header fields
        first)."""
        files = sorted((self.home / "queue/hold").rglob("*"), key=lambda path: path.stat().st_mtime)
        return [
            subprocess.run(
                ["postcat", "-c", self.home / "etc", "-hbq", path.name],
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # which settings come twice
            ).stdout
            for path in files
            if path.is_file()
        ]


@contextmanager
def running_postfix(
    home: Path,
    mechanisms: str = "PLAIN LOGIN",
    *,
    dovecot: Dovecot | None = None,
    settings: str = "",
    other_ports: bool = False,
    services: str = "",
) -> Iterator[Postfix]:
    """Run a Postfix during a ``with``; its directory is removed at the end."""
    try:
        server = Postfix.start(
            home, mechanisms, dovecot=dovecot, settings=settings, other_ports=other_ports,
            services=services,
        )  # fmt: skip
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
