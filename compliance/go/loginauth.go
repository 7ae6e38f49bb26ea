package main

import (
	"fmt"
	"net/smtp"
)

// The LOGIN authenticator that Go users write when net/smtp's own PLAIN is refused, kept as it is
// found in the field: it knows the prompts by their exact text, and stops at any other.

type loginAuth struct {
	username string
	password string
}

// LoginAuth implements smtp.Auth interface
func LoginAuth(username, password string) smtp.Auth {
	return &loginAuth{username, password}
}

func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	return "LOGIN", []byte{}, nil
}

func (a *loginAuth) Next(fromServer []byte, more bool) ([]byte, error) {
	if more {
		switch string(fromServer) {
		case "Username:":
			return []byte(a.username), nil
		case "Password:":
			return []byte(a.password), nil
		default:
			return nil, fmt.Errorf("unknown fromServer: %s", string(fromServer))
		}
	}
	return nil, nil
}
