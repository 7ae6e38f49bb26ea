"""nodemailer (Node.js): ``secure`` means implicit TLS; falls back to PLAIN unlisted."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

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

_ONLY_PLAIN: Final = _LOGIN.replace("LOGIN", "PLAIN")

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

_NO_AUTH: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  requireTLS: true, // and no auth
});
"""

_LONG_TOKEN: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  secure: false,
  requireTLS: true,
  auth: { type: "custom", method: "XOAUTH2", user: username, pass: token },
  customAuth: {
    async XOAUTH2({ auth, sendCommand }) {
      const { user, pass } = auth.credentials;
      const text = `user=${user}\\x01auth=Bearer ${pass}\\x01\\x01`;
      await sendCommand("AUTH XOAUTH2"); // the token is not on this line
      const reply = await sendCommand(Buffer.from(text).toString("base64"));
      if (reply.status !== 235) throw new Error(reply.text);
    },
  },
});
"""

_URL: Final = """\
const login = [username, password].map(encodeURIComponent).join(":");
const transport = nodemailer.createTransport(
  `smtp://${login}@{{host}}:{{port}}`,
);
"""

_CHECK: Final = """\
const username = process.env.SMTP_USERNAME;
const password = process.env.SMTP_PASSWORD;
if (!username || !password) {
  throw new Error("SMTP_USERNAME or SMTP_PASSWORD is not set");
}
"""

_HELLO: Final = """\
const transport = nodemailer.createTransport({
  host: "{{host}}",
  port: {{port}},
  secure: false,
  requireTLS: true,
  name: "client.example.com", // this machine's full name
  auth: { user: username, pass: password },
});
"""

_SENDER: Final = """\
await transport.sendMail({
  from: "sender@example.com", // an address that the account may use
  to: "recipient@example.net",
  subject,
  text,
});
"""

_SHORT_LINES: Final = """\
await transport.sendMail({
  from: "sender@example.com",
  to: "recipient@example.net",
  subject,
  text, // encoded where it must be; raw goes out as it is
});
"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "auth_command_too_long", "auth_not_advertised", "cert_untrusted", "client_tls_disabled",
    "credential_url_encoding", "credentials_missing", "envelope_sender_missing", "line_too_long",
    "mechanism_not_offered", "missing_from_header", "starttls_required", "tls_version_too_old",
}  # fmt: skip

LIBRARY: Final = Library(
    name="nodemailer",
    title="nodemailer",
    mechanisms=("PLAIN", "LOGIN", "CRAM-MD5"),
    settable=("XOAUTH2",),
    chooses="listed",
    last_resort="PLAIN",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{fqdn}",
    tls="auto",
    source="lib/smtp-connection/index.js, 7 and later",
    is_compared=True,
    fixes={
        "login": Fix(
            "nodemailer uses LOGIN by default if EHLO lists it, unless authMethod says "
            "otherwise; to require it:",
            _LOGIN,
        ),
        "plain": Fix(
            "nodemailer uses PLAIN by default if EHLO lists it; drop authMethod:", _STARTTLS
        ),
        "xoauth2": Fix("Sign in with an access token:", _XOAUTH2),
        "starttls": Fix("secure means implicit TLS; for STARTTLS it is false:", _STARTTLS),
        "implicit": Fix("secure means implicit TLS, which this port requires:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for, or verify that name:",
            'host: "{{name}}", // or: tls: { servername: "{{name}}" }\n',
        ),
        "no_auth": Fix("Leave auth out altogether:", _NO_AUTH),
        "only_plain": Fix("authMethod names the one to use:", _ONLY_PLAIN),
        "long_token": Fix(
            "Keep the token off the AUTH line, in a method of your own:", _LONG_TOKEN
        ),
        "url": Fix("Encode both parts of the URL, or give host and auth apart:", _URL),
        "check": Fix("Fail when the program starts; the key is pass, not password:", _CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            'host: "{{host}}",\nport: {{port}},\n',
        ),
        "hello": Fix("nodemailer sends [127.0.0.1] without a full name. Give one:", _HELLO),
        "addresses": Fix(
            "Give addresses as a list; names and brackets in it are taken apart:",
            'to: ["ann@example.net", "bob@example.net"],\n',
        ),
        "encoded_body": Fix("Give text or html instead of raw:", _SHORT_LINES),
        "sender": Fix("from is an address, not the login:", _SENDER),
        "from_header": Fix("Without from there is no From:", _SENDER),
        "tls_version": Fix("Leave minVersion and maxVersion of tls out:", _STARTTLS),
        "short_lines": Fix("Give text or html instead of raw:", _SHORT_LINES),
    },
    language="javascript",
    executed=_EXECUTED,
    tested="npm's",
    spared=reasons(
        "one_line",
        "two_lines",
        "no_authzid",
        "utf8",
        "line_ends",
        "ascii_headers",
        empty_password_sent="It refuses an empty password itself: `credentials_missing`.",
        account_name_used_as_sender="What is not an address becomes an empty one: "
        "`envelope_sender_missing`.",
    ),
)
