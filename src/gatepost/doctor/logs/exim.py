"""Exim: its main log, and ``exim -d`` or ``-v``."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "exim",
    "Exim",
    library="exim",
    client=r"^.*?SMTP>> (?P<text>.*)$",
    server=r"^(?:.*?SMTP<< (?P<first>.*)|(?:\s*\d+)?\s{8,}+(?P<more>[2-5]\d\d[ -].*))$",
    hints=("smtp>>", "smtp<<"),
    errors=(
        "exim", "smtp error from remote mail server", "authenticator failed", "t=remote_smtp",
        "r=smarthost", "h=smtp",
    ),
)  # fmt: skip
