"""Causes on the way to the server: its name, host, port and greeting."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

# fmt: off
CAUSES: Final = (
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
          probe="connect to the same port of an unrelated mail host, and to another port of this "
                "one"),
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
    Cause("client_not_configured", "resolve", 1,
          "The application's mail is not set up: it is off, or a setting is missing or unknown.",
          "Switch its SMTP on, and set host, port, encryption and login by the names that its "
          "documentation gives; where it hands mail to a local sendmail, install one.",
          probe="print the mail settings that the running application has read"),
    Cause("connection_dropped", "connect", 1,
          "The connection ended in the middle of the session, and nothing says why.",
          "The server's log has the reason. If it happens after a pause, a time limit on the way "
          "is shorter than the client's; if at the same point each time, something there disturbs "
          "the server or a firewall.",
          probe="the same session by hand, with the server's log beside it"),
    Cause("provider_retired", "connect", 1,
          "The provider has ended this service, or will on a date that is known.",
          "Move to another provider, or put a relay between: applications keep user name and "
          "password, and the relay signs in elsewhere.",
          probe="the provider's announcement",
          relay_fix="Add a target at another provider, and let the route deliver to it."),
)
# fmt: on
