"""Go: wneessen/go-mail's debug log and errors."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "go-mail",
    "go-mail",
    library="go-mail",
    client=r"^.*?C --> S: (?P<text>.*?)\"?$",
    server=r"^.*?C <-- S: (?P<text>.*?)\"?$",
    joined=True,
    hints=("c --> s:", "c <-- s:"),
    errors=(
        "wneessen/go-mail", "smtpauthplain", "smtpauthlogin",
        "server does not support smtp auth type", "dial failed:",
        "smtp auth failed:",
    ),
)  # fmt: skip
