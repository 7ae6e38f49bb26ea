"""SMTP without sockets: what RFC 5321 says, as a pure function of bytes and state."""
