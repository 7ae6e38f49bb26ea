"""What goes wrong with JavaMail and Spring Boot: one Java process for each authority trusted."""

import base64
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO, Final

from gatepost.diagnosis.remedies import LIBRARIES
from tests.clients.remedies.proof import Case, Order, Outcome
from tests.running import RECIPIENT

_SOURCE: Final = Path(__file__).parents[3] / "compliance" / "java" / "Programs.java"
_JARS: Final = "/usr/share/java/jakarta-mail.jar:/usr/share/java/jakarta-activation.jar"


class Java:
    """Java processes, each with a trust store; started when first needed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._processes: dict[str, subprocess.Popen[str]] = {}
        subprocess.run(
            ["javac", "-nowarn", "-cp", _JARS, "-d", home / "classes", _SOURCE], check=True
        )

    def run(self, order: Order) -> Outcome:
        """Run a program, which says JavaMail's debug output and the exception."""
        process = self._process(order.ca_file)
        assert process.stdin
        assert process.stdout
        relay = order.ground.relay
        said = (order.library, order.code, relay.username, order.ground.secret, order.sender,
                RECIPIENT)  # fmt: skip
        line = " ".join(base64.b64encode(each.encode()).decode() for each in said)
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        answer: IO[str] = process.stdout
        ok, _, output = answer.readline().strip().partition(" ")
        return Outcome(ok == "true", base64.b64decode(output).decode(errors="replace"))

    def _process(self, ca_file: str) -> "subprocess.Popen[str]":
        if ca_file not in self._processes:
            home = self._home / f"trust-{len(self._processes)}"
            home.mkdir()
            options = _trusting(home, ca_file) if ca_file else []
            self._processes[ca_file] = subprocess.Popen(
                ["java", "-XX:TieredStopAtLevel=1", *options, "-cp",
                 f"{self._home / 'classes'}:{_JARS}", "Programs", str(home / "programs")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=home, text=True,
            )  # fmt: skip
        return self._processes[ca_file]

    def close(self) -> None:
        for process in self._processes.values():
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
            process.kill()
            process.wait()


def _trusting(home: Path, ca_file: str) -> list[str]:
    """Do what the cure for an unknown authority says: its two commands."""
    code = LIBRARIES["javamail"].cures["trust"].code or ""
    keytool, java = re.sub(r"^// +", "", code, flags=re.MULTILINE).replace("\\\n", "").splitlines()
    shutil.copy(ca_file, home / "ca.pem")
    subprocess.run(keytool.split(), cwd=home, check=True, capture_output=True)
    return [word for word in java.split() if word.startswith("-D")]


_SET: Final = """\
props.put("mail.smtp.host", "{host}");
props.put("mail.smtp.port", "{port}");
props.put("mail.smtp.auth", "true");
props.put("mail.smtp.timeout", "1000");
"""
_TLS: Final = (
    _SET
    + """\
props.put("mail.smtp.starttls.enable", "true");
props.put("mail.smtp.ssl.checkserveridentity", "true");
"""
)
_ELSEWHERE: Final = """\
message.setFrom("me@elsewhere.example");
"""


def _mechanism(name: str) -> str:
    return f'props.put("mail.smtp.auth.mechanisms", "{name}");\n'


JAVAMAIL: Final = (
    Case("mechanism_not_offered", "plain", _TLS + _mechanism("LOGIN")),
    Case("mechanism_advertised_but_broken", "broken", _TLS + _mechanism("CRAM-MD5"),
         told_by="logins"),
    Case("starttls_required", "acs", _SET),
    Case("implicit_tls_on_starttls_port", "acs",
         _SET + 'props.put("mail.smtp.ssl.enable", "true");\n'),
    Case("starttls_on_implicit_tls_port", "acs", _TLS, door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _TLS, _TLS, trusting=False, outside=True),
    Case("cert_hostname_mismatch", "acs", _TLS, _TLS + "{cure}"),
    Case("auth_not_performed", "acs", _TLS.replace('"true"', '"false"', 1)),
    Case("helo_rejected", "names", _TLS + 'props.put("mail.smtp.localhost", "localhost");\n',
         _TLS + "{cure}"),
    Case("account_name_used_as_sender", "acs",
         _TLS + 'props.put("mail.smtp.from", "account");\n', _TLS + "{cure}"),
    Case("sender_domain_not_linked", "acs", _TLS + _ELSEWHERE, _TLS + "{cure}"),
)  # fmt: skip

_SETTINGS: Final = """\
spring.mail.host={host}
spring.mail.port={port}
spring.mail.properties.mail.smtp.auth=true
spring.mail.properties.mail.smtp.timeout=1000
"""
_STARTTLS: Final = (
    _SETTINGS
    + """\
spring.mail.properties.mail.smtp.starttls.enable=true
spring.mail.properties.mail.smtp.ssl.checkserveridentity=true
"""
)
_PROPERTY: Final = "spring.mail.properties.mail.smtp."

SPRING: Final = (
    Case("mechanism_not_offered", "plain", f"{_STARTTLS}{_PROPERTY}auth.mechanisms=LOGIN\n"),
    Case("starttls_required", "acs", _SETTINGS),
    Case("implicit_tls_on_starttls_port", "acs", f"{_SETTINGS}{_PROPERTY}ssl.enable=true\n"),
    Case("starttls_on_implicit_tls_port", "acs", _STARTTLS, door="smtps", told_by="probe"),
    Case("cert_hostname_mismatch", "acs", _STARTTLS, _STARTTLS + "{cure}"),
    Case("auth_not_performed", "acs", f"{_STARTTLS}{_PROPERTY}auth=false\n"),
    Case("helo_rejected", "names", f"{_STARTTLS}{_PROPERTY}localhost=localhost\n",
         _STARTTLS + "{cure}"),
)  # fmt: skip
