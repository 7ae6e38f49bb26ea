"""Spring Boot: JavaMail, set up by ``spring.mail``."""

from dataclasses import replace
from typing import Final

from gatepost.diagnosis.remedies.javamail import LIBRARY as JAVAMAIL
from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix

_SERVER: Final = """\
spring.mail.host={{host}}
spring.mail.port={{port}}
spring.mail.username=${SMTP_USERNAME}
spring.mail.password=${SMTP_PASSWORD}
spring.mail.properties.mail.smtp.auth=true
"""
_IDENTITY: Final = """\
spring.mail.properties.mail.smtp.ssl.checkserveridentity=true
"""
_STARTTLS: Final = f"""\
{_SERVER}spring.mail.properties.mail.smtp.starttls.enable=true
spring.mail.properties.mail.smtp.starttls.required=true
{_IDENTITY}"""

_IMPLICIT: Final = f"""\
{_SERVER}spring.mail.properties.mail.smtp.ssl.enable=true
{_IDENTITY}"""

_TRUST: Final = """\
# a late Boot 3 or 4; before, a trust store as for JavaMail
spring.ssl.bundle.pem.mail.truststore.certificate=file:/path/to/ca.pem
spring.mail.ssl.bundle=mail
"""

_CHECK: Final = """\
# without a default after ":", the program does not start without them
spring.mail.username=${SMTP_USERNAME}
spring.mail.password=${SMTP_PASSWORD}
"""

_SENDER: Final = """\
message.setFrom("sender@example.com"); // SimpleMailMessage or the helper
// spring.mail.properties.mail.smtp.from=sender@example.com
"""


def _mechanism(name: str) -> str:
    return f"{_STARTTLS}spring.mail.properties.mail.smtp.auth.mechanisms={name}\n"


_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "authzid_not_permitted", "client_tls_disabled",
    "credentials_missing", "empty_password_sent", "envelope_sender_missing",
    "mechanism_not_offered", "missing_from_header", "raw_utf8_headers", "starttls_required",
}  # fmt: skip

LIBRARY: Final = replace(
    JAVAMAIL,
    name="spring",
    title="Spring Boot",
    source="JavaMailSenderImpl.java, 6: Jakarta Mail below",
    is_compared=False,
    fixes={
        "login": Fix(
            "LOGIN is the first by default; if mechanisms are set, set this one:",
            _mechanism("LOGIN"),
        ),
        "plain": Fix(
            "PLAIN is used if LOGIN is not listed; if mechanisms are set, set this one:",
            _mechanism("PLAIN"),
        ),
        "xoauth2": Fix(
            "Name XOAUTH2; the password is the access token, which a bean must renew:",
            _mechanism("XOAUTH2"),
        ),
        "starttls": Fix("It stays in clear by default. Require TLS:", _STARTTLS),
        "implicit": Fix("Speak TLS from the first byte:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:", "spring.mail.host={{name}}\n"
        ),
        "no_auth": Fix(
            "Remove user name and password, and switch authentication off:",
            "spring.mail.properties.mail.smtp.auth=false\n",
        ),
        "long_token": Fix(
            "The token may follow the AUTH line (Angus Mail; Jakarta Mail 2.0.0 cannot):",
            f"{_mechanism('XOAUTH2')}"
            "spring.mail.properties.mail.smtp.auth.xoauth2.two.line.\\\n"
            "authentication.format=true\n",
        ),
        "no_authzid": Fix(
            "The user name is sent in PLAIN's first field, too, unless that is set to empty:",
            f"{_mechanism('PLAIN')}spring.mail.properties.mail.smtp.sasl.authorizationid=\n",
        ),
        "check": Fix("Take both from the environment:", _CHECK),
        "host": Fix(
            "Set only the host name, and the port separately:",
            "spring.mail.host={{host}}\nspring.mail.port={{port}}\n",
        ),
        "hello": Fix(
            "It sends the machine's name. Set a full one:",
            "spring.mail.properties.mail.smtp.localhost=client.example.com\n",
        ),
        "addresses": Fix(
            "Parse and verify the addresses:",
            "helper.setTo(InternetAddress.parse(text, true));\n",
        ),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
        "from_header": Fix(
            "There is no From unless it is set:", 'message.setFrom("sender@example.com");\n'
        ),
        "ascii_headers": Fix(
            "Name the character set:",
            'var helper = new MimeMessageHelper(message, "UTF-8");\nhelper.setSubject(subject);\n',
        ),
        "tls_version": Fix(
            "Old releases request only TLS 1.0:",
            "spring.mail.properties.mail.smtp.ssl.protocols=TLSv1.2 TLSv1.3\n",
        ),
    },
    language="properties",
    executed=_EXECUTED,
    tested="Debian's libspring-context-support-java (Spring 4.3), set up as Spring Boot does it",
)
