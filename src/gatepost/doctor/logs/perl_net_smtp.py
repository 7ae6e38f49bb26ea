"""Perl's Net::SMTP with Debug, which many mail programs in Perl use."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "perl-net-smtp",
    "Perl Net::SMTP",
    library="perl-net-smtp",
    client=r"^.*?GLOB\(0x[0-9a-f]+\)>>> (?P<text>.*)$",
    server=r"^.*?GLOB\(0x[0-9a-f]+\)<<< (?P<text>.*)$",
    hints=("glob(0x",),
    errors=("net::smtp=glob", "net/smtp.pm", "authen::sasl", "email::sender",
            "net::smtp: ", "net::smtp->new", "net::smtp::ssl", ".pl line ", ".pm line "),
)  # fmt: skip
