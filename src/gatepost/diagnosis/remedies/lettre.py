"""lettre (Rust): ``relay`` is implicit TLS, ``starttls_relay`` is STARTTLS; PLAIN, then LOGIN."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

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


def _mechanism(kind: str, secret: str = "password") -> str:
    return _MECHANISM.replace("KIND", kind).replace("SECRET", secret)


LIBRARY: Final = Library(
    name="lettre",
    title="lettre",
    aliases=("rust",),
    mechanisms=("PLAIN", "LOGIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{node}",
    tls="implicit",
    cures=MappingProxyType(
        {
            "login": Cure("LOGIN must be in the list of mechanisms:", _mechanism("Login")),
            "plain": Cure("PLAIN must be in the list of mechanisms:", _mechanism("Plain")),
            "xoauth2": Cure(
                "Name XOAUTH2 and give the access token as the password:",
                _mechanism("Xoauth2", "access_token"),
            ),
            "starttls": Cure(
                "relay() is implicit TLS and builder_dangerous() is clear text; "
                "starttls_relay() is STARTTLS:",
                _STARTTLS,
            ),
            "implicit": Cure("relay() speaks TLS from the first byte:", _IMPLICIT),
            "trust": Cure("Trust the authority that signed the certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                'let builder = SmtpTransport::starttls_relay("{{name}}")?;\n',
            ),
            "no_auth": Cure("Leave credentials() out."),
        }
    ),
)
