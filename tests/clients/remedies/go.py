"""Faults with Go's net/smtp; all programs are packages of one binary, which is built once."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from tests.clients.remedies.proof import Case, Order, Outcome, values

_PACKAGES: Final = {
    "bytes": r"\bbytes\.", "crypto/tls": r"\btls\.[A-Z]", "crypto/x509": r"\bx509\.[A-Z]",
    "errors": r"\berrors\.New\b", "fmt": r"\bfmt\.", "net": r"\bnet\.[A-Z]",
    "mime": r"\bmime\.[A-Z]", "mime/quotedprintable": r"\bquotedprintable\.",
    "net/smtp": r"\bsmtp\.[A-Z]", "net/url": r"\burl\.[A-Z]", "os": r"\bos\.[A-Z]",
    "strings": r"\bstrings\.",
    "time": r"\btime\.[A-Z]",
}  # fmt: skip
_MAIN: Final = """\
package main

import (
	"fmt"
	"os"
%s)

type run func(username, password, from string, to []string, msg []byte) error

func main() {
	programs := map[string]run{
%s	}
	from, to := os.Getenv("SENDER_"), os.Getenv("RECIPIENT_")
	msg := "From: " + from + "\\r\\nTo: " + to + "\\r\\nSubject: hello\\r\\n\\r\\nhello\\r\\n"
	username, password := os.Getenv("USERNAME_"), os.Getenv("SECRET_")
	err := programs[os.Args[1]](username, password, from, []string{to}, []byte(msg))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
"""


class GoPrograms:
    """One binary with the programs of all cases."""

    def __init__(self, home: Path, programs: Iterable[str]) -> None:
        self._binary = home / "programs"
        self._names = {code: f"p{number}" for number, code in enumerate(dict.fromkeys(programs))}
        for code, name in self._names.items():
            _write_package(home / name, name, code)
        imports = "".join(f'\t"programs/{name}"\n' for name in self._names.values())
        entries = "".join(f'\t\t"{name}": {name}.Run,\n' for name in self._names.values())
        (home / "main.go").write_text(_MAIN % (imports, entries))
        (home / "go.mod").write_text("module programs\n\ngo 1.21\n")
        offline = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
        built = subprocess.run(
            ["go", "build", "-o", self._binary, "."],
            cwd=home,
            env=os.environ | offline,
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr

    def run(self, order: Order) -> Outcome:
        """Run a program, which prints its error."""
        trust = {"SSL_CERT_FILE": order.ca_file} if order.ca_file else {}
        done = subprocess.run(
            [self._binary, self._names[order.code]],
            env=os.environ | values(order) | trust,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode == 0, done.stderr)


def _write_package(directory: Path, name: str, code: str) -> None:
    spoken = re.sub(r"//.*", "", code)
    imports = "".join(f'\t"{each}"\n' for each, use in _PACKAGES.items() if re.search(use, spoken))
    directory.mkdir()
    (directory / "program.go").write_text(f"package {name}\n\nimport (\n{imports})\n\n{code}\n")


def _run(body: str) -> str:
    return (
        f"func Run(username, password, from string, to []string, msg []byte) error {{\n{body}\n}}\n"
    )


_PLAIN_AUTH: Final = 'smtp.PlainAuth("", username, password, "{host}")'
_SEND_MAIL: Final = 'return smtp.SendMail("{host}:{port}", AUTH, from, to, msg)'
_DELIVER: Final = """
func deliver(client *smtp.Client, auth smtp.Auth, from string, to []string, msg []byte) error {
	defer client.Close()
	if auth != nil {
		if err := client.Auth(auth); err != nil {
			return err
		}
	}
	if err := client.Mail(from); err != nil {
		return err
	}
	if err := client.Rcpt(to[0]); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(msg); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	return client.Quit()
}
"""
_DIAL: Final = _DELIVER + _run("""\
	client, err := DIAL
	if err != nil {
		return err
	}
	MORE
	return deliver(client, AUTH, from, to, msg)""")


def _dialled(dial: str, auth: str = _PLAIN_AUTH, more: str = "") -> str:
    return _DIAL.replace("DIAL", dial).replace("AUTH", auth).replace("MORE", more)


def _sent(auth: str = _PLAIN_AUTH) -> str:
    return _run(_SEND_MAIL.replace("AUTH", auth))


_FIXED: Final = "{fix}" + _run("	return send(username, password, from, to, msg)")
_FIXED_DIAL: Final = "{fix}" + _dialled("dial()")
_START_TLS: Final = """\
if err := client.StartTLS(CONFIG); err != nil {
		return err
	}"""
_EAGER: Final = """\
type eager struct{ name, first, then string }

func (a eager) Start(*smtp.ServerInfo) (string, []byte, error) {
	return a.name, []byte(a.first), nil
}

func (a eager) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return []byte(a.then), nil
	}
	return nil, nil
}
"""
_WAITING: Final = """\
func dial() (*smtp.Client, error) {
	conn, err := net.Dial("tcp", "{host}:{port}")
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
	return smtp.NewClient(conn, "{host}")
}
"""

_LOGIN_AUTH: Final = (LIBRARIES["go-net-smtp"].fixes["login"].code or "").partition(
    "// In place of"
)[0]
_RECORDED: Final = 'return smtp.SendMail("{host}:"+os.Getenv("PORT_"), AUTH, FROM, to, msg)'
"""For the recorder, whose port is not known when the binary is built."""


def _from(sender: str) -> str:
    """Return a program that signs in with LOGIN and sends as somebody else."""
    body = _RECORDED.replace("AUTH", 'LoginAuth(username, password, "{host}")')
    return _LOGIN_AUTH + _run(body.replace("FROM", sender))


_AS_SENDER: Final = (
    _LOGIN_AUTH + "{fix}" + _run('\treturn send(LoginAuth(username, password, "{host}"), to, msg)')
)


def _message(message: str, more: str = "") -> str:
    """Return a program that sends another message than the given one."""
    return _run(f"{more}\tmsg = {message}\n\t" + _SEND_MAIL.replace("AUTH", _PLAIN_AUTH))


def _plain(authzid: str, password: str) -> str:
    auth = f'smtp.PlainAuth({authzid}, username, {password}, "{{host}}")'
    return _run(_RECORDED.replace("AUTH", auth).replace("FROM", "from"))


_LONG: Final = 'strings.Repeat("word ", 400)'

GO: Final = (
    Case("login_initial_response_rejected", "login",
         _EAGER + _run(
            _RECORDED.replace("AUTH", 'eager{"LOGIN", username, password}').replace("FROM", "from")
        ),
        _FIXED,
        told_by="record",),
    Case("authzid_not_permitted", "own-name", _plain("username", "password"), _FIXED,
         told_by="record"),
    Case("empty_password_sent", "plain", _plain('""', 'os.Getenv("SMTP_PASS")'),
         "{fix}" + _run("\tusername, password, err := credentials()\n\tif err != nil {\n"
                         "\t\treturn err\n\t}\n\t" + _SEND_MAIL.replace("AUTH", _PLAIN_AUTH)),
         told_by="record"),
    Case("host_setting_malformed", "plain", _run(
         _SEND_MAIL.replace("{host}:{port}", "smtp://{host}:{port}")
         .replace("AUTH", _PLAIN_AUTH)), _FIXED),
    Case("account_name_used_as_sender", "acs", _from("username"), _AS_SENDER, told_by="record"),
    Case("envelope_sender_missing", "acs", _from('""'), _AS_SENDER, told_by="record"),
    Case("sender_domain_not_linked", "acs", _from('"me@elsewhere.example"'), _AS_SENDER,
         told_by="record"),
    Case("client_tls_disabled", "plain",
         _dialled('smtp.Dial("{host}:{port}")', more=_START_TLS.replace(
             "CONFIG", '&tls.Config{ServerName: "{host}", MaxVersion: tls.VersionTLS10}')),
         _FIXED_DIAL),
    Case("tls_version_too_old", "plain",
         _dialled('smtp.Dial("{host}:{port}")', more=_START_TLS.replace(
             "CONFIG", '&tls.Config{ServerName: "{host}", MinVersion: tls.VersionTLS10, '
             "MaxVersion: tls.VersionTLS11}")), _FIXED_DIAL),
    Case("missing_from_header", "plain",
         _message('[]byte("Subject: hello\\r\\n\\r\\nhello\\r\\n")'),
         "{fix}" + _message('message("hello", "hello\\r\\n")')),
    Case("line_too_long", "plain", _message(f'append(msg, {_LONG}...)'),
         "{fix}" + _message("encoded", f"\tencoded, err := message({_LONG})\n"
                             "\tif err != nil {\n\t\treturn err\n\t}\n")),
    Case("raw_utf8_headers", "plain",
         _message('append([]byte("Subject: Gr\u00fc\u00dfe\\r\\n"), msg...)'),
         "{fix}" + _message('message("Gr\u00fc\u00dfe", "hello\\r\\n")')),
    Case("mechanism_not_offered", "acs", _sent(), _FIXED),
    Case("starttls_required", "plain", _dialled('smtp.Dial("{host}:{port}")', "nil"), _FIXED_DIAL),
    Case("auth_before_tls_refused_by_client", "plain", _dialled('smtp.Dial("{host}:{port}")'),
         _FIXED_DIAL),
    Case("implicit_tls_on_starttls_port", "plain", _run(
         '	conn, err := tls.Dial("tcp", "{host}:{port}", nil)\n	if err != nil {\n'
         "		return err\n	}\n	return conn.Close()"), _FIXED_DIAL),
    Case("starttls_on_implicit_tls_port", "plain", _WAITING + _dialled("dial()"), _FIXED_DIAL,
         door="smtps", told_by="probe"),
    Case("cert_untrusted", "plain", _sent(), "{fix}" + _dialled(
         'smtp.Dial("{host}:{port}")', more='config, err := trusting("ca.pem")\n'
         "	if err != nil {\n		return err\n	}\n	"
         + _START_TLS.replace("CONFIG", "config")), trusting=False),
    Case("cert_hostname_mismatch", "plain", _sent(),
         _run(f"	auth := {_PLAIN_AUTH}\n{{fix}}\n	return err")),
    Case("auth_not_performed", "plain", _sent("nil"), _FIXED),
    Case("auth_not_advertised", "nobody", _sent(), _run("{fix}\n	return err")),
    Case("mechanism_advertised_but_broken", "broken", _sent("smtp.CRAMMD5Auth(username, password)"),
         _FIXED, told_by="logins"),
    Case("auth_command_too_long", "token", _EAGER + _sent(
         r'eager{"XOAUTH2", "user=" + username + "\x01auth=Bearer " + password + "\x01\x01", ""}'),
         "{fix}" + _sent("XOAuth2(username, password)")),
    Case("client_host_mismatch", "plain",
         _sent('smtp.PlainAuth("", username, password, "{host}:{port}")'), _FIXED),
    Case("helo_rejected", "names", _sent(), _FIXED_DIAL),
    Case("credential_url_encoding", "words", _run(
         '	u, err := url.Parse(fmt.Sprintf("smtp://%s:%s@{host}:{port}", username, password))\n'
         "	if err != nil {\n		return err\n	}\n"
         + _SEND_MAIL.replace("{host}:{port}", '" + u.Host + "').replace("AUTH", _PLAIN_AUTH)),
         "{fix}" + _run(
         "	u, err := url.Parse(smtpURL(username, password))\n"
         "	if err != nil {\n		return err\n	}\n	secret, _ := u.User.Password()\n"
         "	auth := smtp.PlainAuth(\"\", u.User.Username(), secret, u.Hostname())\n"
         "	return smtp.SendMail(u.Host, auth, from, to, msg)")),
)  # fmt: skip
