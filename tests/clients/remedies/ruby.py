"""What goes wrong in Ruby: mail, whose settings are ActionMailer's, over Net::SMTP."""

import os
import subprocess
from typing import Final

from tests.clients.remedies.proof import Case, Order, Outcome, values

_HEAD: Final = """\
require "mail"
require "net/smtp"
require "ostruct"

Net::SMTP.prepend(Module.new {
  def initialize(...)
    super
    set_debug_output($stderr)
  end
})
config = OpenStruct.new(action_mailer: OpenStruct.new)
sender, recipient = ENV["SENDER_"], ENV["RECIPIENT_"]
"""
_SEND: Final = """
mail = Mail.new(from: sender, to: recipient, subject: "hello", body: "hello")
mail.delivery_method(:smtp, config.action_mailer.smtp_settings)
mail.deliver!
"""


def run_ruby(order: Order) -> Outcome:
    """Run a program; what it prints is Net::SMTP's debug output and the exception."""
    program = order.home / "program.rb"
    program.write_text(_HEAD + order.code + _SEND)
    trust = {"SSL_CERT_FILE": order.ca_file} if order.ca_file else {}
    done = subprocess.run(
        ["ruby", "-W0", program],
        env=os.environ | values(order) | trust,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return Outcome(done.returncode == 0, done.stderr.decode(errors="replace"))


_ACCOUNT: Final = 'user_name: ENV["SMTP_USERNAME"], password: ENV["SMTP_PASSWORD"]'


def _settings(*settings: str) -> str:
    said = ", ".join(('address: "{host}"', "port: {port}", *settings))
    return f"config.action_mailer.smtp_settings = {{ {said} }}\n"


def _with_cure(*settings: str) -> str:
    """The cure is a line of the settings, which takes the place of the one that was there."""
    said = ", ".join(settings)
    return (
        f'config.action_mailer.smtp_settings = {{\n  address: "{{host}}", port: {{port}}, {said},\n'
        "{cure}}\n"
    )


_LOGIN: Final = (_ACCOUNT, "authentication: :login")
_STARTTLS: Final = "enable_starttls: true"

RUBY: Final = (
    Case("mechanism_not_offered", "acs", _settings(_ACCOUNT, "authentication: :plain", _STARTTLS)),
    Case("mechanism_advertised_but_broken", "broken",
         _settings(_ACCOUNT, "authentication: :cram_md5", _STARTTLS), told_by="logins"),
    Case("starttls_required", "acs", _settings(*_LOGIN, "enable_starttls_auto: false"),
         "{cure}config.action_mailer.smtp_settings[:authentication] = :login\n"),
    Case("implicit_tls_on_starttls_port", "acs", _settings(*_LOGIN, "tls: true"),
         "{cure}config.action_mailer.smtp_settings[:authentication] = :login\n"),
    Case("starttls_on_implicit_tls_port", "acs",
         _settings(*_LOGIN, _STARTTLS, "open_timeout: 1", "read_timeout: 1"),
         "{cure}config.action_mailer.smtp_settings[:authentication] = :login\n",
         door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _settings(*_LOGIN, _STARTTLS), _with_cure(*_LOGIN, _STARTTLS),
         trusting=False),
    Case("cert_hostname_mismatch", "acs", _settings(*_LOGIN, _STARTTLS),
         _with_cure(*_LOGIN, _STARTTLS)),
    Case("auth_not_performed", "acs", _settings(_STARTTLS)),
    Case("auth_command_too_long", "token",
         _settings(_ACCOUNT, "authentication: :xoauth2", _STARTTLS),
         "{cure}" + _settings(_ACCOUNT, "authentication: :xoauth2_two_lines", _STARTTLS)),
    Case("helo_rejected", "names", _settings(*_LOGIN, _STARTTLS, 'domain: "localhost"')),
)  # fmt: skip
