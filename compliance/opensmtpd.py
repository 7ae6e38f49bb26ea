"""A real OpenSMTPD in a jail: STARTTLS, implicit TLS and no TLS on three ports; mail is held.

Needs root and the packages of ``compliance/install.sh``. Its users need not exist outside.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from compliance.jail import Jail, free_ports, stop, unpacked, wait_greeting
from tests.certificates import make_authority

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
USER: Final = "user@opensmtpd.test"
PASSWORD: Final = "secret"

# Accept mail after a login (without TLS there is no AUTH: from anybody), then wait for a next
# hop that does not exist.
CONFIG: Final = """\
pki here cert "/tls/certificate.pem"
pki here key "/tls/key.pem"
table users {{ "{user}" = "{hashed}" }}
smtp max-message-size "40M"
listen on 127.0.0.1 port {starttls} tls-require pki here auth <users> hostname opensmtpd.test
listen on 127.0.0.1 port {implicit} smtps pki here auth <users> hostname opensmtpd.test
listen on 127.0.0.1 port {clear} hostname opensmtpd.test
action "hold" relay host "smtp://127.0.0.1:9"
{settings}
match from any for any action "hold"
"""


@dataclass(frozen=True, slots=True)
class OpenSmtpd:
    """A running instance; `username` and `password` sign in with PLAIN or LOGIN."""

    jail: Jail
    process: "subprocess.Popen[bytes]"
    ports: dict[str, int]
    """By TLS mode: ``starttls``, ``implicit``, ``clear``."""
    ca_file: str
    username: str = USER
    password: str = PASSWORD

    @classmethod
    def start(
        cls, home: Path, *, settings: str = "", config: str = CONFIG,
        certificates: Mapping[str, str] = _NONE,
    ) -> Self:  # fmt: skip
        """Write the configuration into `home`, which must not exist yet, and start.

        `settings` precede the rule that accepts everything; `certificates` are further files for
        `/tls`, by name. Raises TimeoutError with its log if it does not start.
        """
        jail = Jail.make(home, ["opensmtpd", "opensmtpq"])
        package = unpacked("opensmtpd")
        for name in ("usr/sbin/smtpd", "usr/sbin/smtpctl"):
            jail.bring(package / name, name)
        for name in ("var/spool/smtpd", "var/lib/opensmtpd/empty"):
            (jail.root / name).mkdir(parents=True)
            (jail.root / name).chmod(0o711)
        authority = make_authority(jail.root / "tls")
        pair = authority.issue("localhost", "127.0.0.1")
        own = {"certificate.pem": pair.certificate, "key.pem": pair.key}
        for name, source in {**own, **certificates}.items():
            (jail.root / "tls" / name).write_bytes(Path(source).read_bytes())
            (jail.root / "tls" / name).chmod(0o600)
        jail.write("etc/ssl/certs/ca-certificates.crt", Path(authority.ca_file).read_text())
        names = ("starttls", "implicit", "clear")
        ports = dict(zip(names, free_ports(3), strict=True))
        text = config.format(user=USER, hashed=_hashed(PASSWORD), settings=settings, **ports)
        jail.write("etc/smtpd.conf", text).chmod(0o600)
        process = jail.start("/usr/sbin/smtpd", "-d")
        server = cls(jail, process, ports, authority.ca_file)
        try:
            wait_greeting(ports["clear"], process)
        except TimeoutError as error:
            stop(process)
            raise TimeoutError(f"OpenSMTPD did not come up:\n{jail.log()}") from error
        return server

    @property
    def port(self) -> int:
        return self.ports["starttls"]

    def log(self) -> str:
        return self.jail.log()

    def held(self) -> list[bytes]:
        """Return the messages that were accepted, in order, with its header fields first."""
        queue = self.jail.root / "var/spool/smtpd/queue"
        files = sorted(queue.rglob("message"), key=lambda path: path.stat().st_mtime)
        return [path.read_bytes() for path in files]


@contextmanager
def running_opensmtpd(
    home: Path,
    *,
    settings: str = "",
    config: str = CONFIG,
    certificates: Mapping[str, str] = _NONE,
) -> Iterator[OpenSmtpd]:
    """Run an OpenSMTPD during a ``with``; its directory is removed at the end."""
    try:
        server = OpenSmtpd.start(home, settings=settings, config=config, certificates=certificates)
        try:
            yield server
        finally:
            stop(server.process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _hashed(password: str) -> str:
    """Return a password as crypt(3) stores it, made by OpenSSL, because Python no longer can."""
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password.encode(),
        stdout=subprocess.PIPE, check=True, env={**os.environ, "OPENSSL_CONF": "/dev/null"},
    )  # fmt: skip
    return done.stdout.decode().strip()
