"""Security holes of a server, which an audit finds."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

# fmt: off
CAUSES: Final = (
    Cause("auth_in_clear", "auth", 1,
          "The server accepts passwords before TLS: anybody on the network can read them.",
          "Offer and accept AUTH only under TLS (Postfix: smtpd_tls_auth_only = yes; Exim: "
          "server_advertise_condition = ${if def:tls_in_cipher}; OpenSMTPD: tls-require)."),
    Cause("mail_in_clear", "mail", 1,
          "The server accepts mail before TLS: anybody on the network can read it.",
          "Require TLS on the submission port (RFC 8314 3; Postfix: smtpd_tls_security_level = "
          "encrypt), or use implicit TLS."),
    Cause("starttls_injection", "starttls", 1,
          "Commands that were sent in clear after STARTTLS are executed under TLS.",
          "Update the server: it must forget all that it read before TLS (RFC 3207 4.2; the class "
          "of CVE-2011-0411)."),
    Cause("open_relay", "rcpt", 1,
          "The server relays mail between strangers without a login (open relay).",
          "Relay only for clients that have signed in, or for networks that you name (Postfix: "
          "smtpd_relay_restrictions, mynetworks). Spammers find open relays within hours.",
          probe="the same from another network: this machine may be one that the server trusts"),
    Cause("smtp_smuggling", "data", 1,
          "The server accepts something other than CRLF . CRLF as the end of a message: messages "
          "can be smuggled in.",
          "Update the server, and make it refuse bare line ends (Postfix: "
          "smtpd_forbid_bare_newline = normalize; the class of CVE-2023-51764)."),
    Cause("weak_tls", "tls", 1,
          "The server's TLS is weaker than what is considered safe today.",
          "Accept only TLS 1.2 and later (RFC 8996), with an ECDSA key, or RSA of 2048 bits or "
          "more, signed with SHA-256."),
)
# fmt: on
