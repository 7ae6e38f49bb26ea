"""PHPMailer with SMTPDebug, version 6 and the older 5; as text or as HTML."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "phpmailer",
    "PHPMailer",
    library="phpmailer",
    client=r"^.*?CLIENT -(?:>|&gt;) S(?:ERVER|MTP):\s*(?P<text>.*?)(?:<br\s*/?>)?$",
    server=r"^.*?(?:SERVER -(?:>|&gt;) CLIENT:|SMTP -(?:>|&gt;) FROM SERVER:)\s*"
    r"(?P<text>.*?)(?:<br\s*/?>)?$",
    hints=("server -", "smtp ->", "client -"),
    errors=(
        "phpmailer", "smtp connect() failed", "smtp error: could not authenticate",
        "smtp error: password command failed", "smtp error: auth command failed",
        "smtp error: ehlo", "smtp -> error", "auth not accepted from server",
        "smtp error: data not accepted", "smtp error: from", "the following from address failed",
        "mailer error",
    ),
    version=r"(?i)phpmailer[ /v(]+([\d.]+)",
)  # fmt: skip
