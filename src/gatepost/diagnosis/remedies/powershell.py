"""PowerShell's Send-MailMessage: System.Net.Mail behind a cmdlet that its makers call obsolete."""

from dataclasses import replace
from typing import Final

from gatepost.diagnosis.remedies.library import Fix, reasons
from gatepost.diagnosis.remedies.system_net_mail import LIBRARY as SYSTEM_NET_MAIL

_SEND: Final = """\
$credential = Get-Credential  # or Import-Clixml, for a script
$mail = @{
    SmtpServer = '{{host}}'; Port = {{port}}
    UseSsl = $true  # STARTTLS
    Credential = $credential
    From = 'sender@example.com'; To = 'recipient@example.net'
    Subject = $subject; Body = $text; Encoding = 'utf8'
}
Send-MailMessage @mail -ErrorAction Stop
"""

_INSTEAD: Final = """\
# Install-Module Mailozaurr
$mail = @{
    Server = '{{host}}'; Port = {{port}}
    SecureSocketOptions = 'OPTION'
    Credential = $credential
    From = 'sender@example.com'; To = 'recipient@example.net'
    Subject = $subject; Text = $text
}
Send-EmailMessage @mail
"""

_TLS_VERSION: Final = """\
# Windows PowerShell 5.1 on an old .NET Framework
[Net.ServicePointManager]::SecurityProtocol = 'Tls12'
"""

_CHECK: Final = """\
if (-not $env:SMTP_USERNAME -or -not $env:SMTP_PASSWORD) {
    throw 'SMTP_USERNAME or SMTP_PASSWORD is not set'
}
$secret = ConvertTo-SecureString $env:SMTP_PASSWORD -AsPlainText -Force
$credential = [pscredential]::new($env:SMTP_USERNAME, $secret)
"""

LIBRARY: Final = replace(
    SYSTEM_NET_MAIL,
    name="powershell",
    title="PowerShell Send-MailMessage",
    settable=(),
    tls="none",
    source="Send-MailMessage: System.Net.Mail below",
    fixes={
        "login": Fix("It uses LOGIN if EHLO lists it, which is after STARTTLS:", _SEND),
        "plain": Fix(
            "It has no PLAIN. Use a module that is built on MailKit:",
            _INSTEAD.replace("OPTION", "StartTls"),
        ),
        "xoauth2": Fix(
            "It has no XOAUTH2. Use a module that is built on MailKit, with OAuth2 = $true and "
            "the token in the credential:",
            _INSTEAD.replace("OPTION", "StartTls").replace(
                "Credential = $credential", "Credential = $credential; OAuth2 = $true"
            ),
        ),
        "starttls": Fix("-UseSsl asks for STARTTLS:", _SEND),
        "implicit": Fix(
            "It has no implicit TLS: use the STARTTLS port, or a module that is built on MailKit:",
            _INSTEAD.replace("OPTION", "SslOnConnect"),
        ),
        "trust": Fix(
            "It trusts what the machine trusts. Add the authority to the machine's store:",
            "Import-Certificate ca.pem -CertStoreLocation Cert:\\LocalMachine\\Root\n",
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            "$mail.SmtpServer = '{{name}}'\n",
        ),
        "no_auth": Fix("Leave -Credential out."),
        "two_lines": Fix(
            "It always sends the user name with AUTH LOGIN. Use a module that is built on MailKit:",
            _INSTEAD.replace("OPTION", "StartTls"),
        ),
        "check": Fix("Fail before anything is sent:", _CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            "$mail.SmtpServer = '{{host}}'; $mail.Port = {{port}}\n",
        ),
        "hello": Fix(
            "It sends the computer's name, and no setting changes that: give the computer a "
            "full name, or use a module that is built on MailKit."
        ),
        "sender": Fix(
            "-From is an address that the account may use, not the login:",
            "$mail.From = 'sender@example.com'\n",
        ),
        "ascii_headers": Fix("Name the encoding:", "$mail.Encoding = 'utf8'\n"),
        "tls_version": Fix("Old versions of .NET Framework request only TLS 1.0:", _TLS_VERSION),
        "credentials": Fix(
            "Give -Credential; without it the account of the process is tried:", _SEND
        ),
    },
    language="powershell",
    tested="not run: needs PowerShell",
    spared=reasons(
        "no_authzid",
        "url",
        "utf8",
        "line_ends",
        one_line="It has no PLAIN.",
        long_token="It has no XOAUTH2.",
        from_header="-From is required.",
        encoded_body="-Encoding utf8 encodes the text.",
        short_lines="-Encoding utf8 encodes the text, whose lines are then short.",
    ),
)
