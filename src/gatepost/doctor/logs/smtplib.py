"""Python's smtplib with ``set_debuglevel``, and its exceptions; Django uses it, too."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "smtplib",
    "Python smtplib",
    library="smtplib",
    client=r"^(?:[\d:.]+ )?send: (?P<text>.*)$",
    server=r"^(?:[\d:.]+ )?(?:reply: |connect: \()(?P<text>b?['\"]\d.*|\d{3}, b?.*)$",
    hints=("send: ", "reply: "),
    quoted=True,
    errors=(
        "smtplib.", "smtplib.py", "smtpnotsupportederror", "smtpheloerror",
        "smtpauthenticationerror: (",
        "smtp auth extension not supported by server", "starttls extension not supported by server",
        "connection unexpectedly closed", "please run connect() first",
        "no suitable authentication",
    ),
)  # fmt: skip
