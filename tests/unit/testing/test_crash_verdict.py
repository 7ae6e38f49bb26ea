"""The verdict of a crash run."""

import pytest

from gatepost.testing.crash.verdict import (
    SETTLED_WITHIN,
    CrashRecords,
    CrashVerdict,
    Kill,
    SentMessage,
    failed_recipients,
    judge,
)
from gatepost.testing.upstream import Taken

CONTENT = b"Message-ID: <1@s>\r\n\r\nhello\r\n"
STATUS = """\
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test

Final-Recipient: rfc822;ann@x
Action: {action}
Status: 5.1.1

--end--
"""


def sent(*recipients: str) -> SentMessage:
    return SentMessage("<1@s>", recipients or ("ann@x",), CONTENT)


def taken(at: float = 1.0, content: bytes = CONTENT, *, silent: bool = False) -> Taken:
    traced = b"Received: by relay\r\n" + content
    return Taken("<1@s>", "app@s", ("ann@x",), traced, at, answered=not silent, silent=silent)


def notice(action: str = "failed", number: int = 1) -> Taken:
    content = STATUS.format(action=action).replace("\n", "\r\n").encode()
    return Taken(f"<dsn-{number}@relay>", "", ("app@s",), content, 2.0)


def judged(*came: Taken, kills: tuple[Kill, ...] = (), queued: bool = False) -> CrashVerdict:
    left = frozenset({("<1@s>", "ann@x")}) if queued else frozenset()
    return judge(CrashRecords([sent()], came, kills, left))


KEPT = [
    # what came                       what is still queued    counted as
    ((taken(),),                      False,                  "arrived"),
    ((notice(),),                     False,                  "notified"),
    ((),                              True,                   "queued"),
    ((taken(), notice()),             False,                  "arrived"),
]  # fmt: skip


@pytest.mark.parametrize(("came", "queued", "counted"), KEPT)
def test_kept(came: tuple[Taken, ...], queued: bool, counted: str) -> None:
    verdict = judged(*came, queued=queued)
    assert verdict.is_good
    assert getattr(verdict, counted) == verdict.promised == 1


@pytest.mark.parametrize("came", [(), (notice("delayed"),)], ids=["nothing", "only a delay"])
def test_lost(came: tuple[Taken, ...]) -> None:
    verdict = judged(*came)
    assert not verdict.is_good
    assert verdict.lost == [("<1@s>", "ann@x")]


def test_each_recipient_is_a_promise() -> None:
    verdict = judge(CrashRecords([sent("ann@x", "bob@x")], [taken()], []))
    assert (verdict.arrived, verdict.lost) == (1, [("<1@s>", "bob@x")])


def test_damaged() -> None:
    assert judged(taken(content=CONTENT[:-7])).damaged == [("<1@s>", "ann@x")]


def test_an_unacknowledged_message_may_arrive() -> None:
    verdict = judge(CrashRecords([], [taken()], []))
    assert verdict.is_good
    assert verdict.unacknowledged == 1


def store_killed(at: float, in_flight: int = 2) -> tuple[Kill, ...]:
    return (Kill("store", at, at + 0.1, in_flight),)


DATABASE_AWAY = Kill("database killed", 1.5, 15.0)
"""What arrived before it was not settled while it was away."""
DOUBLES = [
    # between the two                                         counted as
    (False, store_killed(1.5),                                "doubled_by_kill"),
    (True,  (),                                               "doubled_by_upstream"),
    (False, (),                                               "unexplained"),
    (False, (Kill("worker", 1.5, 1.5),),                           "unexplained"),
    (False, store_killed(0.5),                                "unexplained"),
    (False, store_killed(0.95),                               "doubled_by_kill"),
    (False, store_killed(25.0),                               "unexplained"),
    (False, store_killed(1.1 + SETTLED_WITHIN),               "unexplained"),
    (False, store_killed(1.5, in_flight=0),                   "crowded"),
    (False, (DATABASE_AWAY, *store_killed(19.0)),             "doubled_by_kill"),
    (False, (DATABASE_AWAY, *store_killed(26.0)),             "unexplained"),
]  # fmt: skip


@pytest.mark.parametrize(("silent", "kills", "counted"), DOUBLES)
def test_doubled(silent: bool, kills: tuple[Kill, ...], counted: str) -> None:
    verdict = judged(taken(silent=silent), taken(20.0), kills=kills)
    assert getattr(verdict, counted)
    assert verdict.is_good == counted.startswith("doubled")


def test_one_transaction_counts_once_whatever_its_recipients() -> None:
    to = ("ann@x", "bob@x")
    twice = [Taken("<1@s>", "app@s", to, CONTENT, at) for at in (1.0, 2.0)]
    assert judge(CrashRecords([sent(*to)], twice, store_killed(1.5))).doubled_by_kill == 1


def test_two_notifications_of_one_failure() -> None:
    assert not judged(notice(number=1), notice(number=2)).is_good
    assert judged(notice(), notice(), kills=store_killed(2.0)).is_good


def test_recipients_of_a_report() -> None:
    both = STATUS.format(action="failed") + STATUS.format(action="delayed").replace("ann", "bob")
    assert list(failed_recipients(both)) == ["ann@x"]
