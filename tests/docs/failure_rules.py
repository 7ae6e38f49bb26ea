"""The reference of rules of scripted failures, from their types and tables."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec

from gatepost.failures import grammar
from gatepost.failures.grammar import STAGES, Actions, Conditions, FailureRule, Key
from gatepost.failures.possibilities import ALWAYS, ASKABLE, KEYS, POSSIBLE
from tests.docs.tables import attribute_docstrings, table

WHEN: Final[Mapping[str, str]] = {
    "connect": "before the greeting; with implicit TLS, after the handshake",
    "tls": "after the ClientHello, with STARTTLS or implicit TLS",
    "ehlo": "at EHLO and HELO",
    "starttls": "at STARTTLS",
    "auth": "when the credentials are complete, before the client knows the verdict",
    "mail": "at a valid MAIL, before any policy",
    "rcpt": "at a valid RCPT, before any policy",
    "data": "at DATA or the first BDAT, before 354",
    "body": "while content arrives; a rule is asked until it fits, then not again about this "
    "content",
    "message": "when the content is complete and checked, before it is stored",
    "rset": "at RSET",
    "noop": "at NOOP",
    "quit": "at QUIT; the connection ends in any case",
    "command": "at any command, before the stage of the command itself",
}
_COMMON: Final = ASKABLE["command"] - {"command"}
EXAMPLES: Final[Mapping[str, str]] = {
    "delay": "`delay 2s`, `delay 1s-3s`",
    "ehlo": "`ehlo drop=SIZE,AUTH add=X-NEW`",
    "tls": "`tls refuse`, `tls alert:protocol_version`, `tls truncate=40`, "
    "`tls certificate=expired`, `tls maximum=TLSv1.1`",
    "stall": "`stall 10s`, `stall forever`",
    "rate": "`rate in=1000 out=500`",
    "greylist": "`greylist 60s per=triplet`",
    "quota": "`quota 30/60s per=application unit=message`",
    "reply": "`reply 451 4.7.1 Try {wait} s later`",
    "pace": "`pace 1/0.2` (octets, seconds)",
    "close": "`close before`, `close after`, `close after_bytes=5`",
    "reset": "`reset`",
    "keep": "`keep`",
    "discard": "`discard`",
    "outcome": '`outcome Bounced code="550 5.1.1 User unknown"`',
    "pass": "`pass`",
    "go_on": "`go_on`",
}


def failures_page(note: str) -> str:
    """Return the page."""
    lines = [
        "# Rules of scripted failures",
        "",
        note,
        "",
        "A rule says at which stage of a session something happens, under which conditions, and",
        "what happens ([how to](../how-to/script-a-failure.md)). It is written as JSON (`gatepost",
        "failure add --rule FILE`, and the API), as a `[[rule]]` of a TOML file (`gatepost up",
        "--failures FILE`), or in one line:",
        "",
        "```text",
        'line = stage *("," stage) *(SP key "=" value) " -> " action *(" ; " action)',
        "```",
        "",
        "A value with spaces is in double quotes. A comma separates alternatives, and `\\n` the",
        "lines of a reply. Before the arrow are the keys of `when`, `header.NAME`, and `id`,",
        "`lane`, `order` and `note`. Durations are numbers with `ms`, `s`, `m`, `h` or `d`; in",
        "JSON and TOML a plain number is in seconds.",
        "",
        "All mistakes in a rule are reported at once.",
        "",
        "## The rule",
        "",
        *table(("key", "values", "meaning"), _rows(FailureRule)),
        "",
        "## Stages",
        "",
        *table(("stage", "when", "conditions"), _stages()),
        "",
        f"At all stages: {_listed(sorted(ALWAYS - {'stage'}))}.",
        f"From `ehlo` on (+): {_listed(sorted(_COMMON))}.",
        "",
        "## Conditions: `when`",
        "",
        *table(("key", "values", "meaning"), _rows(Conditions)),
        "",
        *_values(),
        "## Actions: `do`",
        "",
        "They happen in this order, whatever the order in the rule.",
        "",
        *table(("action", "in a line", "at", "meaning"), _actions()),
        *_inner_tables(),
        "",
        *_pages_end(),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _rows(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str, str]]:
    meanings = attribute_docstrings(kind)
    for field in msgspec.structs.fields(kind):
        yield f"`{field.encode_name}`", _type(field.type), meanings.get(field.name, "")


def _stages() -> Iterator[tuple[str, str, str]]:
    for stage in STAGES:
        names = ASKABLE[stage]
        is_later = names >= _COMMON
        listed = _listed(sorted(names - _COMMON if is_later else names))
        yield f"`{stage}`", WHEN[stage], "+ " * is_later + listed


def _actions() -> Iterator[tuple[str, str, str, str]]:
    meanings = attribute_docstrings(Actions)
    for field in msgspec.structs.fields(Actions):
        name = field.encode_name
        stages = POSSIBLE.get(name)
        where = "all" if stages is None else _of_stages(stages)
        yield f"`{name}`", EXAMPLES[name], where, meanings.get(field.name, "")


def _of_stages(stages: frozenset[str]) -> str:
    missing = [each for each in STAGES if each not in stages]
    return _listed(sorted(stages)) if len(missing) > 3 else f"all but {_listed(missing)}"


def _values() -> list[str]:
    keys = [f"`{each}`" for each in get_args(Key)]
    later = [f"`{key}` where `{name}` can" for key, name in KEYS.items() if key != name]
    return [
        "**Texts** are globs for the whole text (`*` is any characters, `?` is one), `/regex/` for",
        "a part of it, `!` and one of them for the opposite, or a list of which any may match.",
        "Case does not matter. Expressions have characters, `.`, classes, `\\d`, `\\w`, `\\s`,",
        "groups, `|`, the quantifiers `*`, `+`, `?` and `{m,n}`, `^` and `$`; they take linear",
        "time, and the first 1,000 characters of a text are looked at.",
        "",
        "**Ranges** are `3`, `1-2`, `3-`, `*/10` (every tenth), `>1000` or `<1000`.",
        "",
        f"**Keys** for `per` are {', '.join(keys)}.",
        f"They can be used where their condition can be asked; {', '.join(later)}. Each key of a",
        "rule has counters of its own, for up to 10,000 keys.",
        "",
        "**Counting:** `seen` counts the events whose conditions hold. Then `attempt`, `chance`",
        "and `times` decide whether the rule fires, and a greylist or quota whether it has to. If",
        "it does not fire, the next rule is asked. `chance` is a function of the seed, the key and",
        "`seen`, so the same events are chosen after each reset, whatever else happens.",
        "",
    ]


def _inner_tables() -> Iterator[str]:
    for field in msgspec.structs.fields(Actions):
        for kind in _structs_in(field.type):
            summary = (kind.__doc__ or "").replace("``", "`").strip().partition("\n\n")[0]
            yield from ("", f"### `{field.encode_name}`", "", summary, "")
            yield from table(("key", "values", "meaning"), _rows(kind))


def _pages_end() -> list[str]:
    return [
        "## Which rule is asked",
        "",
        "The rules of the session's lane come first, then those without a lane; of these, the one",
        "with the lowest `order`, and of equal ones the oldest. The first rule that fires ends the",
        "search, unless it has `go_on`. Rules come before the provider's policy, the directory's",
        "verdict and the limits of `--strict`; what no rule changed is as without rules.",
        "",
        "A rule only makes things worse: replies are 400 to 599, and a rule cannot accept a login,",
        "a sender, a recipient or a message. A reply 421 always ends the connection.",
        "",
        "## Bounds",
        "",
        "There are up to 1,000 rules, and the last 1,000 firings are remembered. A delay or stall",
        "is up to an hour long; `stall: forever` ends when the client leaves, the server stops, or",
        "a client would have been idle for too long (`limits.idle`). A rate applies for up to an",
        "hour. A spoiled handshake ends after 30 seconds. With front processes, rules and their",
        "counters are in the store process, which decides for all; a session with rules at its",
        "stage waits for one exchange with it. Counters and what happened are in memory only.",
        "",
        "## Without a rule",
        "",
        "`gatepost up` also fails for addresses at `fail.gatepost.test`, in MAIL or RCPT. What",
        "follows a `+` in the local part is ignored:",
        "",
        *table(
            ("local part", "effect"),
            [
                ("`451`, `550-5.1.1`", "this reply"),
                ("`first-451`", "this reply to the first attempt with this address"),
                ("`message-552`", "this reply at the end of the content"),
                ("`slow-5`", "a delay of 5 seconds"),
                ("`drop`", "the connection is closed"),
            ],
        ),
    ]


def _listed(names: Any) -> str:
    return ", ".join(f"`{each}`" for each in names)


def _structs_in(kind: Any) -> list[type[msgspec.Struct]]:
    return [
        each
        for each in _members(kind)
        if isinstance(each, type) and issubclass(each, msgspec.Struct)
    ]


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


_NAMES: Final = {str: "text", int: "number", float: "number", bool: "true or false"}


def _type(kind: Any) -> str:
    """Return what a value may be, in words."""
    if kind == grammar.Text | None:
        return "text or list"
    words = [_word(each) for each in _members(kind) if each is not type(None)]
    return " or ".join(dict.fromkeys(each for each in words if each))


def _word(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in get_args(kind))
    if origin is list:
        return "list"
    if origin is dict:
        return "object"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "object"
    if hasattr(kind, "__metadata__"):
        return _word(kind.__origin__)
    return _NAMES.get(kind, "text")
