"""The program of a front process of ``gatepost up``: serves SMTP, and calls the store process."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from gatepost.app.smtp_setup import Backend, SmtpSetup, make_listener_states, make_relay
from gatepost.net.listen import Listener, adopt, inheritable
from gatepost.processes.front_process import FrontProcess, run_front
from gatepost.processes.remote_directory import RemoteQuotas
from gatepost.processes.workers import Instruction
from gatepost.relay.supervise import Supervisor


@dataclass(frozen=True, slots=True)
class Front:
    """The instructions for a front process; sockets by descriptor."""

    serving: SmtpSetup
    smtp: tuple[int, ...]
    smtps: tuple[int, ...]


def instruct(serving: SmtpSetup, smtp: Listener | None, smtps: Listener | None) -> Instruction:
    """Return the instruction that starts front processes for these listeners."""
    descriptors = [inheritable(each) if each is not None else () for each in (smtp, smtps)]
    front = Front(serving, *descriptors)
    text = msgspec.json.encode(front, enc_hook=dict)
    return Instruction("gatepost.app.up_front", lambda: text, (*front.smtp, *front.smtps))


async def serve(front: Front) -> None:
    """Serve until told to stop, or until the store process ends."""
    process = await FrontProcess.connect(Path(front.serving.data))
    quotas = RemoteQuotas(process.calls) if front.serving.profile.strict.has_limits else None
    backend = Backend(process.store, process.directory, quotas)
    relay = make_relay(front.serving, backend, process.report, await process.store.new_epoch())
    supervisor = Supervisor(relay)
    states = make_listener_states(front.serving, process.directory)
    listening = {"smtp": front.smtp, "smtps": front.smtps}
    listeners = [(adopt(each), states[name]) for name, each in listening.items() if each]
    await process.serve(supervisor, listeners)


def main() -> None:
    """Read the instructions from standard input, and follow them."""
    run_front(Front, serve)


if __name__ == "__main__":
    main()
