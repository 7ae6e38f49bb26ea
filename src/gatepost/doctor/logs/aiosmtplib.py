"""Python's aiosmtplib, which prints no sessions: its exceptions; fastapi-mail uses it."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "aiosmtplib",
    "Python aiosmtplib",
    library="aiosmtplib",
    errors=(
        "aiosmtplib", "fastapi_mail", "smtpconnecttimeouterror", "disconnected: connection lost",
        "connection already using tls", "check your credentials or email service configuration",
    ),
)  # fmt: skip
