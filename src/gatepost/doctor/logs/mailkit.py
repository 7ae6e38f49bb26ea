"""MailKit's ProtocolLogger; the same two letters are what people write by hand."""

from gatepost.doctor.logs.log_format import Format

_TIME = r"^\s*(?:\d{4}-\d\d-\d\dT[\d:.]+Z?\s+)?"

FORMAT = Format(
    "mailkit",
    "a session with C: and S:",
    library="mailkit",
    shared=True,
    client=_TIME + r"[Cc](?:lient)?\s*:\s?(?P<text>.*)$",
    server=_TIME + r"[Ss](?:erver)?\s*:\s?(?P<text>.*)$",
    hints=("c:", "s:", "client:", "server:"),
    errors=(
        "mailkit", "smtpcommandexception", "smtpprotocolexception", "sslhandshakeexception",
        "an error occurred while attempting to establish an ssl or tls connection",
        "the smtp server does not support authentication", "securesocketoptions",
        "the smtp server has unexpectedly disconnected", "connected to smtp://", "mimekit",
        "connected to smtps://",
    ),
)  # fmt: skip
