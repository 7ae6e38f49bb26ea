"""Causes on the way to the server, in TLS and in EHLO."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

# fmt: off
CAUSES: Final = (
    # the way to the server
    Cause("dns_failure", "resolve", 1,
          "The server's name does not resolve where the client runs.",
          "Check the spelling; if other names fail too, fix this machine's or container's "
          "resolver.",
          probe="resolve another name from the same machine or container"),
    Cause("host_setting_malformed", "resolve", 2,
          "The host setting contains more than a host name: a scheme, a port, a space or a comma.",
          "Set the bare host name, and the port in its own setting.",
          probe="print the configured host in quotes", topic="host"),
    Cause("credential_url_encoding", "resolve", 3,
          "The user name or password contains characters with a meaning in URLs.",
          "Percent-encode user name and password in the URL (@ %40, / %2F, # %23, + %2B, % %25; "
          "in YAML of Symfony double the %), or give them in separate settings.",
          probe="parse the URL and print host and port", topic="url"),
    Cause("port_blocked", "connect", 3,
          "Nothing answers: the port is closed, or blocked by the network.",
          "Clouds and access providers block outgoing port 25, some 465 and 587, too: use another "
          "submission port of the provider (587, 465, 2587, 2525), or have the port opened.",
          probe="connect to the same port of an unrelated mail host, and to another port here"),
    Cause("ipv6_unreachable", "connect", 1,
          "The client tries the server's IPv6 address, and there is no IPv6 here.",
          "Enable IPv6 in the client's network, or make the client prefer IPv4 (by its setting, "
          "by /etc/gai.conf, or by the server's IPv4 name).",
          probe="connect to each address of the name separately"),
    Cause("address_family_not_tried", "connect", 1,
          "The client tries only one address family, and the server answers on the other.",
          "Make the client use the other family, or make the server listen on both.",
          probe="connect to each address of the name separately"),
    Cause("connection_redirected_by_network", "connect", 4,
          "The connection reaches another server: the network or hosting provider redirects "
          "outgoing mail.",
          "Have the hosting provider's SMTP restriction lifted (cPanel/WHM: SMTP Restrictions; "
          "GoDaddy: use their relay), or use a port that is not redirected.",
          probe="compare greeting and certificate with those seen from another network"),
    Cause("smtp_inspection_middlebox", "greeting", 1,
          "A firewall's SMTP inspection rewrites the dialogue: STARTTLS and AUTH are masked.",
          "Switch SMTP inspection off there (Cisco: no inspect esmtp / no fixup smtp), or use "
          "port 465. A very old server may not know EHLO, either: update it.",
          probe="run the same on port 465 or from another network"),
    Cause("mesh_server_first_hang", "greeting", 2,
          "A proxy waits for the client to speak first, and holds the greeting back.",
          "Configure the service mesh for a server-first protocol on this port: name it tcp-*, "
          "mark it opaque, or exclude it from the proxy.",
          probe="wait 3 s, send EHLO: greeting and reply come together"),
    Cause("backend_down_behind_proxy", "greeting", 1,
          "The connection is accepted and closed without a greeting: what listens is not the mail "
          "server.",
          "Look at the mail server behind the balancer, port forwarding or bridge; a server that "
          "refuses this address may do the same.",
          probe="repeat, and connect to the mail server's own port"),
    Cause("address_blocklisted", "greeting", 1,
          "The server accepts nothing from this address: it is on a block list, or a rule of the "
          "server blocks it.",
          "Sign in (many servers check block lists only for clients that have not), send through "
          "the provider's own relay, or have the address removed from the list that the reply "
          "names. On a server of your own, check its rules for clients (Postfix: "
          "smtpd_client_restrictions), and give the address a name in reverse DNS.",
          probe="look the address up in the list that the reply names, and try from another "
                "network", seen_in="reply"),
    Cause("provider_endpoint_changed", "connect", 1,
          "The provider has moved: this host or port is no longer in service.",
          "Use the host and port that the provider names today.",
          probe="connect to the provider's current host"),
    Cause("wrong_submission_host", "mail", 1,
          "This host belongs to another product of the provider than the account.",
          "Use the host of the account's product: smtp.gmail.com for a mailbox; "
          "smtp-relay.gmail.com only for a Workspace domain that has the relay set up.",
          probe="compare the account's domain with what the host serves, and try the other host",
          seen_in="reply"),
    Cause("auth_not_offered_on_port", "ehlo", 2,
          "This host and port accept mail for delivery, and offer no login.",
          "Use the provider's submission host and port (587 or 465).",
          probe="EHLO on 587 and 465 of the provider's submission host"),

    # TLS
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
          relay_fix="Use the server's port for implicit TLS (465) with tls = 'implicit' at the "
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

    # EHLO
    Cause("helo_rejected", "ehlo", 8,
          "The server refuses the client's name in EHLO.",
          "Set the client's name in EHLO to its own full host name, or to its address in brackets.",
          probe="EHLO with a name that resolves to the client's address",
          topic="hello", seen_in="reply"),
    Cause("auth_not_advertised", "ehlo", 1,
          "The server does not offer AUTH: clients cannot sign in here.",
          "Use the provider's submission port (587 or 465; 25 is for mail exchange), switch AUTH "
          "on in your own server, or send without signing in if it trusts your address.",
          probe="EHLO before and after TLS; MAIL and RCPT without AUTH",
          relay_fix="Use the submission port (587 or 465), switch AUTH on in your own server, or "
                    "remove the credential from the target if the server trusts this relay's "
                    "address.", topic="no_auth"),
    Cause("client_skipped_ehlo", "ehlo", 1,
          "The client greets with HELO or not at all, so it sees no AUTH.",
          "Make the client greet with EHLO (mailsend -ehlo, smtp-cli --force-ehlo).",
          probe="EHLO lists AUTH where HELO does not"),
    Cause("client_ehlo_parse_bug", "ehlo", 1,
          "The server lists the mechanism, but the client does not recognise it.",
          "Update the client, or make the server list AUTH on another line.",
          probe="check in which line of the EHLO reply AUTH is"),
    Cause("client_no_ehlo_after_starttls", "ehlo", 1,
          "The client does not send EHLO again after STARTTLS (RFC 3207 4.2).",
          "Make the client send EHLO after the TLS handshake, before AUTH.",
          probe="EHLO after TLS, then AUTH"),
    Cause("client_speaks_http", "ehlo", 1,
          "The client speaks HTTP to a mail port.",
          "Point the HTTP client (a health check, a webhook, a browser) to an HTTP port; a check "
          "of the mail port should wait for 220 and send QUIT.",
          probe="which program connects from that address"),
    Cause("other_protocol", "greeting", 3,
          "This port does not speak SMTP.",
          "Use the server's port for submission: 587 (STARTTLS) or 465 (implicit TLS). IMAP (143, "
          "993) and POP3 (110, 995) fetch mail, they do not send it.",
          probe="ask the ports 587 and 465 of the same host"),
    Cause("client_left_after_greeting", "greeting", 1,
          "The client disconnects after the greeting, without EHLO.",
          "If this is a health check or a port scan, nothing is wrong. Otherwise the client "
          "rejected the greeting, or it came too late: increase the client's timeout, and check "
          "its log.",
          probe="what the client logs at the same moment"),
    Cause("pipelining_not_offered", "ehlo", 1,
          "The client sends commands before the replies, and the server does not offer PIPELINING.",
          "Make the client wait for each reply (RFC 5321 4.3.1), or switch its pipelining off if "
          "EHLO does not list PIPELINING (RFC 2920).",
          probe="the same commands, each after the reply to the one before"),
    Cause("client_reply_desync", "ehlo", 1,
          "The client sends before the reply is complete: it assigns replies to the wrong "
          "commands.",
          "Update the client: a reply ends at the line with a space after its code (RFC 5321 "
          "4.2.1).",
          probe="the order of lines in the client's log"),
)
# fmt: on
