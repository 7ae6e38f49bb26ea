"""A transport on loopback, and the replies of the server that it hands mail to."""

import asyncio
from collections.abc import Awaitable, Callable

from gatepost.client.settings import Timeouts
from gatepost.client.smtp_sign_in import CredentialSource
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Lease
from gatepost.model.route import HopTls, ServerAddress, Smarthost, SmarthostTarget
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.connection_opener import Opener
from gatepost.relay.transport.smtp import Sending, SmtpTransport
from tests.certificates import Authority
from tests.leases import TRACE, lease
from tests.shell.smtp_server import Client

BODY = BytesBody(b"Subject: hi\r\n\r\n.Hello\r\n")
SENT = TRACE + b"Subject: hi\r\n\r\n..Hello\r\n"
QUICK = Timeouts(
    connect=30,
    greeting=30,
    ehlo=30,
    starttls=30,
    tls=30,
    auth=30,
    mail=30,
    rcpt=30,
    data=30,
    quit=0.1,
)
PIPELINED = "250-test\n250-PIPELINING\n250-DSN\n250 SIZE 1000000"


class Relay:
    """A transport to one server, and the options of its use."""

    def __init__(
        self,
        address: str,
        authority: Authority,
        *,
        tls: HopTls = "none",
        sign_in: CredentialSource | None = None,
        timeouts: Timeouts = QUICK,
        **options: object,
    ) -> None:
        host, port = address.split(":")
        self.place = ServerAddress(host, int(port), "127.0.0.1")
        target = SmarthostTarget(
            "hub", (Smarthost(host, int(port)),), tls, ca_file=authority.ca_file,
            credential="c" if sign_in else "", **options,  # type: ignore[arg-type]
        )  # fmt: skip
        sending = Sending(Opener(timeouts=timeouts), "relay.example")
        self.transport = SmtpTransport(target, sign_in, sending)

    async def hand(self, given: Lease | None = None, body: BytesBody = BODY) -> AttemptResult:
        deadline = asyncio.get_running_loop().time() + 60
        return await self.transport.deliver(given or lease(), body, self.place, deadline)


def run(relay: Relay, act: Callable[[Relay], Awaitable[None]]) -> None:
    """Use a transport, and close it."""

    async def all_of_it() -> None:
        try:
            await act(relay)
        finally:
            await relay.transport.close()

    asyncio.run(all_of_it())


def hand_once(relay: Relay, given: Lease | None = None, body: BytesBody = BODY) -> AttemptResult:
    """Hand over one message on its own connection; return the result."""
    handed: list[AttemptResult] = []

    async def act(relay: Relay) -> None:
        handed.append(await relay.hand(given, body))

    run(relay, act)
    return handed[0]


def greet(client: Client, hello: str = "250 test") -> None:
    """Greet and answer EHLO."""
    client.say("220 test ESMTP")
    client.answer(hello)


def take(client: Client, *recipients: str, final: str = "250 2.0.0 kept") -> bytes:
    """Accept one message in lock step; ``recipients`` are the replies to RCPT."""
    client.answer("250 ok", *(recipients or ("250 ok",)), "354 go")
    content = client.hear_content()
    client.say(final)
    return content


def pipelined(client: Client, *replies: str, final: str = "250 2.0.0 kept") -> bytes:
    """Accept one message with pipelined commands; ``replies`` are those up to the 354."""
    for _ in replies:
        client.hear()
    client.say(*replies)
    content = client.hear_content()
    client.say(final)
    return content


def start_tls(client: Client, hello: str = "250 test") -> None:
    """Greet, accept STARTTLS, and answer EHLO again."""
    greet(client, "250-test\n250 STARTTLS")
    client.answer("220 go")
    client.start_tls()
    client.answer(hello)
