"""Postfix: what its smtp client and smtpd log; with ``-v`` also the session."""

from typing import Final

from gatepost.doctor.logs.log_format import Format

_DAEMON: Final = r"^(?>.*?postfix\S{0,60}/\w{0,20}"
_SAID: Final = r" [^:]*(?::\d+)?: (?P<text>.*)$"

FORMAT = Format(
    "postfix",
    "Postfix",
    library="postfix",
    client=_DAEMON + r"(?:smtp\[\d+\]: >|smtpd\[\d+\]: <))" + _SAID,
    server=_DAEMON + r"(?:smtp\[\d+\]: <|smtpd\[\d+\]: >))" + _SAID,
    hints=("postfix/",),
    errors=(
        "postfix/", "sasl authentication failed; ", "no worthy mechs", "(in reply to ",
        "helo command rejected", "smtp_sasl", "status=deferred", "status=bounced",
    ),
)  # fmt: skip
