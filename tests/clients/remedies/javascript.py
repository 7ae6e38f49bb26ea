"""Faults with nodemailer."""

from typing import Final

from tests.clients.remedies.proof import Case


def _transport(*options: str) -> str:
    usual = ('host: "{host}"', "port: {port}", *options)
    return f"const transport = nodemailer.createTransport({{ {', '.join(usual)} }});\n"


_AUTH: Final = "auth: { user: username, pass: password }"
_STARTTLS: Final = ("secure: false", "requireTLS: true", _AUTH)
_SHOWN: Final = ("logger: true", "debug: true")
_MESSAGE: Final = "{ from: sender, to: recipient, subject, text }"
_SEND: Final = f"await transport.sendMail({_MESSAGE});\n"
_FIX: Final = "{fix}" + _SEND

NODEMAILER: Final = (
    Case("mechanism_not_offered", "acs", _transport(*_STARTTLS, 'authMethod: "PLAIN"') + _SEND,
         _FIX),
    Case("starttls_required", "acs", _transport("ignoreTLS: true", _AUTH) + _SEND, _FIX),
    Case("implicit_tls_on_starttls_port", "acs", _transport("secure: true", _AUTH) + _SEND, _FIX),
    Case("starttls_on_implicit_tls_port", "acs",
         _transport(*_STARTTLS, "greetingTimeout: 500") + _SEND, _FIX,
         door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _transport(*_STARTTLS) + _SEND,
         "const account = { auth: { user: username, pass: password } };\n"
         "const real = nodemailer;\nnodemailer = { createTransport: (options) =>\n"
         "  real.createTransport({ ...account, ...options }) };\n" + _FIX, trusting=False),
    Case("cert_hostname_mismatch", "acs", _transport(*_STARTTLS) + _SEND,
         "const transport = nodemailer.createTransport({\n{fix}  port: {port}, requireTLS: true,\n"
         f"  {_AUTH},\n}});\n{_SEND}"),
    Case("auth_not_performed", "acs", _transport("requireTLS: true") + _SEND, _FIX),
    Case("auth_command_too_long", "token",
         _transport("requireTLS: true",
                    'auth: { type: "OAuth2", user: username, accessToken: token }') + _SEND, _FIX),
    Case("credential_url_encoding", "words",
         "const transport = nodemailer.createTransport(\n"
         "  `smtp://${username}:${password}@{host}:{port}`);\n" + _SEND, _FIX),
    Case("mechanism_advertised_but_broken", "broken",
         _transport(*_STARTTLS, 'authMethod: "CRAM-MD5"') + _SEND, _FIX, told_by="logins"),
    Case("helo_rejected", "names", _transport(*_STARTTLS, 'name: "localhost"') + _SEND, _FIX),
    Case("client_tls_disabled", "acs",
         _transport(*_STARTTLS, "tls: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }") + _SEND,
         _FIX),
    Case("tls_version_too_old", "acs",
         _transport(*_STARTTLS, "tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1' }") + _SEND,
         _FIX),
    Case("auth_not_advertised", "nobody",
         _transport(*_STARTTLS, "forceAuth: true", *_SHOWN) + _SEND, _FIX),
    Case("credentials_missing", "acs",
         _transport("requireTLS: true", "auth: { user: username, password }") + _SEND,
         "{\n{fix}" + _transport(*_STARTTLS) + _SEND + "}\n", told_by="record"),
    Case("host_setting_malformed", "acs",
         _transport(*_STARTTLS).replace("{host}", "http://{host}") + _SEND,
         "const transport = nodemailer.createTransport({\n{fix}  requireTLS: true,\n"
         f"  {_AUTH},\n}});\n{_SEND}"),
    Case("missing_from_header", "plain",
         _transport(*_STARTTLS) + "await transport.sendMail({ to: recipient, subject, text,\n"
         "  envelope: { from: sender, to: recipient } });\n",
         _transport(*_STARTTLS) + "{fix}"),
    Case("line_too_long", "plain",
         _transport(*_STARTTLS) + "await transport.sendMail({\n"
         "  envelope: { from: sender, to: recipient }, raw: raw + 'word '.repeat(400) });\n",
         _transport(*_STARTTLS) + "text = 'word '.repeat(400);\n{fix}"),
    # what is not an address becomes an empty one
    Case("envelope_sender_missing", "acs",
         _transport(*_STARTTLS, *_SHOWN)
         + _SEND.replace("from: sender", "from: username"),
         _transport(*_STARTTLS) + "{fix}"),
    Case("sender_domain_not_linked", "acs",
         _transport(*_STARTTLS) + _SEND.replace("from: sender", 'from: "me@elsewhere.example"'),
         _transport(*_STARTTLS) + "{fix}"),
)  # fmt: skip
