"""System.Net.Mail.SmtpClient (.NET) and Send-MailMessage: STARTTLS only, LOGIN in practice."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_STARTTLS: Final = """\
using var client = new SmtpClient("{{host}}", {{port}}) {
    EnableSsl = true,              // STARTTLS
    UseDefaultCredentials = false, // before Credentials: it wipes them
    Credentials = new NetworkCredential(username, password),
};
"""

_MAILKIT: Final = """\
// dotnet add package MailKit
using var client = new MailKit.Net.Smtp.SmtpClient();
await client.ConnectAsync(
    "{{host}}", {{port}}, SecureSocketOptions.OPTION);
await client.AuthenticateAsync(ARGUMENTS);
"""

LIBRARY: Final = Library(
    name="system-net-mail",
    title="System.Net.Mail",
    aliases=("smtpclient", "powershell", "send-mailmessage", "system.net.mail"),
    mechanisms=("GSSAPI", "NTLM", "LOGIN"),
    settable=(),
    chooses="listed",
    initial=frozenset({"LOGIN"}),
    hello="{node}",
    tls="none",
    cures=MappingProxyType(
        {
            "login": Cure(
                "It takes LOGIN where EHLO lists it, which is after STARTTLS:", _STARTTLS
            ),
            "plain": Cure(
                "It has no PLAIN. Use MailKit:",
                _MAILKIT.replace("OPTION", "StartTls").replace("ARGUMENTS", "username, password"),
            ),
            "xoauth2": Cure(
                "It has no XOAUTH2. Use MailKit:",
                _MAILKIT.replace("OPTION", "StartTls").replace(
                    "ARGUMENTS", "\n    new SaslMechanismOAuth2(username, accessToken)"
                ),
            ),
            "starttls": Cure("EnableSsl asks for STARTTLS:", _STARTTLS),
            "implicit": Cure(
                "It has no implicit TLS: use the STARTTLS port, or MailKit:",
                _MAILKIT.replace("OPTION", "SslOnConnect").replace(
                    "ARGUMENTS", "username, password"
                ),
            ),
            "trust": Cure(
                "It trusts what the machine trusts. Add the authority to the machine's store:",
                "certutil -addstore Root ca.pem\n"
                "# Linux: cp ca.pem /usr/local/share/ca-certificates/mail.crt\n"
                "#        update-ca-certificates\n",
            ),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                'using var client = new SmtpClient("{{name}}", {{port}});\n',
            ),
            "no_auth": Cure(
                "Set no credentials:",
                "client.UseDefaultCredentials = false;\nclient.Credentials = null;\n",
            ),
        }
    ),
)
