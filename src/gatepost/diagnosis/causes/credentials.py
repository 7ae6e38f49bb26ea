"""Causes in AUTH: user names, passwords, and how they are checked."""

from typing import Final

from gatepost.diagnosis.causes.cause import Cause

# fmt: off
CAUSES: Final = (
    Cause("app_password_required", "auth", 5,
          "The account's own password is not accepted: the provider requires an application "
          "password.",
          "Create an application password (authorisation code) in the account's security settings, "
          "or use OAuth.",
          probe="what the secret looks like: Google's have 16 letters", seen_in="provider"),
    Cause("username_format", "auth", 2,
          "The user name does not have the format that this server requires.",
          "Use the format that the provider requires: mostly the full address; the literal apikey "
          "at SendGrid, resend at Resend; RESOURCE.APPLICATION.TENANT at Azure.",
          probe="sign in once with the full address", seen_in="provider", weight=9.0),
    Cause("wrong_credential_kind", "auth", 3,
          "The password is a credential of another kind.",
          "SES: derive the SMTP password (44 characters) from the secret key, or make SMTP "
          "credentials; SendGrid: the API key; Azure: the client secret's value.",
          probe="length and beginning of the secret"),
    Cause("credential_wrong_region", "auth", 1,
          "The credentials belong to another region of the provider.",
          "Use the host of the region for which the credentials were created (SES: "
          "email-smtp.REGION).",
          probe="the same credentials at the neighbouring region", seen_in="provider"),
    Cause("bad_credentials", "auth", 1,
          "The server does not accept this user name and password.",
          "Type the password in by hand once; then look for a space or line end at its end, an "
          "expired or replaced password, a user name without its domain, and an account for which "
          "SMTP is switched off.",
          probe="sign in with the same name and password elsewhere (IMAP, the provider's web page)",
          weight=6.0),
    Cause("credential_mangled_by_config", "auth", 3,
          "The password that reaches the server may differ from the one that was set.",
          "Quote it: $, #, quotes, backslashes and spaces change in .env files, Compose ($$), "
          "shells and YAML. Compare the length of the value in the running process.",
          probe="gatepost doctor HOST:PORT --username NAME --password-file FILE with the password "
                "typed by hand"),
    Cause("non_ascii_password", "auth", 3,
          "The user name or password contains non-ASCII characters, which the client cannot send.",
          "Use only ASCII in the password (and user name), or encode it as UTF-8 yourself.",
          probe="an account with an ASCII password", topic="utf8"),
    Cause("empty_password_sent", "auth", 1,
          "The client sends an empty password.",
          "Check where the client gets its password from: a setting or variable that is empty or "
          "has another name, or a secret that is not mounted.",
          probe="the length of the secret in the process", topic="check"),
    Cause("credentials_missing", "auth", 2,
          "The client has no user name or password to send.",
          "Set both where the client reads them (nodemailer: auth.user and auth.pass), or remove "
          "authentication from the settings.",
          probe="print whether both values are set", topic="check"),
    Cause("stored_secret_undecryptable", "auth", 1,
          "The client cannot read the password that it has stored.",
          "Enter the password again: it was encrypted with a key that no longer exists.",
          probe="whether the key was changed or restored"),
    Cause("client_validation_rejects_username", "auth", 1,
          "The client's own validation refuses the user name.",
          "Azure: create an SMTP user name in a format that it accepts; otherwise ask the "
          "client's vendor to permit 255 characters in any format.",
          probe="which rule the form checks"),
    Cause("client_config_conflict", "connect", 1,
          "Two settings of the client cannot be used together.",
          "Set one of the two: implicit TLS for 465, STARTTLS for 587.",
          probe="the client's settings for TLS", topic="one_tls"),
    Cause("smtp_auth_disabled_tenant", "auth", 2,
          "SMTP login is switched off for the whole organisation.",
          "An administrator switches it on for the mailbox (Set-CASMailbox "
          "-SmtpClientAuthenticationDisabled $false); a token needs that, too. Microsoft Graph "
          "does not.", seen_in="reply",
          relay_fix="An administrator switches it on for the mailbox (Set-CASMailbox "
                    "-SmtpClientAuthenticationDisabled $false), or deliver through a target of "
                    'kind "graph".'),
    Cause("smtp_auth_disabled_mailbox", "auth", 1,
          "SMTP login is switched off for this mailbox.",
          "An administrator switches it on: Set-CASMailbox -SmtpClientAuthenticationDisabled "
          "$false.",
          probe="ask for Get-CASMailbox ADDRESS | fl SmtpClientAuthenticationDisabled",
          seen_in="provider"),
    Cause("security_defaults_block", "auth", 1,
          "The organisation's security defaults forbid logins with a password.",
          "Use OAuth, or have security defaults replaced by policies of your own.",
          seen_in="reply"),
    Cause("basic_auth_disabled", "auth", 1,
          "Login with a password is switched off here.",
          "Sign in with an access token (XOAUTH2). Where the client cannot, put a relay in front "
          "that can, or have an administrator switch SMTP AUTH on again where that is still "
          "possible: the page of this finding has each step.",
          probe="gatepost doctor HOST:PORT --username MAILBOX --token-file FILE",
          seen_in="reply",
          relay_fix='Give the target a credential of kind "entra" (tenant, client_id, secret, and '
                    "the mailbox as username), or deliver through a target of kind "
                    '"graph".'),
    Cause("conditional_access_block", "auth", 1,
          "A policy of the organisation (conditional access) forbids this login.",
          "Have an administrator find the policy in Entra's sign-in log and exempt the account, "
          "or use OAuth.",
          probe="Entra's sign-in log of the account", seen_in="reply"),
    Cause("auth_throttled", "auth", 1,
          "The server accepts no logins at the moment: too many failures, or too many at a time.",
          "Wait some minutes, then try once; stop whatever repeats a wrong password.",
          probe="the same after an hour, once", seen_in="reply"),
    Cause("server_auth_backend_down", "auth", 2,
          "The server cannot reach its password database.",
          "Nothing is wrong with the password: look at the server's authentication service "
          "(saslauthd, Dovecot's auth socket, LDAP, the database).",
          probe="another user and another mechanism: all fail in the same way", seen_in="reply"),
    Cause("server_auth_backend_bug", "auth", 1,
          "The server refuses a correct password, because of an error of its own.",
          "Check the server's own log and code.",
          probe="the server's log"),
    Cause("weak_password_refused", "auth", 1,
          "The provider refuses the login because the password is too weak, leaked or outdated.",
          "Set a new, long password in the provider's panel, then in the client.",
          probe="sign in at the provider's web page: it asks for a new password",
          seen_in="reply",
          relay_fix="Set a new, long password in the provider's panel, then in the file of the "
                    "credential's password."),
)
# fmt: on
