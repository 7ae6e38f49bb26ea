"""JavaMail, Jakarta Mail (Angus), Spring: no STARTTLS unless enabled; LOGIN before PLAIN."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_SERVER: Final = """\
props.put("mail.smtp.host", "{{host}}");
props.put("mail.smtp.port", "{{port}}");
props.put("mail.smtp.auth", "true");
"""
_STARTTLS: Final = f"""\
{_SERVER}props.put("mail.smtp.starttls.enable", "true");
props.put("mail.smtp.starttls.required", "true");
props.put("mail.smtp.ssl.checkserveridentity", "true");
"""

_MECHANISM: Final = f"""\
{_STARTTLS}props.put("mail.smtp.auth.mechanisms", "MECHANISM");
"""

_XOAUTH2: Final = """\
props.put("mail.smtp.auth.mechanisms", "XOAUTH2");
// two steps, for servers that limit the length of the AUTH line
props.put("mail.smtp.auth.xoauth2.two.line.authentication.format", "true");
transport.connect("{{host}}", {{port}}, username, accessToken);
"""

_IMPLICIT: Final = f"""\
{_SERVER}props.put("mail.smtp.ssl.enable", "true"); // or the protocol "smtps"
props.put("mail.smtp.ssl.checkserveridentity", "true");
"""

_TRUST: Final = """\
// keytool -importcert -file ca.pem -alias mail -keystore mail.p12
// java -Djavax.net.ssl.trustStore=mail.p12 ...
"""

LIBRARY: Final = Library(
    name="javamail",
    title="JavaMail / Jakarta Mail",
    aliases=("java", "jakarta-mail", "angus-mail", "angus", "spring", "spring-boot", "kotlin"),
    mechanisms=("LOGIN", "PLAIN", "DIGEST-MD5"),
    settable=("NTLM", "XOAUTH2"),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{node}",
    tls="none",
    cures=MappingProxyType(
        {
            "login": Cure(
                "It takes LOGIN first by itself; if mechanisms are set, set this one:",
                _MECHANISM.replace("MECHANISM", "LOGIN"),
            ),
            "plain": Cure(
                "It takes PLAIN where LOGIN is not listed; if mechanisms are set, set this one:",
                _MECHANISM.replace("MECHANISM", "PLAIN"),
            ),
            "xoauth2": Cure("XOAUTH2 is not among the defaults; name it:", _XOAUTH2),
            "starttls": Cure("It stays in clear unless told otherwise. Require TLS:", _STARTTLS),
            "implicit": Cure("Speak TLS from the first byte:", _IMPLICIT),
            "trust": Cure(
                "Put the authority that signed the certificate into a trust store:", _TRUST
            ),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                'props.put("mail.smtp.host", "{{name}}");\n',
            ),
            "no_auth": Cure("Switch the sign-in off:", 'props.put("mail.smtp.auth", "false");\n'),
        }
    ),
)
