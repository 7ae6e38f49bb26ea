"""Stalwart's trace: the server writes its log, so what it reads is the client's."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "stalwart",
    "Stalwart",
    client=r"^(?>.*?event=\"read\")(?>.*?data=(?=\"))(?P<text>\".*\").*$",
    server=r"^(?>.*?event=\"write\")(?>.*?data=(?=\"))(?P<text>\".*\").*$",
    hints=('event="write"', 'event="read"'),
    quoted=True,
)
