""".NET's System.Net.Mail: exceptions with generic texts that contain the server's reply."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "system-net-mail",
    "System.Net.Mail",
    library="system-net-mail",
    client=r"^.*?\bSending(?: data)?: (?P<text>.*)$",
    server=r"^.*?\bReceived(?: data)?: (?P<text>[2-5]\d\d.*)$",
    hints=("sending",),
    errors=(
        "system.net.mail", "smtpexception", "smtpfailedrecipient", "the server response was",
        "failure sending mail", "requires a secure connection or the client was not authenticated",
        "mailbox unavailable.", "usedefaultcredentials", "service not available, closing",
        "unable to read data from the transport connection",
    ),
)  # fmt: skip
