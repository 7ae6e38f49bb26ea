"""Faults with JavaMail and Spring Boot: one Java process for each trusted authority."""

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO, Final

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from tests.clients.remedies.proof import Case, Order, Outcome, values
from tests.commands import RECIPIENT

_SOURCES: Final = Path(__file__).parents[3] / "compliance" / "java"
_JARS: Final = {
    "Programs": ("jakarta-mail", "jakarta-activation"),
    "SpringPrograms": (
        "spring3-context.support", "spring3-context", "spring3-beans", "spring3-core",
        "commons-logging", "javax.mail", "javax.activation",
    ),
}  # fmt: skip
"""The libraries of each kind of program, in /usr/share/java."""


class Java:
    """Java processes, each with its own trust store; started at their first use."""

    def __init__(self, home: Path, kind: str = "Programs") -> None:
        self._home = home
        self._kind = kind
        self._jars = ":".join(f"/usr/share/java/{name}.jar" for name in _JARS[kind])
        self._processes: dict[str, subprocess.Popen[str]] = {}
        subprocess.run(
            [
                "javac",
                "-nowarn",
                "-encoding",
                "UTF-8",
                "-cp",
                self._jars,
                "-d",
                home / "classes",
                _SOURCES / f"{kind}.java",
            ],
            check=True,
        )

    def run(self, order: Order) -> Outcome:
        """Run a program; its output is JavaMail's debug output and the exception."""
        process = self._process(order)
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

    def _process(self, order: Order) -> "subprocess.Popen[str]":
        ca_file = order.ca_file or str(order.ground.relay.data)
        if ca_file not in self._processes:
            home = self._home / f"trust-{len(self._processes)}"
            home.mkdir()
            options = _trusting(home, ca_file) if order.ca_file else []
            self._processes[ca_file] = subprocess.Popen(
                ["java", "-XX:TieredStopAtLevel=1", *options, "-cp",
                 f"{self._home / 'classes'}:{self._jars}", self._kind, str(home / "programs")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=home, text=True,
                env=os.environ | values(order),
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
    """Run the two commands of the fix for an unknown authority."""
    code = LIBRARIES["javamail"].fixes["trust"].code or ""
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


_FROM: Final = """\
props.put("mail.smtp.from", "sender@example.com");
"""

JAVAMAIL: Final = (
    Case("unwanted_auth_attempt", "trusting", _TLS + 'account[1] = "built-in";\n',
         _TLS + "account[0] = account[1] = null;\n{fix}", told_by="both"),
    Case("authzid_not_permitted", "own-name", _TLS, told_by="logins"),
    Case("credentials_missing", "acs", _TLS + 'account[1] = System.getenv("SMTP_PASS");\n',
         "{fix}" + _TLS + "account[0] = username;\naccount[1] = password;\n"),
    Case("empty_password_sent", "acs", _TLS + 'account[1] = "";\n',
         "{fix}" + _TLS + "account[0] = username;\naccount[1] = password;\n",
         told_by="record"),
    Case("host_setting_malformed", "acs", _TLS.replace("{host}", "smtp://{host}"),
         _TLS.replace("{host}", "smtp://{host}") + "{fix}"),
    Case("envelope_sender_missing", "acs", _TLS + 'props.put("mail.smtp.from", "<>");\n',
         _TLS + "{fix}"),
    Case("missing_from_header", "plain", _TLS + _FROM + 'message.removeHeader("From");\n',
         _TLS + 'message.removeHeader("From");\n{fix}'),
    Case("raw_utf8_headers", "plain", _TLS + 'message.setHeader("Subject", "Gr\u00fc\u00dfe");\n',
         _TLS + 'String subject = "Gr\u00fc\u00dfe";\n{fix}'),
    Case("client_tls_disabled", "acs", _TLS + 'props.put("mail.smtp.ssl.protocols", "TLSv1");\n',
         _TLS + "{fix}"),
    Case("mechanism_not_offered", "plain", _TLS + _mechanism("LOGIN")),
    Case("mechanism_advertised_but_broken", "broken", _TLS + _mechanism("CRAM-MD5"),
         told_by="logins"),
    Case("starttls_required", "acs", _SET),
    Case("implicit_tls_on_starttls_port", "acs",
         _SET + 'props.put("mail.smtp.ssl.enable", "true");\n'),
    Case("starttls_on_implicit_tls_port", "acs", _TLS, door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _TLS, _TLS, trusting=False, outside=True),
    Case("cert_hostname_mismatch", "acs", _TLS, _TLS + "{fix}"),
    Case("auth_not_performed", "acs", _TLS.replace('"true"', '"false"', 1)),
    Case("helo_rejected", "names", _TLS + 'props.put("mail.smtp.localhost", "localhost");\n',
         _TLS + "{fix}"),
    Case("account_name_used_as_sender", "acs",
         _TLS + 'props.put("mail.smtp.from", "account");\n', _TLS + "{fix}"),
    Case("sender_domain_not_linked", "acs", _TLS + _ELSEWHERE, _TLS + "{fix}"),
)  # fmt: skip

_NO_FROM: Final = 'message.removeHeader("From");\n'
_LOGIN: Final = """\
spring.mail.username=${SMTP_USERNAME}
spring.mail.password=${SMTP_PASSWORD}
"""
_SETTINGS: Final = f"""\
spring.mail.host={{host}}
spring.mail.port={{port}}
{_LOGIN}spring.mail.properties.mail.smtp.auth=true
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

_CODE: Final = "--- code\n"

SPRING: Final = (
    Case("unwanted_auth_attempt", "trusting",
         _STARTTLS.replace("${SMTP_PASSWORD}", "built-in"),
         _STARTTLS.replace(_LOGIN, "") + "{fix}", told_by="both"),
    Case("mechanism_advertised_but_broken", "broken",
         f"{_STARTTLS}{_PROPERTY}auth.mechanisms=DIGEST-MD5\n", told_by="logins"),
    Case("authzid_not_permitted", "own-name", _STARTTLS, told_by="logins"),
    Case("credentials_missing", "acs", _STARTTLS.replace(_LOGIN, ""),
         _STARTTLS.replace(_LOGIN, "") + "{fix}"),
    Case("empty_password_sent", "acs", _STARTTLS.replace("${SMTP_PASSWORD}", ""),
         _STARTTLS + "{fix}", told_by="record"),
    Case("host_setting_malformed", "acs", _STARTTLS.replace("{host}", "smtp://{host}"),
         _STARTTLS.replace("{host}", "smtp://{host}") + "{fix}"),
    Case("account_name_used_as_sender", "acs", f"{_STARTTLS}{_PROPERTY}from=account\n",
         _STARTTLS + _CODE + "{fix}"),
    Case("envelope_sender_missing", "acs", f"{_STARTTLS}{_PROPERTY}from=<>\n",
         _STARTTLS + _CODE + "{fix}"),
    Case("sender_domain_not_linked", "acs", _STARTTLS + _CODE + _ELSEWHERE,
         _STARTTLS + _CODE + "{fix}"),
    Case("missing_from_header", "plain",
         f"{_STARTTLS}{_PROPERTY}from=sender@example.com\n{_CODE}" + _NO_FROM,
         _STARTTLS + _CODE + _NO_FROM + "{fix}"),
    Case("raw_utf8_headers", "plain",
         _STARTTLS + _CODE + 'message.setHeader("Subject", subject);\n',
         _STARTTLS + _CODE + "{fix}"),
    Case("client_tls_disabled", "acs", f"{_STARTTLS}{_PROPERTY}ssl.protocols=TLSv1\n",
         _STARTTLS + "{fix}"),
    Case("mechanism_not_offered", "plain", f"{_STARTTLS}{_PROPERTY}auth.mechanisms=LOGIN\n"),
    Case("starttls_required", "acs", _SETTINGS),
    Case("implicit_tls_on_starttls_port", "acs", f"{_SETTINGS}{_PROPERTY}ssl.enable=true\n"),
    Case("starttls_on_implicit_tls_port", "acs", _STARTTLS, door="smtps", told_by="probe"),
    Case("cert_hostname_mismatch", "acs", _STARTTLS, _STARTTLS + "{fix}"),
    Case("auth_not_performed", "acs",
         _STARTTLS.replace(_LOGIN, "").replace("auth=true", "auth=false")),
    Case("helo_rejected", "names", f"{_STARTTLS}{_PROPERTY}localhost=localhost\n",
         _STARTTLS + "{fix}"),
)  # fmt: skip
