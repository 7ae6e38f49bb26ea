"""Judges the events by what the servers took and returned. Pure."""

from collections.abc import Collection, Mapping, Sequence

from bench.exit_crash.relay import MAILGUN, MX
from gatepost.testing.crash.verdict import SETTLED_WITHIN, CrashRecords
from gatepost.testing.upstream import Taken


def judge_events(
    records: CrashRecords, states: Mapping[str, Sequence[str]], bounced: Collection[str]
) -> list[str]:
    """Return what is wrong with the events, a line for each recipient.

    Each recipient who does not wait has one event of the delivery or of the refusal, and one more
    if the mail came back after it was delivered. ``states``: the statuses of his events;
    ``bounced``: recipients whose mail a server has returned.
    """
    reached = {to for each in records.taken for to in each.recipients}
    unheard = {to for each in records.taken if _is_unheard(each, records) for to in each.recipients}
    waiting = {to for _, to in records.queued}
    faults = []
    for to in [each for message in records.sent for each in message.recipients]:
        own = states.get(to, ())
        least = most = 0 if to in waiting else 1 + (to in bounced)
        if to in unheard:
            # Whoever took mail without being heard is asked again, and may refuse it then. What
            # comes back after that is about mail that was refused already, and makes no event;
            least -= least > 1 and bool(own) and "Delivered" not in own
            # if it was reported before, the refusal makes a second one.
            most += to.endswith((MAILGUN, MX))
        if not least <= len(own) <= most:
            faults.append(f"{to}: {list(own)}, {least} to {most} expected")
        elif "Delivered" in own and to not in reached:
            faults.append(f"{to}: Delivered, and it is nowhere")
    return faults


def _is_unheard(taken: Taken, records: CrashRecords) -> bool:
    """Tell whether the relay may not know that a message was taken."""
    return taken.silent or any(
        taken.at <= kill.over and kill.at <= taken.at + SETTLED_WITHIN
        for kill in records.kills
        if kill.victim != "worker"
    )
