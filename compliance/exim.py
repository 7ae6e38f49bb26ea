"""A real Exim in a jail: STARTTLS, implicit TLS and no TLS on three ports; mail is held.

Needs root and the packages of ``compliance/install.sh``. ``Debian-exim`` need not exist outside.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from compliance.jail import Jail, free_ports, stop, unpacked, wait_greeting
from tests.certificates import Authority, make_authority

USER: Final = "user@exim.test"
PASSWORD: Final = "secret"
TOKEN: Final = "a-token-that-signs-in"

# Accept mail after a login, queue it, and start nothing that would deliver it.
CONFIG: Final = """\
primary_hostname = exim.test
exim_user = Debian-exim
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim-%s
pid_file_path = /run/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {ports}
tls_on_connect_ports = {implicit}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{clear}}}{{}}{{*}}}}
tls_certificate = /tls/certificate.pem
tls_privatekey = /tls/key.pem
tls_verify_certificates = /tls/clients.pem
tls_try_verify_hosts = *
auth_advertise_hosts = \\
  ${{if or{{{{def:tls_in_cipher}}{{eq{{$received_port}}{{{clear}}}}}}}{{*}}{{}}}}
acl_smtp_rcpt = check
acl_smtp_data = accept
queue_only = true
keep_environment =
message_size_limit = 40M
smtp_accept_max = 1000
host_lookup =
rfc1413_query_timeout = 0s
never_users =
trusted_users = root
{settings}

begin acl
check:
  accept authenticated = *
  deny message = relay not permitted

begin routers
kept:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = nowhere
  self = send

begin transports
nowhere:
  driver = smtp
  port = 9

begin authenticators
{authenticators}
"""

# `plaintext` is any mechanism of prompts and responses, so the token mechanisms are made of it.
AUTHENTICATORS: Final = {
    "PLAIN": """
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{USER}}{eq{$auth3}{PASSWORD}}}}
  server_set_id = $auth2
""",
    "LOGIN": """
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${if and{{eq{$auth1}{USER}}{eq{$auth2}{PASSWORD}}}}
  server_set_id = $auth1
""",
    "CRAM-MD5": """
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{USER}{PASSWORD}fail}
  server_set_id = $auth1
""",
    "XOAUTH2": """
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = ${if eq{$auth1}{user=USER\\x01auth=Bearer TOKEN\\x01\\x01}}
  server_set_id = USER
""",
    "OAUTHBEARER": """
oauthbearer:
  driver = plaintext
  public_name = OAUTHBEARER
  server_prompts = :
  server_condition = \\
    ${if match{$auth1}{\\N^n,a=USER,\\x01(?:.*\\x01)?auth=Bearer TOKEN\\x01\\x01$\\N}}
  server_set_id = USER
""",
    "EXTERNAL": """
external:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = ${if def:tls_in_peercert}
  server_param2 = ${certextract{subject,CN}{$tls_in_peercert}}
  server_condition = ${if and{{def:auth2}{or{{eq{$auth1}{}}{eq{$auth1}{$auth2}}}}}}
  server_set_id = $auth2
""",
}


@dataclass(frozen=True, slots=True)
class Exim:
    """A running instance; `username` and `password`, or `token`, sign in."""

    jail: Jail
    process: "subprocess.Popen[bytes]"
    ports: dict[str, int]
    """By TLS mode: ``starttls``, ``implicit``, ``clear``."""
    ca_file: str
    username: str = USER
    password: str = PASSWORD
    token: str = TOKEN

    @classmethod
    def start(
        cls,
        home: Path,
        mechanisms: Sequence[str] = ("PLAIN", "LOGIN"),
        *,
        settings: str = "",
        clients: Authority | None = None,
        config: str = CONFIG,
    ) -> Self:
        """Write the configuration into `home`, which must not exist yet, with `settings` last, and
        start.

        `clients` has issued the certificates with which EXTERNAL signs in. Raises TimeoutError with
        Exim's log if it does not start.
        """
        jail = Jail.make(home, ["Debian-exim"])
        jail.bring(unpacked("exim4-daemon-light") / "usr/sbin/exim4", "usr/sbin/exim4")
        (jail.root / "usr/sbin/exim4").chmod(0o4755)
        authority = make_authority(jail.root / "tls")
        pair = authority.issue("localhost", "127.0.0.1")
        for source, name in ((pair.certificate, "certificate.pem"), (pair.key, "key.pem")):
            shutil.copy(source, jail.root / "tls" / name)
            (jail.root / "tls" / name).chmod(0o644)
        shutil.copy((clients or authority).ca_file, jail.root / "tls/clients.pem")
        starttls, implicit, clear = free_ports(3)
        text = config.format(
            ports=f"{starttls} : {implicit} : {clear}", implicit=implicit, clear=clear,
            settings=settings, authenticators="".join(_authenticator(each) for each in mechanisms),
        )  # fmt: skip
        jail.write("etc/exim4/exim4.conf", text)
        for path in ("var/spool/exim4", "var/log"):
            (jail.root / path).mkdir(exist_ok=True)
            os.chown(jail.root / path, *_ids(jail))
        process = jail.start("/usr/sbin/exim4", "-bdf")
        ports = {"starttls": starttls, "implicit": implicit, "clear": clear}
        server = cls(jail, process, ports, authority.ca_file)
        try:
            wait_greeting(clear, process)
        except TimeoutError as error:
            stop(process)
            raise TimeoutError(f"Exim did not come up:\n{jail.log()}") from error
        return server

    @property
    def port(self) -> int:
        return self.ports["starttls"]

    def log(self) -> str:
        return self.jail.log()

    def held(self) -> list[bytes]:
        """Return the messages that were accepted, in order, with Exim's header fields first."""
        spool = self.jail.root / "var/spool/exim4/input"
        files = sorted(spool.rglob("*-H"), key=lambda path: path.stat().st_mtime)
        return [
            subprocess.run(
                self.jail.command("/usr/sbin/exim4", "-Mvc", path.name.removesuffix("-H")),
                check=True, stdout=subprocess.PIPE,
            ).stdout
            for path in files
        ]  # fmt: skip


@contextmanager
def running_exim(
    home: Path,
    mechanisms: Sequence[str] = ("PLAIN", "LOGIN"),
    *,
    settings: str = "",
    clients: Authority | None = None,
    config: str = CONFIG,
) -> Iterator[Exim]:
    """Run an Exim during a ``with``; its directory is removed at the end."""
    try:
        server = Exim.start(home, mechanisms, settings=settings, clients=clients, config=config)
        try:
            yield server
        finally:
            stop(server.process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _authenticator(mechanism: str) -> str:
    text = AUTHENTICATORS[mechanism]
    for word, value in (("USER", USER), ("PASSWORD", PASSWORD), ("TOKEN", TOKEN)):
        text = text.replace(word, value)
    return text


def _ids(jail: Jail) -> tuple[int, int]:
    fields = (jail.root / "etc/passwd").read_text().splitlines()[1].split(":")
    return int(fields[2]), int(fields[3])
