"""Thunderbird's and SeaMonkey's log (MOZ_LOG=SMTP:5), old and new."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "thunderbird",
    "Thunderbird",
    client=r"^.*?\b(?:SMTP Send:|C:) (?P<text>.*)$",
    server=r"^.*?\b(?:SMTP Response:|S:) (?P<text>.*)$",
    hints=("smtp send:", "smtp response:", "mailnews.smtp"),
)
