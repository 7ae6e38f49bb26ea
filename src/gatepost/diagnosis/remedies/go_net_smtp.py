"""Go: net/smtp. PLAIN and CRAM-MD5 only, STARTTLS when offered, never implicit TLS."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

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

LIBRARY: Final = Library(
    name="go-net-smtp",
    title="Go net/smtp",
    aliases=("go", "golang", "net/smtp", "gomail", "jordan-wright-email"),
    mechanisms=("PLAIN", "CRAM-MD5"),
    settable=("LOGIN", "XOAUTH2", "OAUTHBEARER"),
    chooses="first",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="localhost",
    tls="auto",
    cures=MappingProxyType(
        {
            "login": Cure(
                "net/smtp has PLAIN and CRAM-MD5 only. Add LOGIN as an smtp.Auth and use it in "
                "place of smtp.PlainAuth:",
                _LOGIN,
            ),
            "plain": Cure("Use smtp.PlainAuth:", _PLAIN),
            "xoauth2": Cure(
                "net/smtp has no XOAUTH2. Add it as an smtp.Auth and give it an access token:",
                _XOAUTH2,
            ),
            "starttls": Cure(
                "smtp.SendMail upgrades by itself where STARTTLS is offered; code that dials "
                "itself must ask for it before Auth:",
                _STARTTLS,
            ),
            "implicit": Cure(
                "smtp.SendMail and smtp.Dial wait for a greeting in clear. Dial with crypto/tls:",
                _IMPLICIT,
            ),
            "trust": Cure("Trust the authority that signed the server's certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for; smtp.SendMail verifies "
                "the name it connects to:",
                'err := smtp.SendMail("{{name}}:{{port}}", auth, from, to, msg)\n',
            ),
            "no_auth": Cure(
                "Pass nil in place of the smtp.Auth: SendMail then sends no AUTH:",
                'err := smtp.SendMail("{{host}}:{{port}}", nil, from, to, msg)\n',
            ),
        }
    ),
)
