"""Postfix: what its smtp client and smtpd log; with ``-v`` also the session."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "postfix",
    "Postfix",
    library="postfix",
    client=r"^.*postfix\S*/(?:\w*smtp\[\d+\]: >|\w*smtpd\[\d+\]: <) [^:]*(?::\d+)?: (?P<text>.*)$",
    server=r"^.*postfix\S*/(?:\w*smtp\[\d+\]: <|\w*smtpd\[\d+\]: >) [^:]*(?::\d+)?: (?P<text>.*)$",
    hints=("postfix/",),
    errors=(
        "postfix/", "sasl authentication failed; ", "no worthy mechs", "(in reply to ",
        "helo command rejected", "smtp_sasl", "status=deferred", "status=bounced",
    ),
)  # fmt: skip
