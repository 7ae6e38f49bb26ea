"""Faults with a Postfix that relays to a smarthost: a program is its main.cf."""

import re
import shutil
import smtplib
import subprocess
import time
from typing import Final

from compliance.postfix import Postfix
from tests.clients.remedies.proof import Case, Order, Outcome
from tests.commands import PATIENCE, RECIPIENT

_CLIENT: Final = """
default_transport = smtp
relay_transport = smtp
smtp_host_lookup = native
smtp_sasl_security_options = noanonymous
smtp_tls_loglevel = 1
smtp_helo_timeout = 1s
service_throttle_time = 1s
"""
_FROM_AFAR: Final = """\
local_header_rewrite_clients =
smtpd_recipient_restrictions = permit_mynetworks, reject
soft_bounce = yes
"""
_LOCAL: Final = "me@example.local"
_RELOADED: Final = re.compile(r"reload -- .*\n")
_DONE: Final = re.compile(
    r"(?:status=(?:sent|deferred|bounced|SOFTBOUNCE|undeliverable)|fatal:).*\n"
)
"""The lines after this one are about the bounce."""


class Smarthost:
    """One Postfix, whose main.cf each program replaces."""

    def __init__(self, postfix: Postfix) -> None:
        self._postfix = postfix
        self._settings = postfix.home / "etc" / "main.cf"
        self._usual = self._settings.read_text()

    def run(self, order: Order) -> Outcome:
        """Send one message with these settings; the output is the log of Postfix."""
        settings = self._laid_out(order)
        self._settings.write_text(self._usual + _CLIENT + settings)
        before = len(self._log())
        self._control("postfix", "reload")
        before += len(self._wait(_RELOADED, before))
        self._submit(order)
        said = self._wait(_DONE, before)
        self._control("postsuper", "-d", "ALL")
        return Outcome("status=sent" in said, said)

    def _submit(self, order: Order) -> None:
        """Submit a message; one without From comes by SMTP, as from another host."""
        sender = _LOCAL if "sender" in order.code else order.sender
        if _FROM_AFAR in order.code:
            self._send(sender, "Subject: hello\r\n\r\nhello\r\n")
            return
        subprocess.run(
            ["sendmail", "-C", self._settings.parent, "-f", sender, RECIPIENT],
            input=f"From: {sender}\nSubject: hello\n\nhello\n".encode(),
            check=True,
        )

    def _send(self, sender: str, message: str, tries: int = 3) -> None:
        """Send a message over SMTP; a server process with the earlier settings may end
        meanwhile."""
        try:
            with smtplib.SMTP("127.0.0.1", self._postfix.port) as smtp:
                smtp.sendmail(sender, [RECIPIENT], message)
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            if tries == 1:
                raise
            self._send(sender, message, tries - 1)

    def _laid_out(self, order: Order) -> str:
        """Write the files that the settings name, as their comments say."""
        home = self._postfix.home
        authority = home / "ca.pem"
        shutil.copy(order.ground.relay.ca_file, authority)
        login = f"{order.ground.relay.username}:{order.ground.secret}"
        (home / "sasl_passwd").write_text(f"[{order.host}]:{order.port}  {login}\n")
        code = order.code.replace(order.ground.relay.ca_file, str(authority))
        if order.ca_file:
            code = code.replace("/etc/ssl/certs/ca-certificates.crt", str(authority))
        for name, content in re.findall(r"^# /etc/postfix/(\w+): (.*)$", code, re.MULTILINE):
            (home / name).write_text(f"{content}\n")
        return code.replace("/etc/postfix/", f"{home}/")

    def _wait(self, pattern: re.Pattern[str], before: int) -> str:
        """Return the log from there to the end of the line that matches the pattern."""
        deadline = time.monotonic() + PATIENCE
        while not (done := pattern.search(said := self._log()[before:])):
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said[: done.end()]

    def _log(self) -> str:
        return (self._postfix.home / "log" / "maillog").read_text(errors="replace")

    def _control(self, *command: str) -> None:
        name, *arguments = command
        subprocess.run(
            [name, "-c", self._settings.parent, *arguments], check=True, capture_output=True
        )


_RELAY: Final = """\
relayhost = [{host}]:{port}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:/etc/postfix/sasl_passwd
smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt
"""
_SECURE: Final = _RELAY + "smtp_tls_security_level = secure\n"

POSTFIX: Final = (
    Case("missing_from_header", "plain", _SECURE + _FROM_AFAR, _SECURE + _FROM_AFAR + "{fix}"),
    Case("unwanted_auth_attempt", "trusting",
         _SECURE + "# /etc/postfix/sasl_passwd: [{host}]:{port} user@example.com:built-in\n",
         _SECURE + "{fix}", told_by="both"),
    Case("sender_not_authorised", "acs",
         _SECURE + "# /etc/postfix/generic: @example.local someone@{domain}\n"
         "smtp_generic_maps = texthash:/etc/postfix/generic\n# a sender from here\n",
         _SECURE + "{fix}"),
    Case("mechanism_advertised_but_broken", "broken",
         _SECURE + "smtp_sasl_mechanism_filter = cram-md5\n", told_by="logins"),
    Case("client_mechanism_filter_wrong", "acs",
         _SECURE + "smtp_sasl_mechanism_filter = libplain.so, liblogin.so\n",
         _SECURE + "{fix}"),
    Case("client_tls_disabled", "acs", _SECURE + "smtp_tls_mandatory_protocols = TLSv1\n",
         _SECURE + "{fix}"),
    Case("authzid_not_permitted", "own-name", _SECURE + "send_cyrus_sasl_authzid = yes\n",
         _SECURE + "{fix}", told_by="record"),
    Case("host_setting_malformed", "acs", _SECURE.replace("{host}", "smtp://{host}"),
         _SECURE + "{fix}"),
    Case("empty_password_sent", "acs",
         _SECURE + "# /etc/postfix/sasl_passwd: [{host}]:{port} user@example.com:\n", _SECURE,
         told_by="record"),
    Case("starttls_required", "acs", _RELAY + "smtp_tls_security_level = none\n"),
    Case("implicit_tls_on_starttls_port", "acs", _SECURE + "smtp_tls_wrappermode = yes\n"),
    Case("starttls_on_implicit_tls_port", "acs", _SECURE, door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _SECURE, _SECURE + "{fix}", trusting=False),
    Case("cert_hostname_mismatch", "acs", _SECURE, _SECURE + "{fix}"),
    Case("auth_not_performed", "acs", _SECURE.replace("= yes", "= no")),
    Case("helo_rejected", "names", _SECURE, _SECURE + "{fix}"),
    Case("sender_domain_not_linked", "acs", _SECURE + "# a sender from here\n",
         _SECURE + "{fix}"),
)  # fmt: skip
