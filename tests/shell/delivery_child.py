"""A process that queues and delivers to one smarthost: ``delivery_child JSON``.

Standard output: ``ready``, then each message's id once it was accepted. It stops on SIGTERM.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gatepost.app.message_ids import make_ids
from gatepost.client.smtp_sign_in import PasswordSignIn
from gatepost.control.queue_control import QueueControl
from gatepost.control.socket_server import ControlServer
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.route import HopLimits, Retry, Route, Smarthost, SmarthostTarget
from gatepost.model.secret import Secret
from gatepost.net.dns import DnsResolver
from gatepost.relay.attempt import AttemptRunner
from gatepost.relay.attempt_admission import AttemptAdmission
from gatepost.relay.attempt_feedback import AttemptFeedback
from gatepost.relay.deliverer import Deliverer
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.relay.notifier import Notifier
from gatepost.relay.routed_store import RoutedStore
from gatepost.relay.routes import Routes
from gatepost.relay.server_lookup import Own, ServerLookup
from gatepost.relay.settler import Settler
from gatepost.relay.shared_by_delivery import DeliveryContext
from gatepost.relay.target_choice import TargetChoice
from gatepost.relay.transport.smtp import SmtpTransport
from gatepost.store.sqlite import open_store
from tests.contract.directories import azure

PRODUCERS = 4
SIZES = (100, 3_000, 20_000)


def now() -> datetime:
    return datetime.now(UTC)


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def report(event: str, **facts: Any) -> None:
    os.write(2, (json.dumps({"event": event, **facts}) + "\n").encode())


def routes(plan: dict[str, Any]) -> Routes:
    target = SmarthostTarget(
        "hub",
        (Smarthost(plan["host"], plan["port"]),),
        tls=plan.get("tls", "none"),
        ca_file=plan.get("ca_file"),
        credential="upstream" if "username" in plan else "",
        limits=HopLimits(connections=4, messages_per_connection=20),
    )
    wait = timedelta(seconds=plan.get("wait", 1))
    return Routes([Route("out", (target,), retry=Retry(first=wait, longest=wait))])


def submission(plan: dict[str, Any], id_: str, number: int) -> Submission:
    to = [Recipient(parse_address(f"u{each}.{id_}@example.net")) for each in range(2)]
    envelope = Envelope(parse_address(plan["sender"]), tuple(to))
    content = f"Message-ID: <{id_}@test>\r\nFrom: <{plan['sender']}>\r\n\r\n".encode()
    content += b"0123456789abcde\r\n" * (SIZES[number % len(SIZES)] // 17)
    return Submission(id_, envelope, BytesBody(content), b"", now())


async def main(plan: dict[str, Any]) -> None:
    store = open_store(Path(plan["data"]))
    table = routes(plan)
    target = table.all[0].chain[0]
    assert isinstance(target, SmarthostTarget)
    sign_in = None
    if "username" in plan:
        sign_in = PasswordSignIn(plan["username"], lambda: Secret(plan["password"]))
    next_id = make_ids(await store.new_epoch())
    seconds, chance = time.monotonic, random.random
    context = DeliveryContext(store.deliveries, table, report, now)
    settler = Settler(context, Notifier("relay.example", next_id, table, report), chance)
    admission = AttemptAdmission(seconds, chance)
    lookup = ServerLookup(DnsResolver(), Own(), seconds, chance)
    attempts = AttemptRunner(
        {"hub": SmtpTransport(target, sign_in)},
        TargetChoice(lookup, admission, DescriptorAlarm(report)),
        AttemptFeedback(admission, chance, report),
        now,
    )
    deliverer = Deliverer(context, settler, attempts)
    await deliverer.start()
    routed = RoutedStore(store, store.deliveries, deliverer)
    queue = QueueControl(store.deliveries, now, lambda: deliverer)
    directory = (await azure()).directory
    control = await ControlServer(Path(plan["data"]), routed, directory, queue=queue).serve()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    say("ready")

    async def produce(count: int) -> None:
        for number in range(count):
            id_ = next_id()
            await routed.put(submission(plan, id_, number))
            say(id_)

    producers = [asyncio.create_task(produce(plan.get("count", 0))) for _ in range(PRODUCERS)]
    await stop.wait()
    for each in producers:
        each.cancel()
    await deliverer.stop(5)
    control.close()
    store.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
