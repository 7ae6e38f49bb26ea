"""nodemailer (Node.js): ``secure`` means implicit TLS; falls back to PLAIN unlisted."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_LOGIN: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  secure: false, // true is implicit TLS
  requireTLS: true, // STARTTLS or nothing
  authMethod: "LOGIN",
  auth: { user: username, pass: password },
});
"""

_STARTTLS: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  secure: false, // true is implicit TLS
  requireTLS: true, // STARTTLS or nothing
  auth: { user: username, pass: password },
});
"""

_IMPLICIT: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  secure: true, // TLS from the first byte
  auth: { user: username, pass: password },
});
"""

_XOAUTH2: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  secure: false,
  requireTLS: true,
  auth: { type: "OAuth2", user: username, accessToken: token },
});
"""

_TRUST: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  tls: { ca: fs.readFileSync("ca.pem") }, // the authority that signed it
});
"""

LIBRARY: Final = Library(
    name="nodemailer",
    title="nodemailer",
    aliases=("node", "nodejs", "javascript"),
    mechanisms=("PLAIN", "LOGIN", "CRAM-MD5"),
    settable=("XOAUTH2",),
    chooses="listed",
    last_resort="PLAIN",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{fqdn}",
    tls="auto",
    cures=MappingProxyType(
        {
            "login": Cure(
                "nodemailer takes LOGIN by itself where EHLO lists it, unless authMethod says "
                "otherwise; to insist:",
                _LOGIN,
            ),
            "plain": Cure(
                "nodemailer takes PLAIN by itself where EHLO lists it; drop authMethod:",
                _STARTTLS,
            ),
            "xoauth2": Cure("Sign in with an access token:", _XOAUTH2),
            "starttls": Cure("secure means implicit TLS; for STARTTLS it is false:", _STARTTLS),
            "implicit": Cure("secure means implicit TLS, which this port wants:", _IMPLICIT),
            "trust": Cure("Trust the authority that signed the certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for, or verify that name:",
                'host: "{{name}}", // or: tls: { servername: "{{name}}" }\n',
            ),
            "no_auth": Cure("Leave auth out altogether; empty strings in it still send AUTH."),
        }
    ),
)
