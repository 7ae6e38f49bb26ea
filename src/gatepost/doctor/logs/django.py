"""Django's mail backend on top of smtplib: its settings and its frames in tracebacks."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "django",
    "Django",
    library="django",
    errors=(
        "django/core/mail", "django.core.mail", "email_use_tls", "email_use_ssl", "email_backend",
        "email_host",
    ),
)  # fmt: skip
