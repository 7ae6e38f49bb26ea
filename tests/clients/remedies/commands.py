"""Faults of curl, swaks and msmtp: a program is a shell script, or the settings of msmtp."""

import os
import subprocess
from typing import Final

from tests.clients.remedies.proof import Case, Order, Outcome
from tests.commands import RECIPIENT

_TRUST: Final = "tls_trust_file"


def _prepared(order: Order, ends: str = "\r\n") -> str:
    """Write the files that the scripts read, and return the script with its values."""
    relay, home = order.ground.relay, order.home
    login = home / "login.netrc"
    login.touch(mode=0o600)
    login.write_text(
        f'machine {order.host} login {relay.username} password "{order.ground.secret}"\n'
    )
    message = f"From: {order.sender}\nTo: {RECIPIENT}\nSubject: hello\n\nhello\n"
    (home / "message.eml").write_bytes(message.replace("\n", ends).encode())
    (home / "lines.eml").write_bytes(message.encode())
    (home / "dotted.eml").write_bytes(f"{message}\r\n.\r\n".encode())
    (home / "anonymous.eml").write_bytes(b"Subject: hello\r\n\r\nhello\r\n")
    long = "word " * 400 + "\n"
    (home / "long.txt").write_text(long)
    (home / "long.eml").write_bytes(f"{message}{long}".replace("\n", "\r\n").encode())
    raw = message.replace("Subject: hello", "Subject: Gr\u00fc\u00dfe")
    (home / "raw.eml").write_bytes(raw.replace("\n", "\r\n").encode())
    (home / "body.txt").write_text("hello\n")
    (home / "password").write_text(order.ground.secret)
    code = order.code
    for name, value in (
        ("USERNAME", relay.username), ("PASSWORD", order.ground.secret), ("FROM", order.sender),
        (" TO", f" {RECIPIENT}"), ("/path/to/password", str(home / "password")),
    ):  # fmt: skip
        code = code.replace(name, value)
    return code


def _message(order: Order) -> bytes:
    """Return the message for msmtp; without From, if the settings are about that."""
    sender = "" if "_header" in order.code else f"From: {order.sender}\n"
    return f"{sender}To: {RECIPIENT}\nSubject: hello\n\nhello\n".encode()


def _run(order: Order, *command: str, **environment: str) -> Outcome:
    done = subprocess.run(
        command,
        cwd=order.home,
        env=os.environ | environment,
        input=_message(order),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Outcome(done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace"))


def run_shell(order: Order) -> Outcome:
    """Run a script; curl and swaks print the dialogue if the script asks for it."""
    trust = {"SSL_CERT_FILE": order.ca_file, "CURL_CA_BUNDLE": order.ca_file}
    known = trust if order.ca_file else {}
    code = _prepared(order)
    if "auth" in code:  # an option of swaks, even from there, has it sign in
        known["SWAKS_OPT_auth_password"] = order.ground.secret
    return _run(order, "sh", "-c", code, **known)


def run_msmtp(order: Order) -> Outcome:
    """Send with settings, and print the dialogue."""
    settings = order.home / "msmtprc"
    code = _prepared(order)
    lines = code.splitlines()
    if order.ca_file and _TRUST not in code and "tls off" not in lines:
        lines += [f"{_TRUST} {order.ca_file}"]
    if not any(line.startswith("from ") for line in lines):
        lines += [f"from {order.sender}"]
    settings.write_text("\n".join([*lines, ""]))
    settings.chmod(0o600)
    return _run(order, "msmtp", "-v", f"--file={settings}", "--", RECIPIENT)


_CURL: Final = """\
curl -v --url smtp://{host}:{port} OPTIONS --netrc-file login.netrc \\
  --mail-from FROM --mail-rcpt TO --upload-file message.eml
"""


def _curl(*options: str) -> str:
    return _CURL.replace("OPTIONS", " ".join(options))


CURL: Final = (
    Case("unwanted_auth_attempt", "trusting",
         _curl("--ssl-reqd").replace("--netrc-file login.netrc", "--user USERNAME:built-in"),
         told_by="both"),
    Case("login_initial_response_rejected", "login", _curl("--ssl-reqd", "--sasl-ir")),
    Case("authzid_not_permitted", "own-name", _curl("--ssl-reqd", "--sasl-authzid USERNAME")),
    Case("empty_password_sent", "acs",
         _curl("--ssl-reqd").replace("--netrc-file login.netrc", "--user USERNAME:"),
         "{fix}" + _curl("--ssl-reqd")),
    Case("host_setting_malformed", "acs", _curl("--ssl-reqd").replace("smtp://", "smtp://http://")),
    Case("missing_from_header", "plain",
         _curl("--ssl-reqd").replace("message.eml", "anonymous.eml")),
    Case("line_too_long", "plain", _curl("--ssl-reqd").replace("message.eml", "long.eml"),
         "cp long.txt body.txt\n{fix}"),
    Case("raw_utf8_headers", "plain", _curl("--ssl-reqd").replace("message.eml", "raw.eml"),
         "subject='Gr\u00fc\u00dfe'\n{fix}"),
    Case("client_tls_disabled", "acs", _curl("--ssl-reqd", "--tls-max 1.0")),
    Case("mechanism_not_offered", "acs", _curl("--ssl-reqd", "--login-options AUTH=PLAIN")),
    Case("starttls_required", "acs", _curl()),
    Case("implicit_tls_on_starttls_port", "acs", _curl("--ssl-reqd").replace("smtp:", "smtps:")),
    Case("starttls_on_implicit_tls_port", "acs", _curl("--ssl-reqd", "--max-time 1"),
         door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _curl("--ssl-reqd"), trusting=False),
    Case("cert_hostname_mismatch", "acs", _curl("--ssl-reqd"),
         "{fix}"),
    Case("auth_not_performed", "acs", _curl("--ssl-reqd").replace("--netrc-file login.netrc", "")),
    Case("initial_response_required", "bare-plain", _curl("--ssl-reqd")),
    Case("mechanism_advertised_but_broken", "broken", _curl("--ssl-reqd"), told_by="logins"),
    Case("envelope_sender_missing", "acs",
         _curl("--ssl-reqd").replace("--mail-from FROM", "--mail-from '<>'")),
    Case("credential_url_encoding", "words",
         _curl("--ssl-reqd").replace("smtp://", "smtp://USERNAME:'PASSWORD'@")),
    Case("helo_rejected", "names", _curl("--ssl-reqd").replace("{port}", "{port}/localhost")),
    Case("account_name_used_as_sender", "acs",
         _curl("--ssl-reqd").replace("--mail-from FROM", "--mail-from USERNAME")),
    Case("sender_domain_not_linked", "acs",
         _curl("--ssl-reqd").replace("--mail-from FROM", "--mail-from me@elsewhere.example")),
    Case("bare_lf", "plain", _curl("--ssl-reqd").replace("message.eml", "lines.eml"),
         "cp lines.eml message.eml\n{fix}"),
)  # fmt: skip

_SWAKS: Final = """\
swaks --server {host} --port {port} OPTIONS --from FROM --to TO
"""
_AUTH: Final = "--auth --auth-user USERNAME"


def _swaks(*options: str) -> str:
    return _SWAKS.replace("OPTIONS", " ".join(options))


_SIGNED_IN: Final = "export SWAKS_OPT_auth=LOGIN SWAKS_OPT_auth_user=USERNAME\n{fix}"

_PLAINLY: Final = _SIGNED_IN.replace("LOGIN", "PLAIN")

SWAKS: Final = (
    Case("mechanism_advertised_but_broken", "broken",
         _swaks("--tls", "--auth CRAM-MD5 --auth-user USERNAME"), told_by="logins"),
    Case("client_tls_disabled", "acs", _swaks("--tls", "--tls-protocol tlsv1", _AUTH), _SIGNED_IN),
    Case("auth_not_advertised", "nobody", _swaks("--tls", _AUTH)),
    Case("host_setting_malformed", "acs",
         _swaks("--tls", _AUTH).replace("{host}", "{host},smtp.example.com"), _SIGNED_IN),
    Case("missing_from_header", "plain", _swaks("--tls", _AUTH, "--data @anonymous.eml"),
         _PLAINLY),
    Case("line_too_long", "plain", _swaks("--tls", _AUTH, "--data @long.eml"),
         "cp long.txt body.txt\n" + _PLAINLY),
    Case("raw_utf8_headers", "plain", _swaks("--tls", _AUTH, "--data @raw.eml"),
         "subject='Gr\u00fc\u00dfe'\n" + _PLAINLY),
    Case("mechanism_not_offered", "acs", _swaks("--tls", "--auth PLAIN --auth-user USERNAME")),
    Case("starttls_required", "acs", _swaks(_AUTH), _SIGNED_IN),
    Case("implicit_tls_on_starttls_port", "acs", _swaks("--tls-on-connect", _AUTH), _SIGNED_IN),
    Case("starttls_on_implicit_tls_port", "acs", _swaks("--tls", "--timeout 1", _AUTH), _SIGNED_IN,
         door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _swaks("--tls", "--tls-verify", _AUTH), _SIGNED_IN,
         trusting=False, told_by="probe"),
    Case("cert_hostname_mismatch", "acs", _swaks("--tls", "--tls-verify", _AUTH), _SIGNED_IN),
    Case("envelope_sender_missing", "acs",
         _swaks("--tls", _AUTH).replace("--from FROM", "--from '<>'"), _SIGNED_IN),
    Case("auth_not_performed", "acs", _swaks("--tls")),
    Case("helo_rejected", "names", _swaks("--tls", "--ehlo localhost"),
         "export SWAKS_OPT_auth=PLAIN SWAKS_OPT_auth_user=USERNAME\n{fix}"),
    Case("account_name_used_as_sender", "acs",
         _swaks("--tls", _AUTH).replace("--from FROM", "--from USERNAME"), _SIGNED_IN),
    Case("sender_domain_not_linked", "acs",
         _swaks("--tls", _AUTH).replace("--from FROM", "--from me@elsewhere.example"), _SIGNED_IN),
    Case("bare_lf", "plain", _swaks("--tls", _AUTH, "--data @dotted.eml", "--no-data-fixup"),
         "export SWAKS_OPT_auth=PLAIN SWAKS_OPT_auth_user=USERNAME\n{fix}"),
)  # fmt: skip

_SECRET: Final = 'passwordeval "cat /path/to/password"\n'
_MSMTP: Final = """\
account default
host {host}
port {port}
tls on
tls_starttls on
auth on
user USERNAME
passwordeval "cat /path/to/password"
"""

MSMTP: Final = (
    Case("auth_before_tls_refused_by_client", "in-clear",
         _MSMTP.replace("tls on\ntls_starttls on", "tls off")),
    Case("credentials_missing", "acs", _MSMTP.replace(_SECRET, ""),
         _MSMTP.replace("user USERNAME\n", "").replace(_SECRET, "{fix}")),
    Case("empty_password_sent", "plain", _MSMTP.replace('"cat /path/to/password"', "echo"),
         _MSMTP.replace("user USERNAME\n", "").replace(_SECRET, "{fix}"), told_by="record"),
    Case("host_setting_malformed", "acs", _MSMTP.replace("{host}", "smtp://{host}"),
         _MSMTP.replace("host {host}\nport {port}\n", "{fix}")),
    Case("tls_version_too_old", "acs", _MSMTP + "tls_priorities NORMAL:-VERS-ALL:+VERS-TLS1.0\n",
         _MSMTP + "{fix}"),
    Case("missing_from_header", "plain",
         _MSMTP + "add_missing_from_header off\nfrom sender@example.com\n", _MSMTP + "{fix}"),
    Case("mechanism_not_offered", "acs", _MSMTP.replace("auth on", "auth plain")),
    Case("mechanism_advertised_but_broken", "broken", _MSMTP.replace("auth on", "auth cram-md5"),
         told_by="logins"),
    Case("starttls_required", "acs", _MSMTP.replace("tls on\ntls_starttls on", "tls off")),
    Case("implicit_tls_on_starttls_port", "acs",
         _MSMTP.replace("tls_starttls on", "tls_starttls off")),
    Case("starttls_on_implicit_tls_port", "acs", _MSMTP + "timeout 1\n", door="smtps",
         told_by="probe"),
    Case("cert_untrusted", "acs", _MSMTP, _MSMTP + "{fix}", trusting=False),
    Case("cert_hostname_mismatch", "acs", _MSMTP, _MSMTP.replace("host {host}\n", "{fix}")),
    Case("auth_not_performed", "acs", _MSMTP.replace("auth on", "auth off")),
    Case("auth_not_advertised", "nobody", _MSMTP, _MSMTP.replace("auth on\n", "{fix}")),
    Case("helo_rejected", "names", _MSMTP, _MSMTP + "{fix}"),
    Case("account_name_used_as_sender", "acs", _MSMTP + "from USERNAME\n", _MSMTP + "{fix}"),
    Case("sender_domain_not_linked", "acs", _MSMTP + "from me@elsewhere.example\n",
         _MSMTP + "{fix}"),
)  # fmt: skip
