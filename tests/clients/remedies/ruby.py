"""Faults in Ruby: a program configures ActionMailer, which uses mail and Net::SMTP."""

from pathlib import Path
from typing import Final

from tests.clients.remedies.proof import Case

PROGRAMS: Final = ("ruby", str(Path(__file__).parents[3] / "compliance" / "ruby" / "programs.rb"))
_ACCOUNT: Final = 'user_name: ENV["SMTP_USERNAME"], password: ENV["SMTP_PASSWORD"]'


def _settings(*settings: str) -> str:
    said = ", ".join(('address: "{host}"', "port: {port}", *settings))
    return f"config.action_mailer.smtp_settings = {{ {said} }}\n"


def _with_fix(*settings: str) -> str:
    """Return settings with the fix, a line that replaces the broken one."""
    said = ", ".join(settings)
    return (
        f'config.action_mailer.smtp_settings = {{\n  address: "{{host}}", port: {{port}}, {said},\n'
        "{fix}}\n"
    )


_LOGIN: Final = (_ACCOUNT, "authentication: :login")
_STARTTLS: Final = "enable_starttls: true"
_USUAL: Final = _settings(*_LOGIN, _STARTTLS)
_PLAIN: Final = _settings(_ACCOUNT, "authentication: :plain", _STARTTLS)
_TO_LOGIN: Final = "{fix}config.action_mailer.smtp_settings[:authentication] = :login\n"
_DEFAULT: Final = "message.delete(:from)\n{fix}"

RUBY: Final = (
    Case("mechanism_not_offered", "acs", _settings(_ACCOUNT, "authentication: :plain", _STARTTLS)),
    Case("mechanism_advertised_but_broken", "broken",
         _settings(_ACCOUNT, "authentication: :cram_md5", _STARTTLS), told_by="logins"),
    Case("starttls_required", "acs", _settings(*_LOGIN, "enable_starttls_auto: false"), _TO_LOGIN),
    Case("implicit_tls_on_starttls_port", "acs", _settings(*_LOGIN, "tls: true"), _TO_LOGIN),
    Case("starttls_on_implicit_tls_port", "acs",
         _settings(*_LOGIN, _STARTTLS, "open_timeout: 1", "read_timeout: 1"), _TO_LOGIN,
         door="smtps", told_by="probe"),
    Case("cert_untrusted", "acs", _USUAL, _with_fix(*_LOGIN, _STARTTLS), trusting=False),
    Case("cert_hostname_mismatch", "acs", _USUAL, _with_fix(*_LOGIN, _STARTTLS)),
    Case("auth_not_performed", "acs", _settings(_STARTTLS)),
    Case("auth_not_advertised", "nobody", _PLAIN),
    Case("auth_command_too_long", "token",
         _settings(_ACCOUNT, "authentication: :xoauth2", _STARTTLS),
         "{fix}" + _settings(_ACCOUNT, "authentication: :xoauth2_two_lines", _STARTTLS)),
    Case("credentials_missing", "acs", _settings(_LOGIN[1], _STARTTLS),
         _with_fix(_LOGIN[1], _STARTTLS)),
    Case("empty_password_sent", "acs", _USUAL.replace('ENV["SMTP_PASSWORD"]', '""'),
         _with_fix(_LOGIN[1], _STARTTLS), told_by="record"),
    Case("host_setting_malformed", "acs", _USUAL.replace("{host}", "smtp://{host}"),
         _with_fix(*_LOGIN, _STARTTLS).replace("{host}", "smtp://{host}"),
        told_by="lint"),
    Case("helo_rejected", "names", _settings(*_LOGIN, _STARTTLS, 'domain: "localhost"')),
    Case("account_name_used_as_sender", "acs",
         _USUAL + 'message[:from] = ENV["SMTP_USERNAME"]\n',
         _USUAL + _DEFAULT),
    Case("sender_domain_not_linked", "acs", _USUAL + 'message[:from] = "me@elsewhere.example"\n',
         _USUAL + _DEFAULT),
    Case("client_config_conflict", "acs",
         'smtp = Net::SMTP.new("{host}", {port})\nsmtp.enable_tls\nsmtp.enable_starttls\n',
        _TO_LOGIN),
)  # fmt: skip
