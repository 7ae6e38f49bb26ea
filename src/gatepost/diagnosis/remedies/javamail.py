"""JavaMail and Jakarta Mail (Angus): no STARTTLS unless enabled; LOGIN before PLAIN."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

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
// the password is the access token
"""

_IMPLICIT: Final = f"""\
{_SERVER}props.put("mail.smtp.ssl.enable", "true"); // or the protocol "smtps"
props.put("mail.smtp.ssl.checkserveridentity", "true");
"""

_TRUST: Final = """\
// keytool -importcert -noprompt -file ca.pem -alias mail \\
//   -keystore mail.p12 -storepass changeit
// java -Djavax.net.ssl.trustStore=mail.p12 \\
//   -Djavax.net.ssl.trustStorePassword=changeit ...
"""

_NO_AUTHZID: Final = f"""\
{_MECHANISM.replace("MECHANISM", "PLAIN")}props.put("mail.smtp.sasl.authorizationid", "");
"""

_CHECK: Final = """\
String username = System.getenv("SMTP_USERNAME");
String password = System.getenv("SMTP_PASSWORD");
if (username == null || password == null || password.isEmpty()) {
    throw new IllegalStateException("SMTP_USERNAME or its password");
}
"""

_HOST: Final = """\
props.put("mail.smtp.host", "{{host}}");
props.put("mail.smtp.port", "{{port}}");
"""

_HELLO: Final = """\
props.put("mail.smtp.localhost", "client.example.com"); // its full name
"""

_SENDER: Final = """\
message.setFrom("sender@example.com"); // an address the account may use
props.put("mail.smtp.from", "sender@example.com"); // the envelope
"""

_TLS_VERSION: Final = """\
props.put("mail.smtp.ssl.protocols", "TLSv1.2 TLSv1.3");
"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "authzid_not_permitted", "cert_untrusted", "client_tls_disabled",
    "credentials_missing", "empty_password_sent", "envelope_sender_missing",
    "mechanism_not_offered", "missing_from_header", "raw_utf8_headers", "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="javamail",
    title="JavaMail / Jakarta Mail",
    mechanisms=("LOGIN", "PLAIN", "DIGEST-MD5", "NTLM"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "NTLM", "XOAUTH2"}),
    hello="{node}",
    tls="none",
    source="org/eclipse/angus/mail/smtp/SMTPTransport.java, 2.0 (authenticate, PlainAuthenticator)",
    fills_authzid=True,
    is_compared=True,
    fixes={
        "login": Fix(
            "It uses LOGIN first by default; if mechanisms are set, set this one:",
            _MECHANISM.replace("MECHANISM", "LOGIN"),
        ),
        "plain": Fix(
            "It uses PLAIN if LOGIN is not listed; if mechanisms are set, set this one:",
            _MECHANISM.replace("MECHANISM", "PLAIN"),
        ),
        "xoauth2": Fix("XOAUTH2 is not among the defaults; name it:", _XOAUTH2),
        "starttls": Fix("It stays in clear by default. Require TLS:", _STARTTLS),
        "implicit": Fix("Speak TLS from the first byte:", _IMPLICIT),
        "trust": Fix(
            "Put the authority that signed the certificate into a trust store; its password "
            "guards nothing but public certificates:",
            _TRUST,
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            'props.put("mail.smtp.host", "{{name}}");\n',
        ),
        "no_auth": Fix("Switch authentication off:", 'props.put("mail.smtp.auth", "false");\n'),
        "long_token": Fix(
            "The token may follow the AUTH line (Angus Mail; Jakarta Mail 2.0.0 cannot):", _XOAUTH2
        ),
        "no_authzid": Fix(
            "The user name is sent in PLAIN's first field, too, unless that is set to empty:",
            _NO_AUTHZID,
        ),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix("Set only the host name, and the port separately:", _HOST),
        "hello": Fix("JavaMail sends the machine's name. Set a full one:", _HELLO),
        "addresses": Fix(
            "Parse and verify the addresses; the constructor with a name does neither:",
            "InternetAddress[] to = InternetAddress.parse(text, true);\n",
        ),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
        "from_header": Fix(
            "There is no From unless it is set:", 'message.setFrom("sender@example.com");\n'
        ),
        "ascii_headers": Fix(
            "Name the character set, so that the subject is encoded:",
            'message.setSubject(subject, "UTF-8");\n',
        ),
        "tls_version": Fix("Old releases request only TLS 1.0:", _TLS_VERSION),
    },
    language="java",
    executed=_EXECUTED,
    tested="Debian's libjakarta-mail-java",
    spared=reasons(
        "one_line",
        "two_lines",
        "url",
        "utf8",
        "line_ends",
        "short_lines",
        "tls_version_too_old",
        "auth_not_advertised",
    ),
)
