"""Go: net/smtp. PLAIN and CRAM-MD5 only, STARTTLS when offered, never implicit TLS."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

_LOGIN = """\
// LoginAuth speaks AUTH LOGIN, which net/smtp lacks
// (imports: "errors", "net/smtp").
func LoginAuth(username, password, host string) smtp.Auth {
	return &loginAuth{username: username, password: password, host: host}
}

type loginAuth struct {
	username, password, host string
	answered                 int
}

func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if server.Name != a.host {
		return "", nil, errors.New("wrong host name")
	}
	loopback := server.Name == "localhost" ||
		server.Name == "127.0.0.1" || server.Name == "::1"
	if !server.TLS && !loopback {
		return "", nil, errors.New("unencrypted connection")
	}
	a.answered = 0
	return "LOGIN", nil, nil
}

// Next ignores the prompts' text: it differs from server to server,
// their order does not.
func (a *loginAuth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	a.answered++
	switch a.answered {
	case 1:
		return []byte(a.username), nil
	case 2:
		return []byte(a.password), nil
	}
	return nil, errors.New("unexpected prompt")
}

// In place of smtp.PlainAuth; host is the bare name, without the port.
func send(username, password, from string, to []string, msg []byte) error {
	auth := LoginAuth(username, password, "{{host}}")
	return smtp.SendMail("{{host}}:{{port}}", auth, from, to, msg)
}
"""

_PLAIN = """\
// The first argument, the identity, stays empty; host has no port.
func send(username, password, from string, to []string, msg []byte) error {
	auth := smtp.PlainAuth("", username, password, "{{host}}")
	return smtp.SendMail("{{host}}:{{port}}", auth, from, to, msg)
}
"""

_XOAUTH2 = """\
// XOAuth2 signs in with an access token (imports: "errors", "net/smtp").
func XOAuth2(username, token string) smtp.Auth {
	return &xoauth2{username, token}
}

type xoauth2 struct{ username, token string }

func (a *xoauth2) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, errors.New("unencrypted connection")
	}
	response := "user=" + a.username + "\\x01auth=Bearer " + a.token
	return "XOAUTH2", []byte(response + "\\x01\\x01"), nil
}

// Next answers the error document with an empty line; the refusal follows.
func (a *xoauth2) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return []byte{}, nil
	}
	return nil, nil
}
"""

_STARTTLS = """\
// dial upgrades with STARTTLS, or fails
// (imports: "crypto/tls", "net/smtp").
func dial() (*smtp.Client, error) {
	client, err := smtp.Dial("{{host}}:{{port}}")
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: "{{host}}"}
	if err := client.StartTLS(config); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil // then Auth, Mail, Rcpt, Data, Quit
}
"""

_IMPLICIT = """\
// dial speaks TLS from the first byte: smtp.SendMail cannot
// (imports: "crypto/tls", "net/smtp").
func dial() (*smtp.Client, error) {
	config := &tls.Config{ServerName: "{{host}}"}
	conn, err := tls.Dial("tcp", "{{host}}:{{port}}", config)
	if err != nil {
		return nil, err
	}
	client, err := smtp.NewClient(conn, "{{host}}")
	if err != nil {
		conn.Close()
		return nil, err
	}
	return client, nil // then Auth, Mail, Rcpt, Data, Quit; no StartTLS
}
"""

_TRUST = """\
// trusting adds a private authority to the system's; give the result to
// StartTLS or tls.Dial
// (imports: "crypto/tls", "crypto/x509", "errors", "os").
func trusting(caFile string) (*tls.Config, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + caFile)
	}
	config := &tls.Config{ServerName: "{{host}}", RootCAs: roots}
	return config, nil
}
"""

_LONG_TOKEN = """\
// XOAuth2 keeps the token off the AUTH line: some servers cut it
// (imports: "errors", "net/smtp").
func XOAuth2(username, token string) smtp.Auth {
	return &xoauth2{username: username, token: token}
}

type xoauth2 struct {
	username, token string
	answered        bool
}

func (a *xoauth2) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, errors.New("unencrypted connection")
	}
	a.answered = false
	return "XOAUTH2", nil, nil
}

// Next answers the prompt; a second one is an error document.
func (a *xoauth2) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	if a.answered {
		return []byte{}, nil
	}
	a.answered = true
	response := "user=" + a.username + "\\x01auth=Bearer " + a.token
	return []byte(response + "\\x01\\x01"), nil
}
"""

_HELLO = """\
// dial says a full name in EHLO: smtp.SendMail sends localhost
// (imports: "crypto/tls", "net/smtp").
func dial() (*smtp.Client, error) {
	client, err := smtp.Dial("{{host}}:{{port}}")
	if err != nil {
		return nil, err
	}
	// this machine's full name
	if err := client.Hello("client.example.com"); err != nil {
		client.Close()
		return nil, err
	}
	config := &tls.Config{ServerName: "{{host}}"}
	if err := client.StartTLS(config); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil // then Auth, Mail, Rcpt, Data, Quit
}
"""

_SENDER = """\
// The envelope's sender is an address that the account may use, not the
// login; the From of msg is the same.
func send(auth smtp.Auth, to []string, msg []byte) error {
	const from = "sender@example.com"
	return smtp.SendMail("{{host}}:{{port}}", auth, from, to, msg)
}
"""

_MESSAGE = """\
// message writes the header that net/smtp does not add
// (imports: "time").
func message(subject, text string) []byte {
	header := "From: sender@example.com\\r\\n" +
		"To: recipient@example.net\\r\\n" +
		"Date: " + time.Now().Format(time.RFC1123Z) + "\\r\\n" +
		"Subject: " + subject + "\\r\\n" +
		"\\r\\n"
	return []byte(header + text)
}
"""

_SHORT_LINES = """\
// message encodes the text, so that no line is too long
// (imports: "bytes", "mime/quotedprintable").
func message(text string) ([]byte, error) {
	var body bytes.Buffer
	body.WriteString("From: sender@example.com\\r\\n" +
		"To: recipient@example.net\\r\\n" +
		"MIME-Version: 1.0\\r\\n" +
		"Content-Type: text/plain; charset=utf-8\\r\\n" +
		"Content-Transfer-Encoding: quoted-printable\\r\\n" +
		"\\r\\n")
	encoder := quotedprintable.NewWriter(&body)
	if _, err := encoder.Write([]byte(text)); err != nil {
		return nil, err
	}
	err := encoder.Close()
	return body.Bytes(), err
}
"""

_ADDRESSES = """\
// bareAddresses takes names, brackets and commas apart
// (imports: "net/mail").
func bareAddresses(text string) ([]string, error) {
	var bare []string
	list, err := mail.ParseAddressList(text)
	for _, each := range list {
		bare = append(bare, each.Address)
	}
	return bare, err // one Rcpt for each
}
"""

_HEADERS = """\
// message encodes what is not ASCII in the subject
// (imports: "mime").
func message(subject, text string) []byte {
	return []byte("From: sender@example.com\\r\\n" +
		"To: recipient@example.net\\r\\n" +
		"Subject: " + mime.QEncoding.Encode("utf-8", subject) + "\\r\\n" +
		"MIME-Version: 1.0\\r\\n" +
		"Content-Type: text/plain; charset=utf-8\\r\\n" +
		"Content-Transfer-Encoding: 8bit\\r\\n" +
		"\\r\\n" + text)
}
"""

_URL = """\
// smtpURL encodes both parts; url.Parse and User.Password decode them
// (imports: "net/url").
func smtpURL(username, password string) string {
	u := url.URL{
		Scheme: "smtp",
		User:   url.UserPassword(username, password),
		Host:   "{{host}}:{{port}}",
	}
	return u.String()
}
"""

_CHECK = """\
// credentials fails when the program starts, not when it sends
// (imports: "errors", "os").
func credentials() (username, password string, err error) {
	username = os.Getenv("SMTP_USERNAME")
	password = os.Getenv("SMTP_PASSWORD")
	if username == "" || password == "" {
		err = errors.New("SMTP_USERNAME or SMTP_PASSWORD is not set")
	}
	return username, password, err
}
"""

_HOST = """\
// PlainAuth and tls.Config want the bare host, SendMail wants the port, too
// (imports: "net", "net/smtp").
func send(username, password, from string, to []string, msg []byte) error {
	address := net.JoinHostPort("{{host}}", "{{port}}")
	auth := smtp.PlainAuth("", username, password, "{{host}}")
	return smtp.SendMail(address, auth, from, to, msg)
}
"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_before_tls_refused_by_client", "auth_command_too_long",
    "auth_not_advertised", "authzid_not_permitted", "cert_untrusted", "client_host_mismatch",
    "client_tls_disabled", "credential_url_encoding", "empty_password_sent",
    "envelope_sender_missing", "line_too_long", "login_initial_response_rejected",
    "mechanism_not_offered", "missing_from_header", "raw_utf8_headers", "starttls_required",
    "tls_version_too_old",
}  # fmt: skip

LIBRARY: Final = Library(
    name="go-net-smtp",
    title="Go net/smtp",
    mechanisms=("PLAIN", "CRAM-MD5"),
    settable=("LOGIN", "XOAUTH2", "OAUTHBEARER"),
    chooses="first",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="localhost",
    tls="auto",
    source="net/smtp/smtp.go and auth.go of Go 1.24",
    keeps_passwords=True,
    wants_san=True,
    is_compared=True,
    fixes={
        "login": Fix(
            "net/smtp has PLAIN and CRAM-MD5 only. Add LOGIN as an smtp.Auth and use it in "
            "place of smtp.PlainAuth:",
            _LOGIN,
        ),
        "plain": Fix("Use smtp.PlainAuth:", _PLAIN),
        "xoauth2": Fix(
            "net/smtp has no XOAUTH2. Add it as an smtp.Auth, with an access token:", _XOAUTH2
        ),
        "starttls": Fix(
            "smtp.SendMail upgrades by itself where STARTTLS is offered; code that dials "
            "itself must ask for it before Auth:",
            _STARTTLS,
        ),
        "implicit": Fix(
            "smtp.SendMail and smtp.Dial wait for a greeting in clear. Dial with crypto/tls:",
            _IMPLICIT,
        ),
        "trust": Fix("Trust the authority that signed the server's certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for; smtp.SendMail verifies "
            "the name it connects to:",
            'err := smtp.SendMail("{{name}}:{{port}}", auth, from, to, msg)\n',
        ),
        "no_auth": Fix(
            "Pass nil instead of the smtp.Auth: SendMail then sends no AUTH:",
            'err := smtp.SendMail("{{host}}:{{port}}", nil, from, to, msg)\n',
        ),
        "two_lines": Fix(
            "Start must return no first response: nil instead of the user name:", _LOGIN
        ),
        "long_token": Fix(
            "Start must return no first response; the token follows the prompt:", _LONG_TOKEN
        ),
        "no_authzid": Fix("PlainAuth's first argument stays empty:", _PLAIN),
        "url": Fix("net/smtp does not accept URLs; if one of your settings is a URL:", _URL),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix(
            "PlainAuth compares its last argument with the bare host name: no port in it:", _HOST
        ),
        "hello": Fix("smtp.SendMail sends localhost. Dial, and call Hello first:", _HELLO),
        "addresses": Fix(
            "net/smtp passes Mail and Rcpt on as they are, in brackets of its own:", _ADDRESSES
        ),
        "encoded_body": Fix("net/smtp sends the text as it is. Encode it:", _SHORT_LINES),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
        "from_header": Fix("net/smtp sends msg as it is. Complete it:", _MESSAGE),
        "tls_version": Fix("Leave MinVersion and MaxVersion of tls.Config out:", _STARTTLS),
        "short_lines": Fix("Encode the text with mime/quotedprintable:", _SHORT_LINES),
        "ascii_headers": Fix("Encode the subject with package mime:", _HEADERS),
    },
    language="go",
    executed=_EXECUTED,
    tested="Go's own, Debian's golang-go",
    spared=reasons(
        "one_line",
        "utf8",
        "line_ends",
        credentials_missing="An empty string is sent as it is: `empty_password_sent`.",
    ),
)
