"""The command at which a traceback ends the dialogue."""

import pytest

from gatepost.doctor.logs.prose import phase_in_traceback
from gatepost.doctor.logs.read_log import read_log

PYTHON = """
  File "/usr/lib/python3.12/smtplib.py", line 900, in sendmail
    self.ehlo_or_helo_if_needed()
  File "/usr/lib/python3.12/smtplib.py", line 624, in {}
    (code, resp) = self.auth(
  File "/usr/lib/python3.12/smtplib.py", line 405, in getreply
smtplib.SMTPServerDisconnected: Connection unexpectedly closed"""
JAVA = """jakarta.mail.MessagingException: [EOF]
	at org.eclipse.angus.mail.smtp.SMTPTransport.issueCommand(SMTPTransport.java:2373)
	at org.eclipse.angus.mail.smtp.SMTPTransport.{}(SMTPTransport.java:1666)
	at org.eclipse.angus.mail.smtp.SMTPTransport.protocolConnect(SMTPTransport.java:735)"""
RUBY = """EOFError: end of file reached
net/smtp.rb:1000:in `recv_response'
net/smtp.rb:873:in `{}'
net/smtp.rb:600:in `do_start'"""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (PYTHON.format("auth"), "auth"),
        (PYTHON.format("ehlo"), "ehlo"),
        (PYTHON.format("rcpt"), "rcpt"),
        (JAVA.format("helo"), "ehlo"),
        (JAVA.format("authenticate"), "auth"),
        (JAVA.format("mailFrom"), "mail"),
        (RUBY.format("auth_plain"), "auth"),
        (RUBY.format("authenticate"), "auth"),
        (RUBY.format("starttls"), "starttls"),
        ("at SMTPConnection._actionAUTHComplete (/app/nodemailer/lib/index.js:1)", "auth"),
        ("at MailKit.Net.Smtp.SmtpClient.AuthenticateAsync(Encoding encoding)", "auth"),
        ("at System.Net.Mail.MailCommand.Send(SmtpConnection conn, Byte[] command)", "mail"),
        ("SmtpTransport->doMailFromCommand('a@b.example')", "mail"),
        ('File "/app/views.py", line 3, in login', None),
    ],
)
def test_the_innermost_frame_gives_the_command(text: str, place: str | None) -> None:
    assert phase_in_traceback(text) == place


def test_a_traceback_s_files_are_no_secrets() -> None:
    remarks = "\n".join(read_log(PYTHON.format("auth")).remarks)
    assert "smtplib.py" in remarks
    assert "redacted" not in remarks
