"""MailKit (.NET): strongest listed mechanism first; SecureSocketOptions must fit the port."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

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

LIBRARY: Final = Library(
    name="mailkit",
    title="MailKit",
    aliases=("dotnet", "csharp", "c#", ".net"),
    mechanisms=(
        "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5", "PLAIN", "LOGIN",
    ),
    settable=("NTLM", "XOAUTH2", "OAUTHBEARER"),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2", "OAUTHBEARER"}),
    hello="{literal}",
    tls="auto",
    cures=MappingProxyType(
        {
            "login": Cure(
                "AuthenticateAsync takes LOGIN by itself where EHLO lists it; to insist:",
                _MECHANISM.replace("KIND", "Login"),
            ),
            "plain": Cure(
                "AuthenticateAsync takes PLAIN by itself where EHLO lists it; to insist:",
                _MECHANISM.replace("KIND", "Plain"),
            ),
            "xoauth2": Cure(
                "Tokens are never tried by themselves; hand one over:",
                "await client.AuthenticateAsync(\n"
                "    new SaslMechanismOAuth2(username, accessToken));\n",
            ),
            "starttls": Cure("Require STARTTLS:", _STARTTLS),
            "implicit": Cure("Speak TLS from the first byte:", _IMPLICIT),
            "trust": Cure("Trust the authority that signed the certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                "await client.ConnectAsync(\n"
                '    "{{name}}", {{port}}, SecureSocketOptions.Auto);\n',
            ),
            "no_auth": Cure("Do not call AuthenticateAsync where AUTH is not listed:",
                "if (client.Capabilities.HasFlag(SmtpCapabilities.Authentication))\n"
                "    await client.AuthenticateAsync(username, password);\n",
            ),
        }
    ),
)  # fmt: skip
