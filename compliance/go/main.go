// Sends one message from standard input with net/smtp alone, through STARTTLS and AUTH, as a Go
// program would. The password is read from the environment: SMTP_PASSWORD.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
)

type order struct {
	server, caFile, username, from, to, auth string
}

func main() {
	var o order
	flag.StringVar(&o.server, "server", "localhost:2587", "HOST:PORT of the relay")
	flag.StringVar(&o.caFile, "ca-file", "", "certificates to trust")
	flag.StringVar(&o.username, "username", "", "user name")
	flag.StringVar(&o.from, "from", "", "sender")
	flag.StringVar(&o.to, "to", "", "recipient")
	flag.StringVar(&o.auth, "auth", "plain", "plain or login")
	flag.Parse()
	if err := send(o, os.Getenv("SMTP_PASSWORD"), os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (o order) authenticator(host, password string) (smtp.Auth, error) {
	switch o.auth {
	case "plain":
		return smtp.PlainAuth("", o.username, password, host), nil
	case "login":
		return LoginAuth(o.username, password), nil
	}
	return nil, fmt.Errorf("unknown -auth %s", o.auth)
}

func send(o order, password string, message io.Reader) error {
	host, _, err := net.SplitHostPort(o.server)
	if err != nil {
		return err
	}
	auth, err := o.authenticator(host, password)
	if err != nil {
		return err
	}
	certificates, err := os.ReadFile(o.caFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificates)

	client, err := smtp.Dial(o.server)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.StartTLS(&tls.Config{ServerName: host, RootCAs: roots}); err != nil {
		return fmt.Errorf("STARTTLS: %w", err)
	}
	if err := client.Auth(auth); err != nil {
		return fmt.Errorf("AUTH: %w", err)
	}
	if err := client.Mail(o.from); err != nil {
		return fmt.Errorf("MAIL: %w", err)
	}
	if err := client.Rcpt(o.to); err != nil {
		return fmt.Errorf("RCPT: %w", err)
	}
	body, err := client.Data()
	if err != nil {
		return fmt.Errorf("DATA: %w", err)
	}
	if _, err := io.Copy(body, message); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return fmt.Errorf("end of data: %w", err)
	}
	return client.Quit()
}
