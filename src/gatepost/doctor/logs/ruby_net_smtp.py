"""Ruby: Net::SMTP with ``set_debug_output`` (``->`` is what came), mail, ActionMailer."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "ruby-net-smtp",
    "Ruby Net::SMTP",
    library="ruby-net-smtp",
    client=r"^\s*<- (?P<text>\".*)$",
    server=r"^\s*-> (?P<text>\".*)$",
    hints=('<- "', '-> "'),
    quoted=True,
    tls=("tls connection started",),
    errors=(
        "net::smtp", "net/smtp.rb", "net/protocol.rb", "net::opentimeout", "net::readtimeout",
        "actionmailer", "action_mailer", "openssl::ssl::sslerror", "ssl_connect returned",
        "ssl_connect", "delivery_method", "connection refused - connect(2)",
    ),
)  # fmt: skip
