"""RainLoop and SnappyMail: webmail whose log marks each line with its service."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "rainloop",
    "RainLoop",
    client=r"^.*?SMTP\[DATA\]:? > (?P<text>.*)$",
    server=r"^.*?SMTP\[DATA\]:? < (?P<text>.*)$",
    hints=("smtp[data]",),
)
