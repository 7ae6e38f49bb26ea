"""Any other client that marks who speaks: arrows, brackets, ``Sent:`` and ``Received:``."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "marked",
    "a session that marks who speaks",
    client=r"^(?:>{1,3}|-{1,2}>|={1,2}>|C>|\[(?i:C|CLIENT|SENT|SEND|OUT|TX)\]:?|"
    r"(?i:client|sent|sending|send|out|tx|wrote|write)\s?[:>])\s?(?P<text>.*)$",
    server=r"^(?:<{1,3}|<-{1,2}|<={1,2}|S>|\[(?i:S|SERVER|RECEIVED|RECV|IN|RX)\]:?|"
    r"(?i:server|received|recv|got|in|rx|reply|response|read)\s?[:<>])\s?"
    r"(?:S: )?(?P<text>[2-5]\d\d(?:[ -].*)?)$",
    shared=True,
)
