"""Ruby's Net::SMTP, mail and ActionMailer: one mechanism, PLAIN unless told, listed or not."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

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


LIBRARY: Final = Library(
    name="ruby-net-smtp",
    title="Ruby Net::SMTP",
    aliases=("ruby", "rails", "actionmailer", "action-mailer", "mail", "net-smtp"),
    mechanisms=("PLAIN",),
    settable=("LOGIN", "CRAM-MD5", "XOAUTH2"),
    chooses="first",
    initial=frozenset({"PLAIN", "XOAUTH2"}),
    hello="localhost",
    tls="auto",
    cures=MappingProxyType(
        {
            "login": Cure(
                "PLAIN is what Ruby sends unless told otherwise. Ask for LOGIN:",
                _settings("login"),
            ),
            "plain": Cure("Ask for PLAIN:", _settings()),
            "xoauth2": Cure(
                "Sign in with an access token as the password (net-smtp 0.4 or newer):",
                _settings("xoauth2"),
            ),
            "starttls": Cure("Require STARTTLS:", _settings()),
            "implicit": Cure("Speak TLS from the first byte:", _settings(tls="tls")),
            "trust": Cure(
                "Trust the authority that signed the certificate, beside the settings that "
                "are there:",
                'ca_file: "/path/to/ca.pem",\n',
            ),
            "name": Cure(
                "Connect by the name that the certificate is good for. Ruby also reports a "
                "missing intermediate certificate as a wrong name:",
                'address: "{{name}}",\n',
            ),
            "no_auth": Cure("Leave user_name, password and authentication out."),
        }
    ),
)
