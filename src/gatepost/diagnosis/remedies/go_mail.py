"""go-mail (github.com/wneessen/go-mail): STARTTLS or nothing; discovers mechanisms if told to."""

from typing import Final

from gatepost.diagnosis.remedies.library import Fix, Library, reasons

_CLIENT: Final = """\
client, err := mail.NewClient("{{host}}",
	mail.WithPort({{port}}),
	mail.OPTION,
	mail.WithSMTPAuth(mail.SMTPAuthKIND),
	mail.WithUsername(username),
	mail.WithPassword(SECRET),
)
"""


def _client(
    kind: str = "AutoDiscover",
    option: str = "WithTLSPolicy(mail.TLSMandatory)",
    secret: str = "password",
) -> str:
    code = _CLIENT.replace("OPTION", option).replace("KIND", kind)
    return code.replace("SECRET", secret)


_TRUST: Final = """\
pem, err := os.ReadFile("ca.pem") // the authority that signed it
if err != nil {
	return err
}
roots, err := x509.SystemCertPool()
if err != nil {
	return err
}
if !roots.AppendCertsFromPEM(pem) {
	return errors.New("no certificate in ca.pem")
}
config := &tls.Config{ServerName: "{{host}}", RootCAs: roots}
client, err := mail.NewClient("{{host}}",
	mail.WithPort({{port}}),
	mail.WithTLSConfig(config),
)
"""

_LONG_TOKEN: Final = """\
// XOAuth2 is an smtp.Auth of github.com/wneessen/go-mail/smtp whose Start
// returns no first response, and whose Next answers the prompt with it.
client, err := mail.NewClient("{{host}}",
	mail.WithPort({{port}}),
	mail.WithSMTPAuthCustom(XOAuth2(username, token)),
)
"""

_CHECK: Final = """\
username, password := os.Getenv("SMTP_USERNAME"), os.Getenv("SMTP_PASSWORD")
if username == "" || password == "" {
	log.Fatal("SMTP_USERNAME or SMTP_PASSWORD is not set")
}
"""

_SENDER: Final = """\
// an address that the account may use, not the login
if err := message.From("sender@example.com"); err != nil {
	return err
}
"""

LIBRARY: Final = Library(
    name="go-mail",
    title="go-mail",
    mechanisms=("SCRAM-SHA-256", "SCRAM-SHA-1", "NTLM", "CRAM-MD5", "PLAIN", "LOGIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{node}",
    tls="starttls",
    source="client.go and smtp/auth_*.go of wneessen/go-mail, 0.6",
    wants_san=True,
    fixes={
        "login": Fix(
            "SMTPAuthAutoDiscover uses LOGIN if nothing stronger is listed; to require it:",
            _client("Login"),
        ),
        "plain": Fix(
            "SMTPAuthAutoDiscover uses PLAIN if nothing stronger is listed; to require it:",
            _client("Plain"),
        ),
        "xoauth2": Fix(
            "Name XOAUTH2, and give the access token as the password:",
            _client("XOAUTH2", secret="token"),
        ),
        "starttls": Fix("TLSMandatory is STARTTLS or nothing; WithSSL is implicit TLS:", _client()),
        "implicit": Fix("WithSSL speaks TLS from the first byte:", _client(option="WithSSL()")),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            'client, err := mail.NewClient("{{name}}", mail.WithPort({{port}}))\n',
        ),
        "no_auth": Fix("Leave WithSMTPAuth, WithUsername and WithPassword out."),
        "long_token": Fix(
            "Keep the token off the AUTH line, with an smtp.Auth of your own:", _LONG_TOKEN
        ),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix(
            "NewClient expects only the host name; the port is an option:",
            'client, err := mail.NewClient("{{host}}", mail.WithPort({{port}}))\n',
        ),
        "hello": Fix(
            "go-mail sends the machine's name. Give it a full one, beside the other options:",
            'mail.WithHELO("client.example.com"),\n',
        ),
        "sender": Fix("From and EnvelopeFrom are an address, not the login:", _SENDER),
    },
    language="go",
    tested="not run; compared with its source, 0.8.1",
    spared=reasons(
        "one_line",
        "two_lines",
        "no_authzid",
        "url",
        "utf8",
        "line_ends",
        "short_lines",
        "ascii_headers",
        from_header="It refuses a message without From before it connects.",
    ),
)
