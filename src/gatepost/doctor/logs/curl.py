"""curl -v and libcurl's errors."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "curl",
    "curl",
    library="curl",
    client=r"^> (?P<text>.*)$",
    server=r"^< (?P<text>.*)$",
    hints=("* trying", "* connected", "curl"),
    tls=("* ssl connection using", "* server certificate:"),
    errors=("curl: (", "curl error", "libcurl", "curle_", "login denied"),
    version=r"curl[ /]([\d.]+)",
)
