"""Symfony Mailer and SwiftMailer, alone or in Laravel: exceptions, and their debug output."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "symfony",
    "Symfony Mailer",
    library="symfony",
    client=r"^(?:\[\d[^\]]*\] |>)?> (?P<text>.*?)(?:\\r\\n)?$",
    server=r"^(?:\[\d[^\]]*\] |<)?< (?P<text>.*?)(?:\\r\\n)?$",
    hints=("> ehlo", "< 220", ">> ehlo", "<< 220", "< 250"),
    errors=(
        "symfony\\component\\mailer", "swift_", "swiftmailer", "expected response code",
        "failed to authenticate on smtp server", "connection could not be established with host",
        "unable to connect with starttls", "mailer dsn", "illuminate\\mail",
        "possible authenticators",
        "mailer_dsn", "laravel",
    ),
)  # fmt: skip
