"""OpenSMTPD's trace: the server writes its log, so what comes in is the client's."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "opensmtpd",
    "OpenSMTPD",
    client=r"^.*?\bsmtp: (?:0x)?[0-9a-f]+: <<< (?P<text>.*)$",
    server=r"^.*?\bsmtp: (?:0x)?[0-9a-f]+: >>> (?P<text>.*)$",
    hints=(": >>> ",),
)
