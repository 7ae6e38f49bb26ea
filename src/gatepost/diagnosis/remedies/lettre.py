"""lettre (Rust): ``relay`` is implicit TLS, ``starttls_relay`` is STARTTLS; PLAIN, then LOGIN."""

from typing import Final

from gatepost.diagnosis.remedies.library import Fix, Library, reasons

_STARTTLS: Final = """\
let mailer = SmtpTransport::starttls_relay("{{host}}")?
    .port({{port}})
    .credentials(Credentials::new(username, password))
    .build();
"""

_IMPLICIT: Final = """\
let mailer = SmtpTransport::relay("{{host}}")?
    .port({{port}})
    .credentials(Credentials::new(username, password))
    .build();
"""

_MECHANISM: Final = """\
let mailer = SmtpTransport::starttls_relay("{{host}}")?
    .port({{port}})
    .credentials(Credentials::new(username, SECRET))
    .authentication(vec![Mechanism::KIND])
    .build();
"""

_TRUST: Final = """\
let ca = Certificate::from_pem(&std::fs::read("ca.pem")?)?;
let tls = TlsParameters::builder("{{host}}".to_string())
    .add_root_certificate(ca)
    .build()?;
let mailer = SmtpTransport::relay("{{host}}")?
    .port({{port}})
    .tls(Tls::Required(tls)) // Tls::Wrapper(tls) for implicit TLS
    .build();
"""


_URL: Final = """\
// crate percent-encoding: utf8_percent_encode, NON_ALPHANUMERIC
let encode = |part: &str| {
    utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()
};
let url = format!(
    "smtp://{}:{}@{{host}}:{{port}}?tls=required",
    encode(&username),
    encode(&password),
);
let mailer = SmtpTransport::from_url(&url)?.build();
"""

_CHECK: Final = """\
// an error names what is not set
let username = std::env::var("SMTP_USERNAME")?;
let password = std::env::var("SMTP_PASSWORD")?;
"""

_HELLO: Final = """\
let name = ClientId::Domain("client.example.com".to_string());
let mailer = SmtpTransport::starttls_relay("{{host}}")?
    .port({{port}})
    .hello_name(name) // this machine's full name
    .credentials(Credentials::new(username, password))
    .build();
"""

_SENDER: Final = """\
let message = Message::builder()
    .from("sender@example.com".parse()?) // not the login
    .to("recipient@example.net".parse()?)
    .subject(subject)
    .body(text)?;
"""


def _mechanism(kind: str, secret: str = "password") -> str:
    return _MECHANISM.replace("KIND", kind).replace("SECRET", secret)


LIBRARY: Final = Library(
    name="lettre",
    title="lettre",
    mechanisms=("PLAIN", "LOGIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{node}",
    tls="implicit",
    source="src/transport/smtp/authentication.rs (DEFAULT_MECHANISMS), client/connection.rs; 0.11",
    fixes={
        "login": Fix("LOGIN must be in the list of mechanisms:", _mechanism("Login")),
        "plain": Fix("PLAIN must be in the list of mechanisms:", _mechanism("Plain")),
        "xoauth2": Fix(
            "Name XOAUTH2 and give the access token as the password:",
            _mechanism("Xoauth2", "access_token"),
        ),
        "starttls": Fix(
            "relay() is implicit TLS and builder_dangerous() is clear text; "
            "starttls_relay() is STARTTLS:",
            _STARTTLS,
        ),
        "implicit": Fix("relay() speaks TLS from the first byte:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            'let builder = SmtpTransport::starttls_relay("{{name}}")?;\n',
        ),
        "no_auth": Fix("Leave credentials() out."),
        "long_token": Fix(
            "lettre has no setting for it: let a relay send the token on a line of its own."
        ),
        "url": Fix("Encode both parts of the URL, or use credentials():", _URL),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            'let mailer = SmtpTransport::starttls_relay("{{host}}")?\n'
            "    .port({{port}})\n    .build();\n",
        ),
        "hello": Fix("lettre sends the machine's name. Give it a full one:", _HELLO),
        "sender": Fix("from() is an address, not the login:", _SENDER),
    },
    language="rust",
    tested="not run; compared with its source, 0.11",
    spared=reasons(
        "one_line",
        "two_lines",
        "no_authzid",
        "utf8",
        "line_ends",
        "short_lines",
        "ascii_headers",
        from_header="Message::builder() refuses a message without From.",
    ),
)
