"""openssl s_client, telnet, nc: what was typed and what came, without a prefix."""

from gatepost.doctor.logs.form import VERB, Format

FORMAT = Format(
    "s_client",
    "openssl s_client or telnet",
    client=rf"^(?P<text>{VERB.pattern[4:]}.*|\[redacted#\d+\]|\*|\.)$",
    server=r"^(?P<text>[2-5]\d\d(?:[ -].*)?)$",
    tls=("verify return code", "new, tlsv1", "ssl-session:"),
    errors=("connected(0000", "s_client", "verify error:num", "verify return:"),
)
"""Commands in capitals only: a sentence may begin with ``Help`` or ``data``."""
