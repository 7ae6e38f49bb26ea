"""The causes that a text can show: position, summary, fix, and the check that would make it
certain.

The ids are those of the findings. Rules that use more than a text word their own finding; this
table has the words for findings from text alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gatepost.model.evidence import Position


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause in words. ``probe`` is the check that would make it certain."""

    id: str
    position: Position
    summary: str
    fix: str
    probe: str = ""


_AUTH_PROBE: Final = "gatepost doctor HOST:PORT --as LIBRARY: which mechanisms EHLO lists under TLS"
_SAME_PASSWORD: Final = (
    "gatepost doctor HOST:PORT --username NAME --password-file FILE with the password typed by hand"
)

_BEHIND: Final = (
    "gatepost doctor HOST:PORT --username NAME --password-file FILE: it asks the tenant's authority"
)

# fmt: off
_CAUSES: Final = (
    # the way to the server
    Cause("dns_failure", "resolve", "The server's name does not resolve where the client runs.",
          "Check the spelling; if other names fail too, fix this machine's or container's "
          "resolver.", "resolve another name from the same machine or container"),
    Cause("host_setting_malformed", "resolve",
          "The host setting contains more than a host name: a scheme, a port, a space or a comma.",
          "Set the bare host name, and the port in its own setting.",
          "print the configured host in quotes"),
    Cause("credential_url_encoding", "resolve",
          "The user name or password contains characters with a meaning in URLs.",
          "Percent-encode user name and password in the URL (@ %40, / %2F, # %23, + %2B, % %25; in "
          "YAML of Symfony double the %), or give them in separate settings.",
          "parse the URL and print host and port"),
    Cause("port_blocked", "connect", "Nothing answers: the port is closed, or blocked by the "
                                     "network.",
          "Clouds and access providers block outgoing port 25, some 465 and 587, too: use another "
          "submission port (587, 465, 2587, 2525), or have the port opened.",
          "connect to the same port of an unrelated mail host, and to another port of this one"),
    Cause("ipv6_unreachable", "connect",
          "The client tries the server's IPv6 address, and there is no IPv6 here.",
          "Enable IPv6 in the client's network, or make the client prefer IPv4 (by its setting, by "
          "/etc/gai.conf, or by the server's IPv4 name).",
          "connect to each address of the name separately"),
    Cause("address_family_not_tried", "connect",
          "The client tries only one address family, and the server answers on the other.",
          "Make the client use the other family, or make the server listen on both.",
          "connect to each address of the name separately"),
    Cause("connection_redirected_by_network", "connect",
          "The connection reaches another server: the network or hosting provider redirects "
          "outgoing mail.",
          "Have the hosting provider's SMTP restriction lifted (cPanel/WHM: SMTP Restrictions; "
          "GoDaddy: use their relay), or use a port that is not redirected.",
          "compare greeting and certificate with those seen from another network"),
    Cause("smtp_inspection_middlebox", "greeting",
          "A firewall's SMTP inspection rewrites the dialogue: STARTTLS and AUTH are masked.",
          "Switch SMTP inspection off there (Cisco: no inspect esmtp / no fixup smtp), or use port "
          "465.", "run the same on port 465 or from another network"),
    Cause("mesh_server_first_hang", "greeting",
          "A proxy waits for the client to speak first, and holds the greeting back.",
          "Configure the service mesh for a server-first protocol on this port: name it tcp-*, "
          "mark it opaque, "
          "or exclude it from the proxy.", "wait 3 s, send EHLO: greeting and reply come together"),
    Cause("backend_down_behind_proxy", "greeting",
          "The connection is accepted and closed without a greeting: what listens is not the mail "
          "server.",
          "Look at the mail server behind the balancer, port forwarding or bridge.",
          "repeat, and connect to the mail server's own port"),
    Cause("address_blocklisted", "greeting",
          "The server accepts nothing from this address: it is on a block list, or a rule of the "
          "server blocks it.",
          "Sign in (many servers check block lists only for clients that have not), send through "
          "the provider's own relay, or have the address removed from the list that the reply "
          "names. On a server of your own, check its rules for clients (Postfix: "
          "smtpd_client_restrictions), and give the address a name in reverse DNS.",
          "look the address up in the list that the reply names, and try from another network"),
    Cause("provider_endpoint_changed", "connect",
          "The provider has moved: this host or port is no longer in service.",
          "Use the host and port that the provider names today.",
          "connect to the provider's current host"),
    Cause("wrong_submission_host", "mail",
          "This host belongs to another product of the provider than the account.",
          "Use the host of the account's product: smtp.gmail.com for a mailbox; "
          "smtp-relay.gmail.com only for a Workspace domain that has the relay set up.",
          "compare the account's domain with what the host serves, and try the other host"),
    Cause("auth_not_offered_on_port", "ehlo",
          "This host and port accept mail for delivery, and offer no login.",
          "Use the provider's submission host and port (587 or 465).",
          "EHLO on 587 and 465 of the provider's submission host"),

    # TLS
    Cause("implicit_tls_on_starttls_port", "tls",
          "The client speaks TLS from the first byte, but this port begins in clear.",
          "Set the client to STARTTLS on this port, or use the provider's port for implicit TLS, "
          "usually 465.", "read the port for 2 s without sending: a 220 proves it"),
    Cause("starttls_on_implicit_tls_port", "greeting",
          "The client waits for a greeting in clear, but this port speaks TLS from the first byte.",
          "Set the client to implicit TLS (often called SSL) on this port, or use the provider's "
          "STARTTLS port, usually 587.", "gatepost doctor HOST:PORT: does TLS answer first?"),
    Cause("starttls_required", "ehlo",
          "The server requires TLS first, and the client stays in clear.",
          "Switch STARTTLS on in the client, and make it fail rather than continue without TLS.",
          "gatepost doctor HOST:PORT: compare EHLO before and after STARTTLS"),
    Cause("unwanted_starttls", "starttls",
          "The client starts TLS although it should not: it uses STARTTLS whenever it is offered.",
          "Configure the client not to use STARTTLS with this relay, or fix the relay's "
          "certificate and TLS.", "check the client's log for STARTTLS"),
    Cause("starttls_not_offered", "starttls",
          "The client is set to STARTTLS, and the server does not offer it.",
          "Give the server a certificate and switch STARTTLS on, or use its port for implicit TLS "
          "(465).", "EHLO in clear: is STARTTLS among the lines?"),
    Cause("server_tls_misconfigured", "starttls", "The server offers STARTTLS, but cannot do it.",
          "The server's certificate or key is missing or unreadable: its log says which. Trying "
          "again does not help.", "the server's other ports"),
    Cause("tls_version_too_old", "tls", "Client and server have no TLS version in common.",
          "Update the side that is behind: TLS 1.2 is the least that is taken today (RFC 8996).",
          "offer TLS 1.2 and 1.3 separately"),
    Cause("client_tls_disabled", "tls", "The client's own TLS has no version or library to use.",
          "Make the client's TLS library use TLS 1.2 or later: update it, enable its extension "
          "(PHP: openssl), set its protocols (Java: mail.smtp.ssl.protocols).",
          "gatepost doctor HOST:PORT from the same machine: TLS works there"),
    Cause("cert_expired", "tls", "The server's certificate has expired, or is not valid yet.",
          "Renew the server's certificate and reload the server; if it was renewed, check the "
          "client's clock.", "gatepost doctor HOST:PORT: the certificate's dates and the clock"),
    Cause("cert_hostname_mismatch", "tls", "The server's certificate is for another name.",
          "Connect by a name that the certificate carries, or have it reissued for this one.",
          "gatepost doctor HOST:PORT: the names in the certificate"),
    Cause("cert_chain_incomplete", "tls",
          "The server sends its certificate without the intermediate certificate that signed it.",
          "Install the full chain on the server (the file often named fullchain.pem).",
          "count the certificates that the server sends"),
    Cause("cert_untrusted", "tls",
          "The server's certificate is not signed by an authority that the client trusts.",
          "Give the client the authority's certificate, or give the server a certificate of a "
          "public authority.",
          "gatepost doctor HOST:PORT: who signed the certificate"),
    Cause("client_ca_store_missing", "tls", "The client has no trusted authorities at all.",
          "Install the authorities where the client runs (ca-certificates in a container), or "
          "point it to them.", "connect to any other public TLS host from the same place"),
    Cause("tls_intercepted", "tls",
          "A product in between (antivirus, proxy, firewall) answers with its own certificate.",
          "Exempt the mail ports from its inspection, or trust its authority.",
          "compare the certificate's issuer with the one seen from another network"),
    Cause("client_accepts_invalid_cert", "tls",
          "The client does not verify the server's certificate.",
          "Switch verification on: a client that accepts any certificate gives the password away.",
          "have the client connect to a server with a wrong certificate"),

    # EHLO
    Cause("helo_rejected", "ehlo",
          "The server refuses the client's name in EHLO.",
          "Set the client's name in EHLO to its own full host name, or to its address in "
          "brackets.", "EHLO with a full host name, then with an address in brackets"),
    Cause("auth_not_advertised", "ehlo", "The server does not offer AUTH: clients cannot sign in "
                                         "here.",
          "Use the submission port (587 or 465), switch AUTH on in your own server, or send "
          "without signing in if it trusts your address.",
          "EHLO before and after TLS; MAIL and RCPT without AUTH"),
    Cause("client_skipped_ehlo", "ehlo", "The client greets with HELO or not at all, so it sees "
                                         "no AUTH.",
          "Make the client greet with EHLO (mailsend -ehlo, smtp-cli --force-ehlo).",
          "EHLO lists AUTH where HELO does not"),
    Cause("client_ehlo_parse_bug", "ehlo",
          "The server lists the mechanism, but the client does not recognise it.",
          "Update the client, or make the server list AUTH on another line.",
          "check in which line of the EHLO reply AUTH is"),
    Cause("client_no_ehlo_after_starttls", "ehlo",
          "The client does not send EHLO again after STARTTLS (RFC 3207 4.2).",
          "Make the client send EHLO after the TLS handshake, before AUTH.",
          "EHLO after TLS, then AUTH"),
    Cause("client_speaks_http", "ehlo", "The client speaks HTTP to a mail port.",
          "Point the HTTP client (a health check, a webhook, a browser) to an HTTP port; a check "
          "of the mail port should wait for 220 and send QUIT.",
          "which program connects from that address"),
    Cause("other_protocol", "greeting", "This port does not speak SMTP.",
          "Use the server's port for submission: 587 (STARTTLS) or 465 (implicit TLS). IMAP (143, "
          "993) and POP3 (110, 995) fetch mail, they do not send it.",
          "ask the ports 587 and 465 of the same host"),
    Cause("client_left_after_greeting", "greeting",
          "The client disconnects after the greeting, without EHLO.",
          "If this is a health check or a port scan, nothing is wrong. Otherwise the client "
          "rejected the greeting, or it came too late: increase the client's timeout, and check "
          "its log.",
          "what the client logs at the same moment"),
    Cause("pipelining_not_offered", "ehlo",
          "The client sends commands before the replies, and the server does not offer PIPELINING.",
          "Make the client wait for each reply (RFC 5321 4.3.1), or switch its pipelining off if "
          "EHLO does not list PIPELINING (RFC 2920).",
          "the same commands, each after the reply to the one before"),
    Cause("client_reply_desync", "ehlo",
          "The client sends before the reply is complete: it takes replies for those to other "
          "commands.",
          "Update the client: a reply ends at the line with a space after its code (RFC 5321 "
          "4.2.1).", "the order of lines in the client's log"),

    # AUTH: mechanisms
    Cause("mechanism_not_offered", "auth",
          "The client signs in with a mechanism that the server does not offer.",
          "Make the client sign in with a mechanism that EHLO lists under TLS (LOGIN at Microsoft "
          "and Azure).", _AUTH_PROBE),
    Cause("client_lacks_mechanism", "auth",
          "Client and server have no mechanism in common, whatever the settings.",
          "Have another mechanism switched on in the server (Exchange: basic authentication under "
          "TLS), or send through a relay that supports one of these.", _AUTH_PROBE),
    Cause("client_sasl_plugin_missing", "auth",
          "The client's SASL library has no plug-in for the offered mechanisms.",
          "Install the plug-ins: libsasl2-modules (Debian), cyrus-sasl-plain and cyrus-sasl-login "
          "(Red Hat, Alpine, Arch).", "list the plug-ins (pluginviewer -c)"),
    Cause("client_mechanism_filter_wrong", "auth",
          "The client's own filter excludes all offered mechanisms.",
          "Set the filter to names of mechanisms (Postfix: smtp_sasl_mechanism_filter = plain, "
          "login), or empty it; smtp_sasl_security_options must not forbid plain text under TLS.",
          "compare the filter with the mechanisms that EHLO lists"),
    Cause("unwanted_auth_attempt", "auth",
          "The client tries to sign in at a server that needs no login.",
          "Remove user name and password (do not leave them empty): the server recognises you by "
          "your address.", "MAIL and RCPT without AUTH (--from, --to)"),
    Cause("auth_before_tls_refused_by_client", "auth",
          "The client will not send a password in clear, and there is no TLS.",
          "Use the port with STARTTLS or implicit TLS; for a local relay, remove user name and "
          "password.",
          "does the port offer STARTTLS, and do 465 and 587 answer?"),
    Cause("client_host_mismatch", "auth",
          "The client compares the server's name with another one, and refuses to sign in.",
          "Go: give smtp.PlainAuth the host name that was dialled, without the port.",
          "gatepost doctor HOST:PORT --as go-net-smtp succeeds"),
    Cause("mechanism_advertised_but_broken", "auth",
          "A listed mechanism does not work; another one may, with the same password.",
          "Make the client use another listed mechanism (LOGIN, or PLAIN with an empty "
          "authorisation identity), or remove the broken one from the server's list.",
          "gatepost doctor HOST:PORT --username NAME --password-file FILE --try-all"),
    Cause("login_initial_response_rejected", "auth",
          "The server does not accept AUTH LOGIN with the user name on the same line.",
          "Make the client send AUTH LOGIN alone and answer both prompts, or use PLAIN.",
          "AUTH LOGIN alone is answered 334"),
    Cause("initial_response_required", "auth",
          "The server requires the response on the AUTH line.",
          "Use a client that sends the initial response, or another listed mechanism.",
          "AUTH PLAIN in both forms"),
    Cause("authzid_not_permitted", "auth",
          "The client's PLAIN response contains an authorisation identity, which the server does "
          "not allow.",
          "Leave the authorisation identity (first field of PLAIN) empty.",
          "PLAIN with an empty first field"),
    Cause("auth_command_too_long", "auth",
          "The AUTH line is too long for the server.",
          "Send AUTH XOAUTH2 alone, and the token after the 334 (RFC 4954 4 allows 12,288 octets, "
          "some servers 512).", "AUTH in two steps with the same token"),
    Cause("base64_line_wrapped", "auth",
          "The client breaks its base64 into several lines; the server reads only the first.",
          "Encode without line breaks (base64 -w0; Ruby strict_encode64; Perl encode_base64($x, "
          "'')).", "record the session: does a second line follow?"),
    Cause("credentials_not_base64", "auth",
          "The client's response is not base64 of what the server asked for.",
          "Encode each response in base64, once.", "decode what the client sends"),
    Cause("client_sasl_bug", "auth", "The client does not follow the mechanism's exchange.",
          "Update the client, or choose another mechanism.",
          "the same mechanism from another client"),
    Cause("auth_not_performed", "auth",
          "The client sends mail without signing in, and the server requires a login.",
          "Switch authentication on in the client, and give it user name and password.",
          "gatepost doctor HOST:PORT --username NAME --password-file FILE --from A --to B"),
    Cause("client_credentials_dropped", "auth",
          "Credentials are set, but the client does not use them.",
          ".NET: set UseDefaultCredentials = false first, then Credentials; elsewhere look for a "
          "switch that turns authentication on.", "record the session: is AUTH sent?"),
    Cause("ehlo_after_auth_resets_session", "auth",
          "The client sends EHLO again after signing in, and the server forgets the login.",
          "Send no EHLO between AUTH and MAIL.", "the same order of commands from a probe"),
    Cause("login_forgotten", "mail",
          "The server accepts the login, and then refuses MAIL as if nobody had signed in.",
          "If there is a proxy, make it pass on the login (nginx: xclient on), or sign in at the "
          "server itself. On Exchange, add ExchangeUsers to the permission groups of the receive "
          "connector. Elsewhere the account may not be allowed to send: ask the provider.",
          "the server's log at the time of the 530"),
    Cause("server_tls_state_bug", "auth",
          "The server asks for TLS although the session uses TLS.",
          "Use the other TLS mode (STARTTLS instead of implicit TLS), and update the server.",
          "the same credentials over STARTTLS"),

    # AUTH: the credentials
    Cause("app_password_required", "auth",
          "The account's own password is not accepted: the provider requires an application "
          "password.",
          "Make an application password (authorisation code) in the account's security settings, "
          "or use OAuth.", "what the secret looks like: Google's have 16 letters"),
    Cause("username_format", "auth", "The user name does not have the format that this server "
                                     "requires.",
          "Use the format that the provider requires: mostly the full address; the literal apikey "
          "at SendGrid, resend at Resend; RESOURCE.APPLICATION.TENANT at Azure.",
          "sign in once with the full address"),
    Cause("wrong_credential_kind", "auth",
          "The password is a credential of another kind.",
          "SES: derive the SMTP password (44 characters) from the secret key, or make SMTP "
          "credentials; SendGrid: the API key; Azure: the client secret's value.",
          "length and beginning of the secret"),
    Cause("credential_wrong_region", "auth",
          "The credentials belong to another region of the provider.",
          "Use the host of the region for which the credentials were created (SES: "
          "email-smtp.REGION).",
          "the same credentials at the neighbouring region"),
    Cause("bad_credentials", "auth", "The server does not accept this user name and password.",
          "Type the password in by hand once; then look for a space or line end at its end, an "
          "expired or replaced password, and an account for which SMTP is switched off.",
          "sign in with the same name and password elsewhere (IMAP, the provider's web page)"),
    Cause("credential_mangled_by_config", "auth",
          "The password that reaches the server may differ from the one that was set.",
          "Quote it: $, #, quotes, backslashes and spaces change in .env files, Compose ($$), "
          "shells and YAML. Compare the length of the value in the running process.",
          _SAME_PASSWORD),
    Cause("non_ascii_password", "auth",
          "The user name or password contains non-ASCII characters, which the client cannot send.",
          "Use only ASCII in the password (and user name), or encode it as UTF-8 yourself.",
          "an account with an ASCII password"),
    Cause("empty_password_sent", "auth", "The client sends an empty password.",
          "Find out why the setting is empty: a misspelt variable, or a secret that is not "
          "mounted.",
          "the length of the secret in the process"),
    Cause("credentials_missing", "auth", "The client has no user name or password to send.",
          "Set both where the client reads them (nodemailer: auth.user and auth.pass), or remove "
          "authentication from the settings.", "print whether both values are set"),
    Cause("stored_secret_undecryptable", "auth",
          "The client cannot read the password that it has stored.",
          "Enter the password again: it was encrypted with a key that no longer exists.",
          "whether the key was changed or restored"),
    Cause("client_validation_rejects_username", "auth",
          "The client's own validation refuses the user name.",
          "Azure: create an SMTP user name in a format that it accepts; otherwise ask the "
          "client's vendor to permit 255 characters in any format.", "which rule the form checks"),
    Cause("client_config_conflict", "connect", "Two settings of the client cannot be used "
                                               "together.",
          "Set one of the two: implicit TLS for 465, STARTTLS for 587.",
          "the client's settings for TLS"),
    Cause("smtp_auth_disabled_tenant", "auth",
          "SMTP login is switched off for the whole organisation.",
          "An administrator switches it on for the mailbox (Set-CASMailbox "
          "-SmtpClientAuthenticationDisabled $false), or use OAuth."),
    Cause("smtp_auth_disabled_mailbox", "auth", "SMTP login is switched off for this mailbox.",
          "An administrator switches it on: Set-CASMailbox -SmtpClientAuthenticationDisabled "
          "$false.", "ask for Get-CASMailbox ADDRESS | fl SmtpClientAuthenticationDisabled"),
    Cause("security_defaults_block", "auth",
          "The organisation's security defaults forbid logins with a password.",
          "Use OAuth, or have security defaults replaced by policies of your own."),
    Cause("basic_auth_disabled", "auth", "Login with a password is switched off here.",
          "Use OAuth (XOAUTH2)."),
    Cause("conditional_access_block", "auth",
          "A policy of the organisation (conditional access) forbids this login.",
          "Have an administrator find the policy in Entra's sign-in log and exempt the account, "
          "or use OAuth.", "Entra's sign-in log of the account"),
    Cause("auth_throttled", "auth",
          "The server accepts no logins at the moment: too many failures, or too many at a time.",
          "Wait some minutes, then try once; stop whatever repeats a wrong password.",
          "the same after an hour, once"),
    Cause("server_auth_backend_down", "auth",
          "The server cannot reach its password database.",
          "Nothing is wrong with the password: look at the server's authentication service "
          "(saslauthd, Dovecot's auth socket, LDAP, the database).",
          "another user and another mechanism: all fail in the same way"),
    Cause("server_auth_backend_bug", "auth", "The server refuses a correct password, because of "
                                             "an error of its own.",
          "Check the server's own log and code.", "the server's log"),

    # OAuth
    Cause("oauth_scope_wrong", "auth", "The access token is not for sending over SMTP.",
          "Ask for the right scope: https://mail.google.com/ at Google (gmail.send is not enough), "
          "https://outlook.office.com/SMTP.Send at Microsoft.",
          "decode the 334 that came before the refusal, and the token's scope and audience"),
    Cause("oauth_wrong_identity", "auth",
          "The user name in XOAUTH2 is not that of the token.",
          "Name the account that signed in (for a shared mailbox its delegate), and keep the "
          "shared address for MAIL FROM.", "decode the token: upn or preferred_username"),
    Cause("oauth_refresh_token_expired", "auth",
          "No access token is available: the refresh token has expired or was revoked.",
          "Sign in again and store the new refresh token; Google's expire after 7 days while the "
          "consent screen is in testing.", "ask the token endpoint, and read its error"),
    Cause("oauth_client_auth_failed", "auth",
          "The token endpoint does not accept the application's id and secret.",
          "Check application id, tenant and secret value (not the secret's id).",
          "a client-credentials request with the same values"),
    Cause("expired_secret", "auth", "The application's secret has expired.",
          "Create a new client secret, and replace the old value with its value.",
          "a client-credentials request with the same application and secret"),
    Cause("token_expired", "auth", "The access token is not valid at this time.",
          "Get a new token before the old one expires; compare the clocks.",
          "gatepost doctor --token-file FILE: when the token expires"),
    Cause("tenant_unknown", "auth", "There is no such tenant.",
          "Copy the Directory (tenant) ID from the application's overview.", _BEHIND),
    Cause("application_unknown", "auth", "The tenant has no such application.",
          "Copy the Application (client) ID from its overview, not the object id.", _BEHIND),
    Cause("service_principal_missing", "auth",
          "The application has no service principal in the tenant.",
          "az ad sp create --id APPLICATION", _BEHIND),
    Cause("resource_unknown", "auth",
          "There is no Communication Services resource with the name that the user name contains.",
          "Use the name of the Communication Services resource, as it was created in the end.",
          _BEHIND),
    Cause("role_missing", "auth", "The application has no role that lets it send.",
          "Assign Communication and Email Service Owner on the resource to its service principal.",
          _BEHIND),
    Cause("role_wrong_scope", "auth", "The role is assigned, but not on this resource or above it.",
          "Assign it on the Communication Services resource, its resource group or subscription.",
          _BEHIND),
    Cause("smtp_username_missing", "auth",
          "The SMTP user name does not exist, or stands for another application.",
          "Create an SMTP user name of the resource that stands for the application.", _BEHIND),
    Cause("access_not_propagated", "auth",
          "The role or SMTP user name was created minutes ago and is not effective everywhere yet.",
          "Wait five minutes and try again, once.", _BEHIND),

    # MAIL, RCPT
    Cause("envelope_sender_missing", "mail", "MAIL FROM is empty.",
          "Set a sender address in the client.", "the same with a real sender"),
    Cause("account_name_used_as_sender", "mail",
          "The login's name, which is not an address, is used as the sender.",
          "Set the From address apart from the user name.", "MAIL FROM with a real address"),
    Cause("sender_not_authorised", "mail", "The account that signed in may not send from this "
                                           "address.",
          "Send from the account's own address, or have this one allowed for it.",
          "MAIL FROM the account's own address"),
    Cause("sender_not_verified", "mail", "The provider requires that this sender is verified "
                                         "first.",
          "Verify the sender's address or domain at the provider, or send from one that is.",
          "send from a verified address"),
    Cause("sender_domain_not_linked", "mail",
          "The sender's domain is not linked to the Communication Services resource.",
          "Link the domain to the resource that the user name names, or send from a linked one.",
          "MAIL FROM an address of a linked domain"),
    Cause("provider_sandbox", "mail",
          "The account is still in the provider's sandbox: it may send only to or from verified "
          "addresses.",
          "Ask the provider to leave the sandbox, or verify the recipient's address.",
          "send to a verified recipient"),
    Cause("provider_account_inactive", "mail", "The account at the provider is not active.",
          "Activate it, or have it unblocked, in the provider's panel.", "the provider's panel"),
    Cause("daily_quota_exceeded", "mail", "The account has reached its daily quota.",
          "Wait until the quota is renewed, or use an account or provider with a higher one.",
          "one message on the next day"),
    Cause("rate_limited", "mail", "More was sent than the server accepts in this time.",
          "Send slower and over one connection; do not repeat at once.",
          "one message over one connection, after a pause"),
    Cause("too_many_recipients", "rcpt", "The message has more recipients than the server accepts.",
          "Split it: send to fewer recipients at a time.", "the same with one recipient"),
    Cause("greylisted", "rcpt", "The server defers unknown senders for some minutes (greylisting).",
          "Try again after some minutes, as a queue does; a client that gives up needs a relay.",
          "the same after ten minutes"),
    Cause("recipient_unknown", "rcpt", "The server does not know this recipient.",
          "Correct the address. If it is right, the domain's mail is handled by another server, "
          "or the mailbox no longer exists.",
          "the same with --to another address of that domain"),
    Cause("sender_domain_unknown", "mail",
          "The server cannot find the sender's domain, or the sender.",
          "Send from a domain that has an MX or address record in the public DNS: a host's own "
          "name (root@localhost, app@web.internal) has none. If it has one, check the server's "
          "resolver.", "resolve the domain of --from from the server"),
    Cause("mail_system_failure", "mail",
          "The mail system itself has a problem: the client has done nothing wrong.",
          "On a server of your own, its log says what is missing: disk space, a service that it "
          "uses (filter, policy, lookup), a setting that it cannot read. Elsewhere, wait and try "
          "again, as a queue does.", "the same in ten minutes, and the server's log"),
    Cause("client_certificate_required", "tls",
          "The server requires a client certificate, and got none that it accepts.",
          "Give the client a certificate of an authority that the server trusts, with its key; or "
          "use the port where it asks for a password instead.",
          "the same with the client's certificate, or on the server's submission port"),

    # the message
    Cause("content_rejected", "data",
          "The server refuses the content of the message, not its sender.",
          "Its reply names the reason: words or links that look like spam, a forbidden type of "
          "attachment, a virus. Send a plain text first, then add one part at a time.",
          "the same with a plain text of one line"),
    Cause("too_large", "data", "The message is too large for the server.",
          "Send less: attachments grow by 37 % in base64. SIZE in EHLO is the limit.",
          "a small message"),
    Cause("bare_lf", "data", "The message contains line ends that are not CRLF.",
          "Write CRLF at the end of every line, headers and body.",
          "the raw bytes of the message"),
    Cause("line_too_long", "data", "The message contains lines of more than 998 octets.",
          "Encode the body (quoted-printable or base64), or break its lines.",
          "the longest line of the message"),
    Cause("raw_utf8_headers", "data", "Header fields contain non-ASCII bytes.",
          "Encode them (RFC 2047): most libraries do when the header is set through them.",
          "the same message with an ASCII subject"),
    Cause("missing_from_header", "data", "The message has no From header, or an empty one.",
          "Set one From header with an address.", "the headers of the message"),
    Cause("smtputf8_not_supported_downstream", "data",
          "The message needs SMTPUTF8, and a server on its way does not support it.",
          "Use ASCII addresses and encoded headers (RFC 2047), or a server that lists SMTPUTF8.",
          "the same message with ASCII addresses and headers"),
)
# fmt: on

CAUSES: Final[Mapping[str, Cause]] = MappingProxyType({cause.id: cause for cause in _CAUSES})
