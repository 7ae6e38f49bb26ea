"""The relay that is killed: a Communication Services resource, and four ways out."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gatepost.certificates.local_ca import ensure_certificates
from gatepost.net.listen import listen
from gatepost.testing.crash.senders import SenderAccount
from gatepost.testing.crash.victim import Victim
from tests.unit.directory.azure.world import USERNAME

INSIDE: Final = "inside.test"
"""By SMTP to what takes the place of High Volume Email, which has a sender of its own."""
MAILGUN: Final = "mailgun.test"
"""By the API of Mailgun, whose webhooks say what became of it."""
SES: Final = "ses.test"
"""By the API of SES."""
MX: Final = "mx.test"
"""By SMTP, with an address for bounces."""
DOMAINS: Final = (INSIDE, MAILGUN, SES, MX)
BOUNCES: Final = "bounces.test"
WEBHOOK_KEY: Final = "mg-key"
_CONFIG: Final = """\
hostname = "crash.test"
workers = {workers}

[[listener]]
name = "submission"
address = "127.0.0.1:{smtp}"
certificate = "{certificate}"
replies = "acs"

[[listener]]
name = "mx"
address = "127.0.0.1:{mx}"
tls = "none"

[[listener.network]]
from = ["127.0.0.1"]
may_send_to = ["{bounces}"]

[api]
address = "127.0.0.1:{api}"
certificate = "{certificate}"

[directory]
kind = "azure"

[limits]
connections_per_address = 1000

[storage]
directory = "{data}"
free_space = "64 MiB"

[retry.soon]
table = ["1s"]
jitter = 0.5
expire = "1h"
warn = "never"

[credentials.key]
kind = "api-key"
key = {{ file = "{home}/api-key" }}

[credentials.aws]
kind = "aws-access-key"
access_key_id = "AKIDEXAMPLE"
secret_access_key = {{ file = "{home}/api-key" }}

[target.inside]
kind = "smarthost"
servers = ["127.0.0.1:{inside_port}"]
tls = "none"
connections = 4
send_as = "hve@inside.test"

[target.mx]
kind = "smarthost"
servers = ["127.0.0.1:{mx_port}"]
tls = "none"
connections = 4

[target.mailgun]
kind = "http-api"
provider = "mailgun"
domain = "mg.example.com"
credential = "key"
endpoint = "{mailgun_url}"
connections = 4

[target.ses]
kind = "http-api"
provider = "ses"
region = "eu-west-1"
credential = "aws"
endpoint = "{ses_url}"
connections = 4

[target.keep]
kind = "capture"

[events]
address = "127.0.0.1:{events}"
bounce_domain = "{bounces}"
bounce_targets = ["mx"]

[events.provider.mailgun]
provider = "mailgun"
targets = ["mailgun"]
key = {{ file = "{home}/webhook-key" }}

[[route]]
senders = ["<>"]
to = "keep"

[[route]]
recipients = ["{bounces}"]
to = "keep"
"""
_ROUTE: Final = """
[[route]]
recipients = ["{domain}"]
to = "{target}"
retry = "soon"
"""


@dataclass(slots=True)
class ExitRelay(Victim):
    """A relay with ports that stay over its restarts."""

    providers: Mapping[str, object] | None = None
    """Ports and URLs of the providers."""
    secret: str = ""
    """Of the application."""
    mx: int = 0
    api: int = 0
    events_port: int = 0

    def __post_init__(self) -> None:
        """Write the configuration."""
        certificates = ensure_certificates(self.home, datetime.now(UTC))
        for name, text in (("api-key", secrets.token_hex()), ("webhook-key", WEBHOOK_KEY)):
            (self.home / name).touch(0o600)
            (self.home / name).write_text(text)
        sockets = [listen("127.0.0.1", 0) for _ in range(4)]
        smtp, self.mx, self.api, self.events_port = [each.port for each in sockets]
        for each in sockets:
            each.close()
        self.account = SenderAccount(
            (f"127.0.0.1:{smtp}",), str(certificates.ca_file), USERNAME, self.secret
        )
        text = _CONFIG.format(
            workers=self.workers, smtp=smtp, mx=self.mx, api=self.api, events=self.events_port,
            certificate=certificates.server_file, home=self.home, data=self.data, bounces=BOUNCES,
            **(self.providers or {}),
        )  # fmt: skip
        routes = zip(DOMAINS, ("inside", "mailgun", "ses", "mx"), strict=True)
        text += "".join([_ROUTE.format(domain=domain, target=target) for domain, target in routes])
        self.config.write_text(text)
