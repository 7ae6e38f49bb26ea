"""swaks: ``->`` before TLS, ``~>`` under TLS, an asterisk after refusals."""

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
