"""Rust: lettre's tracing, old and new, and its errors."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "lettre",
    "lettre",
    library="lettre",
    client=r"^(?>.*?lettre\S{0,200}?[\]:\s])(?>.*?(?:>>|Wrote:))\s*(?P<text>.*)$",
    server=r"^(?>.*?lettre\S{0,200}?[\]:\s])(?>.*?(?:<<|Read:))\s*(?P<text>.*)$",
    hints=("lettre",),
    quoted=True,
    errors=(
        "lettre", "no compatible authentication mechanism", "invalidcontenttype", "unknownissuer",
        "permanent error (", "transient error (", "internal client error", "notvalidforname",
        "corrupt message",
    ),
)  # fmt: skip
