"""Ruby's Net::SMTP, mail and ActionMailer: one mechanism, PLAIN unless told, listed or not."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

_SETTINGS: Final = """\
config.action_mailer.smtp_settings = {
  address: "{{host}}",
  port: {{port}},
  user_name: ENV["SMTP_USERNAME"],
  password: ENV["SMTP_PASSWORD"],
  authentication: :MECHANISM,
  TLS: true,
}
"""


def _settings(mechanism: str = "plain", tls: str = "enable_starttls") -> str:
    return _SETTINGS.replace("MECHANISM", mechanism).replace("TLS", tls)


_NO_AUTH: Final = """\
config.action_mailer.smtp_settings = {
  address: "{{host}}", port: {{port}}, enable_starttls: true
}
"""

_LONG_TOKEN: Final = """\
class TwoLines < Net::SMTP::Authenticator
  auth_type :xoauth2_two_lines

  def auth(user, token)
    continue("AUTH XOAUTH2")
    finish(base64_encode("user=#{user}\\1auth=Bearer #{token}\\1\\1"))
  end
end
# then authentication: :xoauth2_two_lines
"""

_CHECK: Final = """\
# a KeyError names what is not set
user_name: ENV.fetch("SMTP_USERNAME"),
password: ENV.fetch("SMTP_PASSWORD"),
"""

_HELLO: Final = _settings().replace(
    "  address:", '  domain: "client.example.com", # this machine\'s full name\n  address:'
)

_SENDER: Final = """\
class ApplicationMailer < ActionMailer::Base
  default from: "sender@example.com" # not the login
end
"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_command_too_long", "auth_not_advertised", "cert_untrusted",
    "client_config_conflict", "credentials_missing", "empty_password_sent", "mechanism_not_offered",
    "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="ruby-net-smtp",
    title="Ruby Net::SMTP",
    mechanisms=("PLAIN",),
    settable=("LOGIN", "CRAM-MD5", "XOAUTH2"),
    chooses="first",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="localhost",
    tls="auto",
    source="lib/net/smtp.rb and lib/net/smtp/auth_*.rb, 0.5",
    is_compared=True,
    fixes={
        "login": Fix("Ruby uses PLAIN by default. Select LOGIN:", _settings("login")),
        "plain": Fix("Ask for PLAIN:", _settings()),
        "xoauth2": Fix(
            "Sign in with an access token as the password (net-smtp 0.4 or newer):",
            _settings("xoauth2"),
        ),
        "starttls": Fix("Require STARTTLS:", _settings()),
        "implicit": Fix("Speak TLS from the first byte:", _settings(tls="tls")),
        "trust": Fix(
            "Trust the authority that signed the certificate, beside the settings that are there:",
            'ca_file: "/path/to/ca.pem",\n',
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for. Ruby also reports a "
            "missing intermediate certificate as a wrong name:",
            'address: "{{name}}",\n',
        ),
        "no_auth": Fix("Leave user_name, password and authentication out:", _NO_AUTH),
        "one_tls": Fix("enable_starttls and tls cannot be used together. Keep one:", _settings()),
        "long_token": Fix("Keep the token off the AUTH line:", _LONG_TOKEN),
        "check": Fix("Fail when the program starts:", _CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            'address: "{{host}}",\nport: {{port}},\n',
        ),
        "hello": Fix("Ruby sends localhost. Give it a full name:", _HELLO),
        "addresses": Fix(
            "Net::SMTP passes recipients on as they are; Mail takes them apart:",
            "recipients = Mail::AddressList.new(text).addresses.map(&:address)\n",
        ),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
    },
    language="ruby",
    executed=_EXECUTED,
    tested="Debian's ruby-actionmailer (Rails 7.2), with ruby-mail and Net::SMTP below",
    spared=reasons(
        "one_line",
        "two_lines",
        "no_authzid",
        "url",
        "utf8",
        "line_ends",
        "short_lines",
        "ascii_headers",
        from_header="Mail refuses a message without a sender before it connects.",
        envelope_sender_missing="It refuses a message without a sender before it connects.",
    ),
)
