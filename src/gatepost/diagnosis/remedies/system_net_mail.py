"""System.Net.Mail.SmtpClient (.NET): STARTTLS only, LOGIN in practice."""

from typing import Final

from gatepost.diagnosis.remedies.library import Fix, Library, reasons

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

_HELLO: Final = """\
// dotnet add package MailKit
using var client = new MailKit.Net.Smtp.SmtpClient();
client.LocalDomain = "client.example.com"; // this machine's full name
await client.ConnectAsync(
    "{{host}}", {{port}}, SecureSocketOptions.StartTls);
await client.AuthenticateAsync(username, password);
"""

_CHECK: Final = """var username = Environment.GetEnvironmentVariable("SMTP_USERNAME");
var password = Environment.GetEnvironmentVariable("SMTP_PASSWORD");
if (string.IsNullOrEmpty(username) || string.IsNullOrEmpty(password))
    throw new InvalidOperationException("SMTP_USERNAME or its password");
"""

_SENDER: Final = """// an address that the account may use, not the login
using var message = new MailMessage(
    "sender@example.com", "recipient@example.net", subject, text);
"""

_TLS_VERSION: Final = """// .NET Framework before 4.7; later ones take what the system permits
ServicePointManager.SecurityProtocol = SecurityProtocolType.Tls12;
"""

LIBRARY: Final = Library(
    name="system-net-mail",
    title="System.Net.Mail",
    mechanisms=("GSSAPI", "NTLM", "LOGIN"),
    settable=(),
    chooses="listed",
    initial=frozenset({"LOGIN"}),
    hello="{node}",
    tls="none",
    source="System/Net/Mail/SmtpConnection.cs and SmtpConnection.Auth.cs, .NET 9",
    fixes={
        "login": Fix("It uses LOGIN if EHLO lists it, which is after STARTTLS:", _STARTTLS),
        "plain": Fix(
            "It has no PLAIN. Use MailKit:",
            _MAILKIT.replace("OPTION", "StartTls").replace("ARGUMENTS", "username, password"),
        ),
        "xoauth2": Fix(
            "It has no XOAUTH2. Use MailKit:",
            _MAILKIT.replace("OPTION", "StartTls").replace(
                "ARGUMENTS", "\n    new SaslMechanismOAuth2(username, accessToken)"
            ),
        ),
        "starttls": Fix("EnableSsl uses STARTTLS:", _STARTTLS),
        "implicit": Fix(
            "It has no implicit TLS: use the STARTTLS port, or MailKit:",
            _MAILKIT.replace("OPTION", "SslOnConnect").replace("ARGUMENTS", "username, password"),
        ),
        "trust": Fix(
            "It trusts what the machine trusts. Add the authority to the machine's store:",
            "certutil -addstore Root ca.pem\n"
            "# Linux: cp ca.pem /usr/local/share/ca-certificates/mail.crt\n"
            "#        update-ca-certificates\n",
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            'using var client = new SmtpClient("{{name}}", {{port}});\n',
        ),
        "no_auth": Fix(
            "Set no credentials:",
            "client.UseDefaultCredentials = false;\nclient.Credentials = null;\n",
        ),
        "two_lines": Fix(
            "It always sends the user name with AUTH LOGIN. Use MailKit:",
            _MAILKIT.replace("OPTION", "StartTls").replace("ARGUMENTS", "username, password"),
        ),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            'using var client = new SmtpClient("{{host}}", {{port}});\n',
        ),
        "hello": Fix("It sends the computer's name and nothing else. Use MailKit:", _HELLO),
        "sender": Fix("From is an address, not the login:", _SENDER),
        "short_lines": Fix(
            "Encode the text, so that no line is too long:",
            "message.BodyTransferEncoding = TransferEncoding.QuotedPrintable;\n",
        ),
        "tls_version": Fix("Old releases request only TLS 1.0:", _TLS_VERSION),
        "credentials": Fix(
            "UseDefaultCredentials throws Credentials away: set it first:", _STARTTLS
        ),
    },
    language="csharp",
    tested="not run: needs .NET; Debian's Mono has its own, with TLS 1.0 only",
    spared=reasons(
        "no_authzid",
        "url",
        "utf8",
        "line_ends",
        "ascii_headers",
        one_line="It has no PLAIN.",
        long_token="It has no XOAUTH2.",
        from_header="It refuses a MailMessage without From before it connects.",
    ),
)
