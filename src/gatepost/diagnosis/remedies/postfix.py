"""Postfix with a smarthost (``relayhost``): Cyrus SASL's mechanisms, no plaintext unless told."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

_SIGN_IN: Final = """\
relayhost = [{{host}}]:{{port}}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:/etc/postfix/sasl_passwd
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = secure
smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt
"""

_NO_AUTHZID: Final = """\
# the default since 2.9
send_cyrus_sasl_authzid = no
"""

_SENDER: Final = """\
# /etc/postfix/generic: @example.local  sender@example.com
smtp_generic_maps = texthash:/etc/postfix/generic
"""

_CHECK: Final = """\
# /etc/postfix/sasl_passwd, mode 0600; the key is spelled as relayhost is:
# [{{host}}]:{{port}}  USERNAME:PASSWORD
smtp_sasl_password_maps = texthash:/etc/postfix/sasl_passwd
"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "authzid_not_permitted", "cert_untrusted", "client_mechanism_filter_wrong",
    "client_tls_disabled", "empty_password_sent", "missing_from_header", "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="postfix",
    title="Postfix smarthost",
    mechanisms=("DIGEST-MD5", "CRAM-MD5", "NTLM", "LOGIN", "PLAIN"),
    settable=("SCRAM-SHA-256", "SCRAM-SHA-1", "XOAUTH2"),
    chooses="listed",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="{node}",
    tls="none",
    source="src/smtp/smtp_sasl_glue.c, 3.10: Cyrus SASL chooses",
    fixes={
        "login": Fix(
            "Permit plaintext mechanisms, which the default forbids, and name LOGIN; "
            "package libsasl2-modules holds it:",
            f"{_SIGN_IN}smtp_sasl_mechanism_filter = login\n",
        ),
        "plain": Fix(
            "Permit plaintext mechanisms, which the default forbids, and name PLAIN; "
            "package libsasl2-modules holds it:",
            f"{_SIGN_IN}smtp_sasl_mechanism_filter = plain\n",
        ),
        "xoauth2": Fix(
            "Name XOAUTH2; a Cyrus plug-in for it (sasl-xoauth2) renews the tokens:",
            f"{_SIGN_IN}smtp_sasl_mechanism_filter = xoauth2\n",
        ),
        "starttls": Fix("Require STARTTLS, verified:", _SIGN_IN),
        "implicit": Fix(
            "Speak TLS from the first byte:", f"{_SIGN_IN}smtp_tls_wrappermode = yes\n"
        ),
        "trust": Fix(
            "Trust the authority that signed the certificate:",
            "smtp_tls_CAfile = /path/to/ca.pem\n",
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for, in main.cf and in sasl_passwd:",
            "relayhost = [{{name}}]:{{port}}\n",
        ),
        "no_auth": Fix("Switch authentication off:", "smtp_sasl_auth_enable = no\n"),
        "no_authzid": Fix("Send no authorisation identity:", _NO_AUTHZID),
        "long_token": Fix(
            "Postfix has no setting for it: leave XOAUTH2 to a relay that can send the token "
            "on a line of its own."
        ),
        "check": Fix("Have an entry for exactly this relayhost:", _CHECK),
        "host": Fix(
            "Put only the host name in brackets, and the port after them:",
            "relayhost = [{{host}}]:{{port}}\n",
        ),
        "hello": Fix(
            "Postfix sends myhostname. Set a full name:", "smtp_helo_name = client.example.com\n"
        ),
        "addresses": Fix(
            "It sends on what it is given. Refuse what has a wrong form, instead:",
            "strict_rfc821_envelopes = yes\n",
        ),
        "sender": Fix("Write local senders as an address of the account:", _SENDER),
        "from_header": Fix(
            "Let Postfix complete messages that it passes on:", "always_add_missing_headers = yes\n"
        ),
        "ascii_headers": Fix(
            "Postfix passes headers on as they are: encode them (RFC 2047) where the message "
            "is written."
        ),
        "tls_version": Fix(
            "Require a version that is in use (the default since 3.6):",
            "smtp_tls_mandatory_protocols = >=TLSv1.2\n",
        ),
        "plugin": Fix(
            "Cyrus SASL keeps PLAIN and LOGIN in a package of their own:",
            "apt-get install libsasl2-modules # RPM: cyrus-sasl-plain\n",
        ),
        "filter": Fix(
            "The filter contains names of mechanisms, such as those that EHLO lists:",
            "smtp_sasl_mechanism_filter = plain, login\n",
        ),
    },
    language="ini",
    executed=_EXECUTED,
    tested="Debian's, as a client",
    spared=reasons(
        "one_line",
        "two_lines",
        "url",
        "utf8",
        "tls_version_too_old",
        "auth_not_advertised",
        line_ends="It takes LF from local programs and sends CRLF.",
        encoded_body="It encodes 8-bit text itself where the next server does not list 8BITMIME.",
        short_lines="It breaks lines of more than smtp_line_length_limit (998) itself.",
        envelope_sender_missing="A program that names no sender gets its user's address. "
        "Bounces have none, and must not (RFC 5321 4.5.5).",
        credentials_missing="Without an entry for the relayhost it does not sign in: "
        "`auth_not_performed`.",
        account_name_used_as_sender="It makes an address of a name (append_at_myorigin).",
    ),
)
