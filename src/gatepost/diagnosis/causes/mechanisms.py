"""Causes in AUTH: mechanisms and their exchanges."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

_AUTH_PROBE: Final = "gatepost doctor HOST:PORT --as LIBRARY: which mechanisms EHLO lists under TLS"

# fmt: off
CAUSES: Final = (
    Cause("mechanism_not_offered", "auth", 15,
          "The client signs in with a mechanism that the server does not offer.",
          "Make the client sign in with a mechanism that EHLO lists under TLS (LOGIN at Microsoft "
          "and Azure).",
          probe=_AUTH_PROBE,
          relay_fix="Give the target a credential that fits what the server offers. If the server "
                    "takes a mechanism that it does not list, name this one alone in mechanisms.",
          topic="by_offer"),
    Cause("client_lacks_mechanism", "auth", 1,
          "Client and server have no mechanism in common, whatever the settings.",
          "Have another mechanism switched on in the server (Exchange: basic authentication under "
          "TLS), or send through a library or relay that supports one of these.",
          probe=_AUTH_PROBE),
    Cause("client_sasl_plugin_missing", "auth", 3,
          "The client's SASL library has no plug-in for the offered mechanisms.",
          "Install the plug-ins: libsasl2-modules (Debian), cyrus-sasl-plain and cyrus-sasl-login "
          "(Red Hat, Alpine, Arch).",
          probe="list the plug-ins (pluginviewer -c)", topic="plugin"),
    Cause("client_mechanism_filter_wrong", "auth", 1,
          "The client's own filter excludes all offered mechanisms.",
          "Set the filter to names of mechanisms (Postfix: smtp_sasl_mechanism_filter = plain, "
          "login), or empty it; smtp_sasl_security_options must not forbid plain text under TLS.",
          probe="compare the filter with the mechanisms that EHLO lists",
          relay_fix="Correct mechanisms at the target, or remove it.", topic="filter"),
    Cause("unwanted_auth_attempt", "auth", 3,
          "The client tries to sign in at a server that needs no login.",
          "Remove user name and password (do not leave them empty): the server recognises you by "
          "your address.",
          probe="MAIL and RCPT without AUTH (--from, --to)", topic="no_auth"),
    Cause("auth_before_tls_refused_by_client", "auth", 2,
          "The client will not send a password in clear, and there is no TLS.",
          "Use the port with STARTTLS or implicit TLS, or switch TLS on in the server; for a local "
          "relay, remove user name and password.",
          probe="does the port offer STARTTLS, and do 465 and 587 answer?",
          relay_fix='Set tls = "required" or "implicit" at the target.', topic="starttls"),
    Cause("client_host_mismatch", "auth", 3,
          "The client compares the server's name with another one, and refuses to sign in.",
          "Go: give smtp.PlainAuth the host name that was dialled, without the port.",
          probe="gatepost doctor HOST:PORT --as go-net-smtp succeeds", topic="host"),
    Cause("mechanism_advertised_but_broken", "auth", 3,
          "A listed mechanism does not work; another one may, with the same password.",
          "Make the client use another listed mechanism (LOGIN, or PLAIN with an empty "
          "authorisation identity), or remove the broken one from the server's list.",
          probe="gatepost doctor HOST:PORT --username NAME --password-file FILE --try-all",
          topic="by_offer"),
    Cause("login_initial_response_rejected", "auth", 1,
          "The server does not accept AUTH LOGIN with the user name on the same line.",
          "Make the client send AUTH LOGIN alone and answer both prompts, or use PLAIN.",
          probe="AUTH LOGIN alone is answered 334", topic="two_lines"),
    Cause("initial_response_required", "auth", 1,
          "The server requires the response on the AUTH line.",
          "Use a client that sends the initial response, or another listed mechanism.",
          probe="AUTH PLAIN in both forms", topic="one_line"),
    Cause("authzid_not_permitted", "auth", 1,
          "The client's PLAIN response contains an authorisation identity, which the server does "
          "not allow.",
          "Leave the authorisation identity (first field of PLAIN) empty.",
          probe="PLAIN with an empty first field", topic="no_authzid"),
    Cause("auth_command_too_long", "auth", 1,
          "The AUTH line is too long for the server.",
          "Send AUTH XOAUTH2 alone, and the token after the 334 (RFC 4954 4 allows 12,288 octets, "
          "some servers 512).",
          probe="AUTH in two steps with the same token", topic="long_token", seen_in="reply"),
    Cause("base64_line_wrapped", "auth", 3,
          "The client breaks its base64 into several lines; the server reads only the first.",
          "Encode without line breaks (base64 -w0; Ruby strict_encode64; Perl encode_base64($x, "
          "'')).",
          probe="record the session: does a second line follow?"),
    Cause("credentials_not_base64", "auth", 1,
          "The client's response is not base64 of what the server asked for.",
          "Encode each response in base64, once.",
          probe="decode what the client sends"),
    Cause("client_sasl_bug", "auth", 1,
          "The client does not follow the mechanism's exchange.",
          "Update the client, or choose another mechanism.",
          probe="the same mechanism from another client"),
    Cause("auth_not_performed", "auth", 2,
          "The client sends mail without signing in, and the server requires a login.",
          "Switch authentication on in the client, and give it user name and password.",
          probe="gatepost doctor HOST:PORT --username NAME --password-file FILE --from A --to B",
          relay_fix="Give the target a credential, or configure the server to accept this relay.",
          topic="by_offer", seen_in="reply"),
    Cause("client_credentials_dropped", "auth", 1,
          "Credentials are set, but the client does not use them.",
          ".NET: set UseDefaultCredentials = false first, then Credentials; elsewhere look for a "
          "switch that turns authentication on.",
          probe="record the session: is AUTH sent?", topic="credentials"),
    Cause("ehlo_after_auth_resets_session", "auth", 1,
          "The client sends EHLO again after signing in, and the server forgets the login.",
          "Send no EHLO between AUTH and MAIL.",
          probe="the same order of commands from a probe"),
    Cause("login_forgotten", "mail", 1,
          "The server accepts the login, and then refuses MAIL as if nobody had signed in.",
          "If there is a proxy, make it pass on the login (nginx: xclient on), or sign in at the "
          "server itself. On Exchange, add ExchangeUsers to the permission groups of the receive "
          "connector. Elsewhere the account may not be allowed to send: ask the provider.",
          probe="the server's log at the time of the 530"),
    Cause("server_tls_state_bug", "auth", 1,
          "The server asks for TLS although the session uses TLS.",
          "Use the other TLS mode (STARTTLS instead of implicit TLS), and update the server.",
          probe="the same credentials over STARTTLS", seen_in="reply"),
)
# fmt: on
