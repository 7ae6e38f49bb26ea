"""Causes in TLS: STARTTLS, versions and certificates."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

# fmt: off
CAUSES: Final = (
    Cause("implicit_tls_on_starttls_port", "tls", 7,
          "The client speaks TLS from the first byte, but this port begins in clear.",
          "Set the client to STARTTLS on this port (libraries then no longer report 'wrong version "
          "number'), or use the provider's port for implicit TLS, usually 465.",
          probe="read the port for 2 s without sending: a 220 proves it",
          relay_fix='Set tls = "required" at the target, or use the port for implicit TLS, '
                    "usually 465.", topic="starttls"),
    Cause("starttls_on_implicit_tls_port", "greeting", 6,
          "The client waits for a greeting in clear, but this port speaks TLS from the first byte.",
          "Set the client to implicit TLS (often called SSL) on this port, or use the provider's "
          "STARTTLS port, usually 587.",
          probe="gatepost doctor HOST:PORT: does TLS answer first?",
          relay_fix='Set tls = "implicit" at the target, or use the port for STARTTLS, usually '
                    "587.", topic="implicit"),
    Cause("starttls_required", "ehlo", 8,
          "The server requires TLS first, and the client stays in clear.",
          "Switch STARTTLS on in the client (not implicit TLS: this port begins in clear), and "
          "make it fail rather than continue without TLS.",
          probe="gatepost doctor HOST:PORT: compare EHLO before and after STARTTLS",
          relay_fix='Set tls = "required" at the target.', topic="starttls", seen_in="reply"),
    Cause("unwanted_starttls", "starttls", 2,
          "The client starts TLS although it should not: it uses STARTTLS whenever it is offered.",
          "Configure the client not to use STARTTLS with this relay, or fix the relay's "
          "certificate and TLS.",
          probe="check the client's log for STARTTLS"),
    Cause("starttls_not_offered", "starttls", 1,
          "The client is set to STARTTLS, and the server does not offer it.",
          "Give the server a certificate and switch STARTTLS on, or use its port for implicit TLS "
          "(465). A firewall that rewrites SMTP may have removed the line, too.",
          probe="EHLO in clear: does it list STARTTLS?",
          relay_fix='Use the server\'s port for implicit TLS (465) with tls = "implicit" at the '
                    "target, or switch STARTTLS on in your own server."),
    Cause("server_tls_misconfigured", "starttls", 1,
          "The server offers STARTTLS, but cannot do it.",
          "The server's certificate or key is missing or unreadable: its log says which. Trying "
          "again does not help.",
          probe="the server's other ports", seen_in="reply"),
    Cause("tls_version_too_old", "tls", 1,
          "Client and server have no TLS version in common.",
          "Update the older side: TLS 1.2 is the minimum today (RFC 8996).",
          probe="offer TLS 1.2 and 1.3 separately", topic="tls_version", seen_in="reply"),
    Cause("client_tls_disabled", "tls", 1,
          "The client's own TLS has no version or library to use.",
          "Make the client's TLS library use TLS 1.2 or later: update it, enable its extension "
          "(PHP: openssl), set its protocols (Java: mail.smtp.ssl.protocols).",
          probe="gatepost doctor HOST:PORT from the same machine: TLS works there",
          topic="tls_version"),
    Cause("client_certificate_required", "tls", 1,
          "The server requires a client certificate, and got none that it accepts.",
          "Give the client a certificate of an authority that the server trusts, with its key; use "
          "the port where the server asks for a password instead; or configure it not to ask for a "
          "certificate (Postfix: smtpd_tls_req_ccert = no; Exim: tls_verify_hosts empty).",
          probe="the same with the client's certificate, or on the server's submission port",
          seen_in="reply"),
    Cause("cert_expired", "tls", 3,
          "The server's certificate has expired, or is not valid yet.",
          "Renew the server's certificate and reload the server; if it was renewed, check the "
          "client's clock.",
          probe="gatepost doctor HOST:PORT: the certificate's dates and the clock"),
    Cause("cert_hostname_mismatch", "tls", 2,
          "The server's certificate is for another name.",
          "Connect by a name in the certificate, or have it reissued for this one. A "
          "name that belongs to somebody else means that the network leads you elsewhere.",
          probe="gatepost doctor HOST:PORT: the names in the certificate",
          relay_fix="Name the server as its certificate does, or have the certificate reissued.",
          topic="name"),
    Cause("cert_chain_incomplete", "tls", 3,
          "The server sends its certificate without the intermediate certificate that signed it.",
          "Install the full chain on the server (the file often named fullchain.pem).",
          probe="count the certificates that the server sends"),
    Cause("cert_untrusted", "tls", 1,
          "The server's certificate is not signed by an authority that the client trusts.",
          "Give the client the authority's certificate (the doctor takes it with --ca-file), or "
          "give the server a certificate of a public authority. Switching verification off gives "
          "the password to whoever stands in between.",
          probe="gatepost doctor HOST:PORT: who signed the certificate",
          relay_fix="Set ca_file to the certificate of the server's authority (of a smarthost at "
                    "its target, otherwise at the top of the configuration), or give the server a "
                    "certificate of a public authority.", topic="trust"),
    Cause("client_ca_store_missing", "tls", 1,
          "The client has no trusted authorities at all.",
          "Install the authorities where the client runs (ca-certificates in a container), or "
          "point it to them.",
          probe="connect to any other public TLS host from the same place"),
    Cause("tls_intercepted", "tls", 4,
          "A product in between (antivirus, proxy, firewall) answers with its own certificate.",
          "Exempt the mail ports from its inspection, or trust its authority.",
          probe="compare the certificate's issuer with the one seen from another network"),
    Cause("client_accepts_invalid_cert", "tls", 1,
          "The client does not verify the server's certificate.",
          "Switch verification on: a client that accepts any certificate gives the password away.",
          probe="have the client connect to a server with a wrong certificate",
          relay_fix='Set tls = "required" at the target.'),
    Cause("revocation_check_failed", "tls", 1,
          "The client could not check whether the server's certificate is revoked.",
          "Let the client reach the authority's OCSP or CRL address over HTTP (a proxy or firewall "
          "is often in the way), or switch the check off for this connection.",
          probe="fetch the CRL and OCSP addresses in the certificate from the same machine"),
)
# fmt: on
