"""msmtp -d, and its messages."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "msmtp",
    "msmtp",
    library="msmtp",
    client=r"^\s*--> (?P<text>.*)$",
    server=r"^\s*<-- (?P<text>.*)$",
    hints=("<-- ", "--> "),
    errors=(
        "msmtp:", "msmtp ", "tls_starttls", "cannot find a usable authentication method",
        "could not send mail (account", "msmtprc",
    ),
    version=r"msmtp(?: version)? ([\d.]+)",
)  # fmt: skip
