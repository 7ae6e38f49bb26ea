"""MailKit (.NET): strongest listed mechanism first; SecureSocketOptions must fit the port."""

from typing import Final

from gatepost.diagnosis.remedies.library import Fix, Library, reasons

_STARTTLS: Final = """\
await client.ConnectAsync(
    "{{host}}", {{port}}, SecureSocketOptions.StartTls);
await client.AuthenticateAsync(username, password);
"""

_IMPLICIT: Final = """\
await client.ConnectAsync(
    "{{host}}", {{port}}, SecureSocketOptions.SslOnConnect);
await client.AuthenticateAsync(username, password);
"""

_MECHANISM: Final = """\
await client.ConnectAsync(
    "{{host}}", {{port}}, SecureSocketOptions.StartTls);
await client.AuthenticateAsync(
    new SaslMechanismKIND(username, password));
"""

_TRUST: Final = """\
var ca = X509CertificateLoader.LoadCertificateFromFile("ca.pem");
client.ServerCertificateValidationCallback = (_, leaf, chain, errors) => {
    if (errors == SslPolicyErrors.None) return true;
    if (errors != SslPolicyErrors.RemoteCertificateChainErrors)
        return false; // the name is wrong too
    chain!.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
    chain.ChainPolicy.CustomTrustStore.Add(ca);
    return chain.Build(new X509Certificate2(leaf!));
};
"""

_CHECK: Final = """\
var username = Environment.GetEnvironmentVariable("SMTP_USERNAME");
var password = Environment.GetEnvironmentVariable("SMTP_PASSWORD");
if (string.IsNullOrEmpty(username) || string.IsNullOrEmpty(password))
    throw new InvalidOperationException("SMTP_USERNAME or its password");
"""

_HELLO: Final = """\
client.LocalDomain = "client.example.com"; // this machine's full name
await client.ConnectAsync(
    "{{host}}", {{port}}, SecureSocketOptions.StartTls);
"""

_SENDER: Final = """\
// an address that the account may use, not the login
message.From.Clear();
message.From.Add(MailboxAddress.Parse("sender@example.com"));
"""

LIBRARY: Final = Library(
    name="mailkit",
    title="MailKit",
    mechanisms=(
        "SCRAM-SHA-512",
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
        "CRAM-MD5",
        "DIGEST-MD5",
        "PLAIN",
        "LOGIN",
    ),
    settable=("NTLM", "XOAUTH2", "OAUTHBEARER"),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2", "OAUTHBEARER"}),
    hello="{literal}",
    tls="auto",
    source="MailKit/Security/SaslMechanism.cs (AuthMechanismRank) and Net/Smtp/SmtpClient.cs, 4",
    fixes={
        "login": Fix(
            "AuthenticateAsync uses LOGIN by default if EHLO lists it; to require it:",
            _MECHANISM.replace("KIND", "Login"),
        ),
        "plain": Fix(
            "AuthenticateAsync uses PLAIN by default if EHLO lists it; to require it:",
            _MECHANISM.replace("KIND", "Plain"),
        ),
        "xoauth2": Fix(
            "Tokens are never tried by themselves; hand one over:",
            "await client.AuthenticateAsync(\n"
            "    new SaslMechanismOAuth2(username, accessToken));\n",
        ),
        "starttls": Fix("Require STARTTLS:", _STARTTLS),
        "implicit": Fix("Speak TLS from the first byte:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            'await client.ConnectAsync(\n    "{{name}}", {{port}}, SecureSocketOptions.Auto);\n',
        ),
        "no_auth": Fix(
            "Do not call AuthenticateAsync where AUTH is not listed:",
            "if (client.Capabilities.HasFlag(SmtpCapabilities.Authentication))\n"
            "    await client.AuthenticateAsync(username, password);\n",
        ),
        "no_authzid": Fix(
            "Leave AuthorizationId of SaslMechanismPlain unset:",
            _MECHANISM.replace("KIND", "Plain"),
        ),
        "long_token": Fix(
            "MailKit has no setting for it: derive from SaslMechanismOAuth2 and let "
            "SupportsInitialResponse be false.",
            "class TwoLines(string user, string token)\n"
            "    : SaslMechanismOAuth2(user, token)\n"
            "{\n"
            "    public override bool SupportsInitialResponse => false;\n"
            "}\n",
        ),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            'await client.ConnectAsync(\n    "{{host}}", {{port}}, SecureSocketOptions.Auto);\n',
        ),
        "hello": Fix("MailKit sends its address in brackets. Set a full name:", _HELLO),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
        "from_header": Fix("There is no From unless it is added:", _SENDER),
    },
    language="csharp",
    tested="not run: needs .NET",
    spared=reasons(
        "one_line", "two_lines", "url", "utf8", "line_ends", "short_lines", "ascii_headers"
    ),
)
