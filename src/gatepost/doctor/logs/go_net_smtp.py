"""Go: net/smtp, gomail and others on top of it print errors only."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "go-net-smtp",
    "Go net/smtp",
    library="go-net-smtp",
    errors=(
        "net/smtp", "smtp: server doesn't support auth", "unencrypted connection", "gomail",
        "wrong host name", "tls: first record does not look like", "dial tcp", "x509: ",
        "tls: failed to verify", "remote error: tls:", "smtp.plainauth", "tls: server selected",
        "missing port in address", "too many colons in address", "goroutine ", "short response:",
    ),
)  # fmt: skip
