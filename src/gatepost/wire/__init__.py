"""SMTP without sockets: RFC 5321 as pure functions of octets and state."""
