"""The roles of settings by their names: tables, because all programs use similar names."""

import re
from functools import lru_cache
from typing import Final

from gatepost.model.setting import Role

_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_MAIL: Final = re.compile(
    r"(?:^|_)(?:e?smtp\w*|e?_?mail\w*|mailers?|mailkit|wpms|notifier|sendgrid|mailgun|courier|"
    r"gomail|submission)(?:_|$)"
)
_NOT: Final = re.compile(
    r"(?:^|_)(?:imap|pop3?|ldap|incoming|inbound|verification|verify_email|reset|template|subject|"
    r"signing|jwt|redis|database|db|oauth|api_url|webhook|trap_url|test_user|superuser)(?:_|$)"
)

# fmt: off
_NAMES: Final[tuple[tuple[str, str], ...]] = (
    ("tls_off", """
        ignore_tls disable_tls no_tls tls_disabled? disable_starttls ignore_starttls skip_tls
        skip_starttls
     """),
    ("verify_off", """
        skip_verify insecure_skip_verify insecure accept_invalid_(?:certs?|hostnames?)
        skip_ssl_verify skip_tls_verify skip_cert\\w{0,20} allow_invalid_cert\\w{0,20}
        trust_all\\w{0,20} ignore_cert\\w{0,20} ignore_ssl\\w{0,20} disable_cert\\w{0,20}
        tls_insecure allow_self_signed force_trust\\w{0,20}
     """),
    ("verify", """
        openssl_verify_mode verify_peer verify_peer_name verify_cert\\w{0,20} verify_mode
        reject_unauthorized tls_certcheck ssl_verify verify_ssl tls_verify validate_cert\\w{0,20}
        check_server_identity checkserveridentity verify_hostname
     """),
    ("trust", "ssl_trust"),
    ("sending", "(?:e?smtp|mailer|mail)_enabled?"),
    ("starttls", """
        starttls start_tls enable_starttls enable_starttls_auto starttls_auto
        starttls_enabled? starttls_required use_starttls starttls_auto_enable require_tls
        starttls_policy
     """),
    ("enable_ssl", "enable_ssl"),
    ("implicit", """
        use_ssl ssl ssl_enabled? ssl_tls use_smtps implicit_tls use_implicit_tls smtps
        force_tls ssl_on_connect host_ssl_enabled? implicit_ssl use_ssl_tls
     """),
    ("tls", "use_tls tls tls_enabled? enable_tls tls_mode use_secure"),
    ("encryption", """
        encryption security scheme protocol secure smtp_secure ssl_mode secure_socket_options?
        socket_options? tls_type connection_security encryption_type security_mode
     """),
    ("mechanism", """
        authentication auth_method auth_type auth_mode auth_mechanisms? login_method
        authentication_type authentication_method auth_login_method
     """),
    ("auth", """
        auth use_auth require_auth auth_enabled authenticate use_authentication
        requires_authentication smtpauth use_default_credentials
     """),
    ("password", """
        pass passwd password passphrase passwort pwd pw secret secret_key api_key credential
        credentials smtppass\\w{0,20} auth_token smtp_token smtp_key
     """),
    ("username", """
        user username user_name login usr user_id account account_name smtpuser\\w{0,20} uname
        auth_name (?:settings|configuration|config|options)_e?mail(?:_address)?
     """),
    ("port", "port smtpport"),
    ("sender", """
        from sender from_address from_email from_addr mail_from default_from_email
        default_sender from_mail sender_email sender_address server_email set_from
        envelope_from sender_mail
     """),
    ("helo", """
        helo ehlo ehlo_domain local_domain local_name helo_host hello client_hostname
     """),
    ("endpoint", "smarthost host_port hostport server_port_pair"),
    ("backend", "mailer backend driver mail_transport delivery_method"),
    ("host", """
        host server hostname host_name host_addr host_address smtp_address settings_address
        smtp_addr relay relayhost server_name server_address smtp smtpserver smtphost
     """),
)
"""Patterns of the ends of names, for each role; the first match counts."""
_ROLES: Final = tuple(
    (role, re.compile(f"(?:^|_)(?:{'|'.join(names.split())})$")) for role, names in _NAMES
)
ENCRYPTIONS: Final[dict[str, Role]] = {
    **dict.fromkeys((
        "ssl", "smtps", "ssl/tls", "ssl_tls", "ssltls", "sslonconnect", "force_tls", "implicit",
        "implicit_tls", "tls_wrapper", "forcetls", "submissions", "on_connect", "tls/ssl",
    ), "implicit"),
    **dict.fromkeys((
        "starttls", "start_tls", "smtp+starttls", "tls", "starttlswhenavailable", "start-tls",
        "explicit", "starttls_required", "mandatorystarttls", "opportunisticstarttls", "startls",
    ), "starttls"),
    **dict.fromkeys((
        "none", "off", "plain", "unencrypted", "no", "plaintext", "insecure",
    ), "clear"),
}
# fmt: on
"""The meanings of words for TLS modes."""


@lru_cache(maxsize=4096)
def words_of(path: str) -> str:
    """Return a normalised name: ``EmailSettings:SmtpServer`` is email_settings_smtp_server."""
    return "_".join(_WORDS.findall(path)).lower()


def is_about_mail(path: str) -> bool:
    """Tell whether the name itself is about sending mail."""
    words = words_of(path)
    return _MAIL.search(words) is not None and _NOT.search(words) is None


def role_of(path: str) -> str:
    """Return the role by a name; empty if there is none."""
    words = words_of(path)
    return next((role for role, pattern in _ROLES if pattern.search(words)), "")
