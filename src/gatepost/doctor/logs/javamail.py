"""JavaMail, Jakarta Mail, Angus with ``mail.debug``; Spring uses it."""

from gatepost.doctor.logs.log_format import COMMAND, Format

FORMAT = Format(
    "javamail",
    "JavaMail",
    library="javamail",
    client=rf"^(?P<text>{COMMAND}|\[redacted#\d+\]$|\*$|\.$)"
    r"|^DEBUG SMTP: (?P<traced>AUTH \S+) command trace suppressed$",
    server=r"^(?P<text>[2-5]\d\d(?:[ -].*)?)$",
    hints=("debug smtp", "debug: getprovider", "debug: jakarta mail", "debug: javamail"),
    signed_in=r"debug smtp: auth \S+ succeeded",
    errors=(
        "javax.mail", "jakarta.mail", "com.sun.mail", "org.eclipse.angus", "mail.smtp.",
        "no authentication mechanisms supported by both server and client", "mailconnectexception",
        "authenticationfailedexception", "could not convert socket to tls", "javamailsender",
        "sslhandshakeexception", "pkix path building", "spring.mail", "mailsendexception",
    ),
    version=r"(?:JavaMail|Jakarta Mail|Angus Mail) version ([\d.]+)",
)  # fmt: skip
