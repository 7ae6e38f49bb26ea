"""swaks: ``->`` before TLS, ``~>`` under it, an asterisk where the answer was no."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "swaks",
    "swaks",
    library="swaks",
    client=r"^\s?[-~]> ?(?P<text>.*)$",
    server=r"^\s?<[-~*][-~* ](?! ?Timeout ) ?(?P<text>.*)$",
    hints=("<-  ", "<~  ", " -> ", " ~> ", "<** ", "<~* "),
    tls=("=== tls started",),
    errors=("=== ", "*** no authentication type", "*** host did not advertise", "swaks"),
)
