"""nodemailer with ``logger: true`` and ``debug: true``, on a console or as JSON lines."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "nodemailer",
    "nodemailer",
    library="nodemailer",
    client=r"^.*?(?:DEBUG\b.*?\] |\"msg\":\s*\"|\"message\":\s*\")C: (?P<text>.*?)(?:\"[,}].*)?$",
    server=r"^.*?(?:DEBUG\b.*?\] |\"msg\":\s*\"|\"message\":\s*\")S: (?P<text>.*?)(?:\"[,}].*)?$",
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
