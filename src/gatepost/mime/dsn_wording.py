"""The human-readable part of a notification."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gatepost.mime.dates import format_date
from gatepost.mime.dsn_fields import breakable
from gatepost.model.delivery import QueuedMessage
from gatepost.model.dsn import Action, NotificationOrigin, Reported

WIDTH: Final = 76

# fmt: off
_SUBJECTS: Final[Mapping[Action, str]] = {
    "failed":    "Your message could not be delivered",
    "delayed":   "Your message is delayed; you need not do anything yet",
    "delivered": "Your message was delivered",
    "relayed":   "Your message was passed on",
    "expanded":  "Your message was passed on to a list",
}
"""The worst one first."""
_INTRODUCTIONS: Final[Mapping[Action, str]] = {
    "failed":    "It could not be delivered to:",
    "delayed":   "It could not be delivered yet to the following, and will be tried again. "
                 "You need not send it again.",
    "delivered": "It was delivered to:",
    "relayed":   "It was passed on to a server that does not send such reports, for:",
    "expanded":  "It was passed on to the members of:",
}
# fmt: on


def subject_of(reported: Sequence[Reported]) -> str:
    """Return the notification's subject."""
    actions = {each.action for each in reported}
    return next(text for action, text in _SUBJECTS.items() if action in actions)


def explain(
    original: QueuedMessage,
    reported: Sequence[Reported],
    reporter: NotificationOrigin,
    *,
    whole: bool,
) -> str:
    """Return the text: what happened, to which recipients, why, and what comes next."""
    paragraphs = [
        (
            f"This is the mail relay at {reporter.host}, about your message of "
            f"{format_date(original.received_at)}."
        )
    ]
    for action, introduction in _INTRODUCTIONS.items():
        group = [each for each in reported if each.action == action]
        if group:
            paragraphs.append(introduction)
            paragraphs += ["\n".join(_of_recipient(each)) for each in group]
    paragraphs.append(_returned(whole=whole))
    return "\n\n".join(_wrap(each) for each in paragraphs) + "\n"


def _of_recipient(reported: Reported) -> Iterator[str]:
    yield f"<{reported.recipient.address}>"
    if reported.why:
        yield f"    {_line(reported.why)}"
    reply = reported.reply
    if reported.is_remote:
        who = reported.host or "the next server"
        yield f"    {who} replied: {_line(str(reply))}"
    elif ours := reply.reason or ("" if reported.why else reply.text):
        yield f"    {_line(ours)}"
    if reported.action == "delayed" and reported.retry_until is not None:
        yield f"    It will be tried until {format_date(reported.retry_until)}."


def _returned(*, whole: bool) -> str:
    what = "your message" if whole else "the header of your message"
    return f"A report for programs and {what} follow."


def _line(text: str) -> str:
    """Return text on one line, with unprintable characters replaced."""
    valid = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    printable = "".join(each if each.isprintable() else " " for each in valid)
    return breakable(" ".join(printable.split()))


def _wrap(paragraph: str) -> str:
    return "\n".join(
        textwrap.fill(
            line.strip(), WIDTH,
            initial_indent=_indent(line), subsequent_indent=_indent(line),
            break_long_words=False, break_on_hyphens=False,
        )
        for line in paragraph.split("\n")
    )  # fmt: skip


def _indent(line: str) -> str:
    return " " * (len(line) - len(line.lstrip()))
