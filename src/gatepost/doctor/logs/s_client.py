"""openssl s_client, telnet, nc: input and output without prefixes."""

from gatepost.doctor.logs.log_format import COMMAND, Format

FORMAT = Format(
    "s_client",
    "a session without marks, as of openssl s_client or telnet",
    client=rf"^(?P<text>{COMMAND}|\[redacted#\d+\]$|\*$|\.$)",
    server=r"^(?P<text>[2-5]\d\d(?:[ -].*)?)$",
    tls=("verify return code", "new, tlsv1", "ssl-session:"),
    errors=("connected(0000", "s_client", "verify error:num", "verify return:"),
)
