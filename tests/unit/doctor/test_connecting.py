"""Addresses that answer late are asked again at the end of a visit."""

from concurrent.futures import Future

from gatepost.doctor.connecting import ConnectResult, Reached
from gatepost.model.evidence import Connect


def test_late_connections_are_counted_in_the_end() -> None:
    answered: Future[ConnectResult] = Future()
    answered.set_result(("ok", 1500.0, None))
    silent: Future[ConnectResult] = Future()
    first = (Connect("::1", "timeout", 1000), Connect("127.0.0.1", "ok", 1),
             Connect("::2", "timeout", 1000))  # fmt: skip
    reached = Reached(first, late=((0, answered), (2, silent)))
    assert reached.wait_for_late(0.01) == (
        Connect("::1", "ok", 1500), Connect("127.0.0.1", "ok", 1), Connect("::2", "timeout", 1010),
    )  # fmt: skip
