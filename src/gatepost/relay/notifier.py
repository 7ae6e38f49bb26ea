"""Notifications to senders, created with the settlement that they report (RFC 3461, RFC 3464)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from gatepost.mime.dsn import make_dsn
from gatepost.model.body import Body, BytesBody
from gatepost.model.delivery import NewMail, QueuedMessage
from gatepost.model.dsn import NotificationOrigin, Reported
from gatepost.model.message import Submission
from gatepost.model.operator_event import ReportEvent
from gatepost.relay.routes import Routes

SMALL: Final = 65_536
FEW: Final = 10
"""Octets of a message, and recipients, of which a notification is written at once; one about larger
messages or more recipients is written in a thread."""


class Notifier:
    """Creates notifications. They come from ``host``, and ``next_id`` returns their ids."""

    def __init__(
        self, host: str, next_id: Callable[[], str], routes: Routes, report: ReportEvent
    ) -> None:
        self._host, self._next_id, self._routes, self._report = host, next_id, routes, report

    async def notify(
        self,
        message: QueuedMessage,
        body: Body | None,
        reported: Sequence[Reported],
        now: datetime,
    ) -> tuple[NewMail, ...]:
        """Return the notification for a message's sender; none for the null sender, or if none was
        requested.

        A notification that no route accepts is lost, which is reported to the operator.
        """
        if not reported or message.envelope.sender is None:
            return ()
        id_ = self._next_id()
        reporter = NotificationOrigin(self._host, id_, now)
        make = partial(make_dsn, message, body, reported, reporter)
        is_short = len(reported) <= FEW and message.size <= SMALL
        dsn = make() if is_short else await asyncio.to_thread(make)
        if dsn is None:
            return ()
        submission = Submission(
            id_, dsn.envelope, BytesBody(dsn.content), b"", now,
            subject=dsn.subject, message_id=dsn.message_id,
        )  # fmt: skip
        groups = self._routes.plan(submission)
        if groups.unroutable:
            self._report(
                "notification_lost", id=message.id, mail_from=str(message.envelope.sender),
                reason="no route is for it",
            )  # fmt: skip
            return ()
        return (NewMail(submission, groups.planned),)
