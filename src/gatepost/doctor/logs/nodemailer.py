"""nodemailer with ``logger: true`` and ``debug: true``, on a console or as JSON lines."""

from typing import Final

from gatepost.doctor.logs.log_format import Format

_LINE: Final = r"^(?:(?>.*?DEBUG\b)(?>.*?\] {0}: )|(?>.*?\"(?:msg|message)\":\s*\"{0}: ))"
_TEXT: Final = r"(?P<text>.*?)(?:\"[,}].*)?$"

FORMAT = Format(
    "nodemailer",
    "nodemailer",
    library="nodemailer",
    client=_LINE.format("C") + _TEXT,
    server=_LINE.format("S") + _TEXT,
    hints=("debug", '"msg"', '"message"'),
    tls=("connection upgraded with starttls", "secure connection established"),
    errors=(
        "nodemailer", "smtp-connection", "code: 'eauth'", '"eauth"', "esocket", "eenvelope",
        "emessage", "econnection", "greeting never received", "invalid login:",
        "missing credentials for", "can't send mail - all recipients were rejected",
        "mail command failed:", "message failed:", "unexpected socket close",
    ),
    version=r"nodemailer[ /@(v]+([\d.]+)",
)  # fmt: skip
