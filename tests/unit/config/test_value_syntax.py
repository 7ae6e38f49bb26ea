"""Times, sizes, rates, networks, addresses: valid and invalid ones."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gatepost.config import value_syntax as values

GOOD: list[tuple[Callable[[Any], object], object, object]] = [
    (values.span, "90s", timedelta(seconds=90)),
    (values.span, "1.5h", timedelta(minutes=90)),
    (values.span, " 5 min ", timedelta(minutes=5)),
    (values.span, "500ms", timedelta(milliseconds=500)),
    (values.span, "2w", timedelta(weeks=2)),
    (values.span, 0, timedelta(0)),
    (values.span, 2.5, timedelta(seconds=2.5)),
    (values.size, "30 MiB", 30 * 2**20),
    (values.size, "2KiB", 2048),
    (values.size, "2GiB", 2 * 2**30),
    (values.size, "1.5kB", 1500),
    (values.size, "2MB", 2_000_000),
    (values.size, "2GB", 2 * 10**9),
    (values.size, "7", 7),
    (values.size, 0, 0),
    (values.rate, "30/m", 30.0),
    (values.rate, "120 / h", 2.0),
    (values.rate, "1/s", 60.0),
    (values.rate, 5, 5.0),
    (values.listening, "127.0.0.1:25", ("127.0.0.1", 25)),
    (values.listening, "[::1]:0", ("::1", 0)),
    (values.listening, "*:587", ("::", 587)),
    (values.listening, "localhost:1", ("localhost", 1)),
    (values.pattern, "@example.net", "example.net"),
    (values.pattern, "*.example.net", "*.example.net"),
    (values.pattern, "bob@example.net", "bob@example.net"),
    (values.pattern, "bücher.example", "bücher.example"),
    (values.sender, "example.net", "@example.net"),
    (values.sender, "@example.net", "@example.net"),
    (values.sender, "bob@example.net", "bob@example.net"),
    (values.https_url, "https://x.example/a/", "https://x.example/a"),
    (values.https_url, "http://localhost:8080", "http://localhost:8080"),
    (values.host, "relay.example.com", "relay.example.com"),
    (values.host, "2001:db8::1", "2001:db8::1"),
    (values.many(values.text), "a", ("a",)),
    (values.many(values.text), ["a", "b"], ("a", "b")),
]


@pytest.mark.parametrize(
    ("read", "value", "meant"), GOOD, ids=lambda each: getattr(each, "__name__", str(each))[:24]
)
def test_valid_values(read: Callable[[Any], object], value: object, meant: object) -> None:
    assert read(value) == meant


@pytest.mark.parametrize("url", ["https://x:y@z.example", "https://x@z.example/a"])
def test_a_url_holds_no_secret(url: str) -> None:
    with pytest.raises(ValueError, match="without user name and password") as caught:
        values.https_url(url)
    assert url not in str(caught.value)


HUGE = "9" * 400
BAD: list[tuple[Callable[[Any], object], object]] = [
    *[(values.span, each) for each in ("5", "5 years", "-1s", "", True, -1, 10**400, f"{HUGE}s")],
    *[(values.positive_span, each) for each in (0, "0s")],
    *[(values.size, each) for each in ("5 XB", "-1", True, -1, 1.5, HUGE, f"{HUGE} MiB", 10**400)],
    *[(values.rate, each) for each in ("fast", "0/m", 0, -1, True, f"{HUGE}/s", 10**400, "1/y")],
    *[(values.listening, each) for each in (":25", "25", "host:25", "127.0.0.1:65536", 25)],
    *[(values.listening, each) for each in ("::1:25", "[127.0.0.1]:25", "[::1:25", "::1]:25")],
    (values.socket_path, "/run/" + "s" * 103),
    *[(values.pattern, each) for each in ("", "a b", "*@example.net@", "bob@", "*.", 5, "@")],
    *[(values.sender, each) for each in ("", "@", "a b@c", 5)],
    *[(values.https_url, each) for each in ("http://x.example", "https://", "ftp://x", 5)],
    *[(values.network, each) for each in ("10.0.0.1/8", "x", 5, "")],
    *[(values.fraction(0, 1), each) for each in (2, -0.1, "x", True, 10**400, float("nan"))],
    *[(values.number(1, 9), each) for each in (0, 10, 1.0, True, "1")],
    *[(values.server(25), each) for each in ("", "a:b", "a b", 5)],
    *[(values.host, each) for each in ("", "a b", "-a", 5)],
    *[(values.flag, each) for each in (0, 1, "true")],
]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "value"), BAD, ids=lambda each: getattr(each, "__name__", str(each))[:24]
)
def test_invalid_values(read: Callable[[Any], object], value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(value)
