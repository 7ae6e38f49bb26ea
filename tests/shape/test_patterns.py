"""No regular expression of the sources takes more than linear time, whatever the input."""

import re
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from time import thread_time
from typing import Any

import pytest

from gatepost.diagnosis import recognise_provider
from gatepost.directory.azure import username
from gatepost.doctor import client_names, credential_shapes
from gatepost.doctor.logs import find_server, formats, prose, secrets_outside_auth
from gatepost.mailbox.patterns import compile_pattern
from gatepost.model import unescaping
from gatepost.model.profile import Profile
from gatepost.profiles.load import available_profiles, load_profile
from gatepost.rest.graph import dispatch as graph
from tests.shape.pattern_inputs import Repeated, inputs
from tests.shape.pattern_sites import Made, Site, hidden_imports, sites

SMALL: int = 400
"""Characters with which every input is tried; nothing that is linear takes long for them."""
LARGE, HUGE = 1_000, 4_000
"""Repetitions that prove, for those few inputs, that the time is not linear."""
PATIENCE = 60.0
"""Seconds for all inputs of a pattern; most need a hundredth of one."""
MOST = 8
"""How much longer four times an input may take; a linear pattern needs 4, a quadratic one 16."""
ATTEMPTS = 5
"""Another program may slow a measurement down, but not all of them."""
UNNOTICED = 10e-6
"""Seconds that prove nothing."""
REACHABLE = 65_536, 0.1
"""Characters of what SMTP and HTTP bring, and seconds for them: twice of what is promised, as some
machines take twice as long as others."""
READ = 1_048_576, 4.0
"""The same of what the doctor reads; the slowest patterns are for lines, which are cut before."""
LOCAL = frozenset({"cli.messages._checked_expression", "queue.message_selection.matcher",
                   "profiles.file_format._no_pattern"})  # fmt: skip
"""Functions that compile what an operator wrote: expressions of his own, for his own use."""

Use = Callable[[re.Pattern[Any], Any], object]


def _one_after_the_other(pattern: re.Pattern[Any], text: Any) -> None:
    at = 0
    while at < len(text) and (match := pattern.match(text, at)) is not None:
        at = max(match.end(), at + 1)


USES: dict[str, Use] = {
    "match": re.Pattern.match,
    "fullmatch": re.Pattern.fullmatch,
    "search": re.Pattern.search,
    "finditer": lambda pattern, text: deque(pattern.finditer(text), maxlen=0),
    "chain": _one_after_the_other,
}


@cache
def profiles() -> list[Profile]:
    return [load_profile(name) for name in available_profiles()]


MADE: Made = {
    "diagnosis.diagnose.recognise": lambda: [each.ehlo_pattern for each in profiles()],
    "diagnosis.recognise_provider.providers_in": lambda: [
        words for _, words in recognise_provider._NAMES
    ],
    "directory.azure.username._row": lambda: [row[0] for row in username._MISTAKES],
    "mailbox.patterns.compile_pattern": lambda: [
        compile_pattern(each).pattern
        for each in (r"\w+@", r".*x", r"a?a?a?a?a?b", r"(\d{1,32})\D?z")
    ],
    "doctor.logs.read_log._read_success": lambda: [each.signed_in for each in formats.FORMATS],
    "doctor.logs.recognise_client._version": lambda: [each.version for each in formats.FORMATS],
    "doctor.logs.prose.phase_in_traceback": lambda: [names for _, names in prose._FUNCTIONS],
    "doctor.logs.log_format._compiled": lambda: chain.from_iterable(
        (each.client_line, each.server_line) for each in formats.FORMATS
    ),
    "doctor.client_names.library_behind": lambda: [words for _, words in client_names._NAMES],
    "doctor.logs.redaction.remove_forms": lambda: [rf"(?<!\w){re.escape('c2VjcmV0')}(?!\w)"],
    "doctor.logs.secrets_outside_auth._expression": lambda: [
        *(row[1] for row in secrets_outside_auth._PLACES),
        secrets_outside_auth._CALL,
    ],
    "doctor.logs.secrets_outside_auth.spans_across": lambda: secrets_outside_auth._ACROSS,
    "doctor.logs.find_server.server_in": lambda: find_server._PAIRS,
    "doctor.credential_shapes._matches": lambda: _in_closures(
        credential_shapes._SECRETS + credential_shapes._NAMES
    ),
    "model.unescaping._expression": lambda: [unescaping._expression()],
    "relay.authenticate._is_misnamed": lambda: [each.auth.username_pattern for each in profiles()],
    "rest.graph.dispatch._at": lambda: [each.path for each in (*graph._OPERATIONS, graph._MAIL)],
    "rest.url_forms.any_case": lambda: [r"^/emails/operations/(?P<id>[^/]+)$"],
    "wire.reply_reader.parse_reply": lambda: [r"5\.7\.1(?: |$)"],
    "wire.server.command_variants.commands_of": lambda: [
        each.server.refused_names for each in profiles()
    ],
}
"""What is compiled in functions out of their arguments."""


def _in_closures(table: tuple[tuple[str, Any], ...]) -> Iterator[str]:
    """Yield the expressions that tests of a table have been made of."""
    for _, test in table:
        for cell in getattr(test, "__closure__", None) or ():
            yield cell.cell_contents


@cache
def all_sites() -> list[Site]:
    return [site for site in sites(MADE) if site.function not in LOCAL]


@pytest.mark.thorough
def test_no_pattern_escapes() -> None:
    assert hidden_imports() == []
    unknown = [f"{site.name} ({site.function})" for site in all_sites() if not site.patterns]
    assert unknown == [], "MADE lists what functions compile out of their arguments"
    assert len(all_sites()) > 400


@pytest.mark.thorough
@pytest.mark.parametrize("package", ["diagnosis", "doctor.logs", "doctor", ""])
def test_every_pattern_takes_linear_time(package: str) -> None:
    """Each by inputs that are made out of it: a new pattern needs no entry here."""
    chosen = {
        (pattern, form): site.name
        for site in all_sites()
        if _package_of(site) == package
        for pattern in site.patterns
        for form in site.forms
    }
    assert chosen
    limits = READ if package.startswith("doctor") else REACHABLE
    slow = [
        f"{name}: {pattern.pattern!r} ({form}) with {each}"
        for (pattern, form), name in chosen.items()
        if (each := _slow_input(pattern, form, *limits)) is not None
    ]
    assert not slow, "\n".join(slow)


def _package_of(site: Site) -> str:
    return next(
        (each for each in ("diagnosis", "doctor.logs", "doctor") if site.name.startswith(each)), ""
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("pattern", "form"),
    [
        (r"(a+)+b", "match"),
        (r"(?:a|a)*b", "fullmatch"),
        (r"\s+$", "search"),
        (r"(?m)^\s*x", "search"),
        (r"[^<@]+@[^>]+@", "finditer"),
        (r"a.*b.*c", "match"),
        (r"\A\s*(?://[^\n]*\s*)*\{", "match"),
        (r'"(?:\\.|[^"])*"|.', "chain"),
        (rb"(?i)x(?=.*y)", "finditer"),
        (r"\w+-\d{2} [\w.]+ ", "search"),
        (r"a:(.*?)\}?\s*", "fullmatch"),
    ],
)
def test_a_pattern_that_is_not_linear_is_found(pattern: str | bytes, form: str) -> None:
    assert _slow_input(re.compile(pattern), form, *REACHABLE, patience=0.5) is not None


def _slow_input(
    pattern: re.Pattern[Any], form: str, size: int, limit: float, patience: float = PATIENCE
) -> Repeated | None:
    """Return an input for which the time is not linear, or more than ``limit`` seconds for ``size``
    characters; None if none was found."""
    each, worst, rate = None, None, 0.0
    try:
        with _processor_time(patience):
            for each in inputs(pattern):
                count = max(SMALL // len(each.unit), 40)
                time = _time(pattern, form, each, count)
                if not _is_linear(pattern, form, each, count, time):
                    return each
                if time > rate * len(each.times(count)):
                    worst, rate = each, time / len(each.times(count))
            if worst is not None and rate * size > limit:  # a quarter tells, as it is linear
                count = size // 4 // len(worst.unit)
                times = (_time(pattern, form, worst, count) for _ in range(ATTEMPTS))
                return worst if all(4 * time > limit for time in times) else None
    except TimeoutError:
        return each
    return None


def _is_linear(
    pattern: re.Pattern[Any], form: str, each: Repeated, count: int, time: float
) -> bool:
    """Tell whether the time grows like the input, of which ``count`` repetitions took ``time``."""
    if time < UNNOTICED or time < MOST * _time(pattern, form, each, count // 4):
        return True
    return any(
        _time(pattern, form, each, HUGE)
        < MOST * min(_time(pattern, form, each, LARGE) for _ in range(3))
        for _ in range(ATTEMPTS)
    )


def _time(pattern: re.Pattern[Any], form: str, each: Repeated, count: int) -> float:
    """Return the seconds that a use of the pattern takes."""
    text: Any = each.times(count)
    if isinstance(pattern.pattern, bytes):
        text = text.encode("latin-1")
    start = thread_time()
    USES[form](pattern, text)
    return thread_time() - start


@contextmanager
def _processor_time(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after so much of it; an expression that is matched stops, too."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
