"""Evidence as texts: who said what, and where in the dialogue."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Final

from gatepost.diagnosis.recognise_provider import DOMAINS, providers_in, providers_of
from gatepost.diagnosis.signs.translations import in_english
from gatepost.model.evidence import DialoguePhase, Evidence
from gatepost.model.reply import Reply

MAX_STATEMENTS: Final = 1_000
"""Maximum texts that are examined; a log has fewer, saved evidence may have any number."""
MAX_TEXT: Final = 8_000
"""Characters of each that are examined."""
IMPLICIT_PORTS: Final = (465, 2465, 994)
"""Ports for implicit TLS; the last one is NetEase's for companies."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One text: a reply with the command that it answers, or a line that the client wrote."""

    text: str
    """The text in lower case, in which signs are searched for."""
    quotation: str
    """The sentence that quotes it as a proof."""
    reply: Reply | None = None
    phase: DialoguePhase | None = None
    by_server: bool = False


class Reading:
    """One Evidence as texts; made once for all signs."""

    is_live = False
    """Only what a server said to a probe: faults of a client are excluded."""

    def __init__(self, seen: Evidence) -> None:
        self.seen = seen
        said = _leave_out_consequences(chain(_replies(seen), _strays(seen)))
        replies = tuple(islice(said, MAX_STATEMENTS))
        remarks = _remarks(seen, {each.text for each in replies})
        self.statements = tuple(islice(chain(replies, remarks), MAX_STATEMENTS))
        self.text = "\n".join(each.text for each in self.statements)
        self.client = seen.client.library
        self.port = seen.target.port if seen.target else _port_of(seen.server_name)
        host = seen.host
        names = f"{seen.client.product} {seen.server_name}".lower()
        self.host = host.lower()
        self.context = f"{names} {self.host}:{self.port}"

    @cached_property
    def providers(self) -> frozenset[str]:
        """The providers of the server, by its host, its greeting, or words in the log."""
        hellos = (self.seen.in_clear.value, self.seen.over_tls.value)
        greetings = " ".join(hello.capabilities.greeting for hello in hellos if hello)
        greeting = self.seen.greeting.value
        first = f"{greeting.reply}" if greeting else ""
        named = f"{self.host} {self.seen.server_name}"
        found = frozenset(providers_in(named)) | providers_of(self.seen.provider)
        return found or frozenset(providers_in(f"{greetings} {first} {self.text}"))

    @cached_property
    def is_private(self) -> bool:
        """Whether the server is private: a short name, an IP address, a private top-level
        domain."""
        host = self.host
        return bool(host) and (
            "." not in host or host.replace(".", "").isdecimal() or host.endswith(_PRIVATE)
        )

    @cached_property
    def refusals(self) -> tuple[Statement, ...]:
        """The refusals of the server."""
        return tuple(each for each in self.statements if each.reply and each.reply.code >= 400)

    def was_refused_at(self, phase: DialoguePhase) -> bool:
        """Tell whether something was refused in this phase."""
        return any(each.phase == phase for each in self.refusals)


def is_large_provider(reading: Reading) -> bool:
    """Tell whether the host is a large provider's, which has a valid public certificate."""
    return any(domain in reading.host for name in DOMAINS for domain in DOMAINS[name].split())


_PRIVATE: Final = (
    ".local", ".lan", ".internal", ".home", ".intern", ".intranet", ".corp", ".localdomain",
    ".private", ".docker", ".svc", ".home.arpa",
)  # fmt: skip
"""Top-level domains that are never public."""


def _port_of(server_name: str) -> int:
    """Return the port if the log has no host with it; 0 if it has none."""
    _, _, number = server_name.rpartition("port ")
    return int(number) if number.isdecimal() and number != server_name else 0


def _replies(seen: Evidence) -> Iterator[Statement]:
    starttls = seen.starttls.value
    if seen.first_word is not None:
        yield _answer("the greeting is", seen.first_word, "greeting", "")
    for hello in (seen.in_clear.value, seen.other_name.value, seen.over_tls.value):
        if hello is not None and not hello.reply.is_success:
            yield _answer(f"EHLO {hello.name} was answered", hello.reply, "ehlo")
    if starttls is not None:
        yield _answer("STARTTLS was answered", starttls, "starttls")
    for attempt in seen.attempts:
        if attempt.reply.code:
            name = f"AUTH {attempt.mechanism}".rstrip()
            yield _answer(f"{name} was answered", attempt.reply, "auth")
    if seen.mail.value is not None:
        yield _answer(
            f"MAIL FROM:<{seen.mail.value.argument}> was answered", seen.mail.value.reply, "mail"
        )
    for each in seen.rcpt.value or ():
        yield _answer(f"RCPT TO:<{each.argument}> was answered", each.reply, "rcpt")
    if seen.content.value is not None:
        yield _answer("the message was answered", seen.content.value, "data")


def _strays(seen: Evidence) -> Iterator[Statement]:
    for stray in seen.strays:
        where = f" (at {stray.position})" if stray.position else ""
        yield _answer(f"the server said{where}:", stray.reply, stray.position)


def _leave_out_consequences(replies: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the replies without what follows from a refusal: others for want of the command that
    was refused, and what sendmail writes below each."""
    is_refused = False
    for each in replies:
        if is_refused and _CONSEQUENCE.match(each.text):
            continue
        yield each
        refuses = each.reply is not None and each.reply.code >= _FAILURE
        is_refused |= refuses and each.phase in ("mail", "rcpt", "data")


_FAILURE: Final = 400
_CONSEQUENCE: Final = re.compile(
    r"550 5\.1\.1 <[^<>]{1,320}>\.\.\. user unknown$|"
    r"5(?:03|54)[ -](?:5\.\d\.\d )?(?:error: ?)?(?:need (?:mail|rcpt)|no valid recip|bad sequence|"
    r"(?:mail|rcpt) (?:command )?(?:first|expected|required)|valid rcpt command|must have)"
)


def _remarks(seen: Evidence, replies: Collection[str]) -> Iterator[Statement]:
    """Yield what the log says, but no reply a second time because a date is in front of it."""
    for line in (*seen.remarks, *((seen.failure, seen.client.error) if seen.remarks else ())):
        if line:
            quotation = line if len(line) <= _MAX_QUOTED else f"{line[:_MAX_QUOTED]}..."
            low = line[:MAX_TEXT].lower()
            text = in_english(_SETTING.sub("", _TAIL.sub("", low)))
            if _DATE.sub("", text) not in replies:
                yield Statement(text, f'the log says "{quotation}"')


_MAX_QUOTED: Final = 240
_DATE: Final = re.compile(r"^\d{4}[-/]\d\d[-/]\d\d[t ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})? ")
_SETTING: Final = re.compile(
    r"\b(?>\w*?timeout\w*)(?:[\s'\"]{0,3}(?:=>?|:)[\s'\"]{0,3}\d+\w*| (?:-1|\d{3,})\b)"
)
"""Settings of timeouts, which do not show that one occurred."""
_TAIL: Final = re.compile(r" proto=e?smtp(?: helo=<[^<>]*>)?")
"""The end of every refusal by Postfix's smtpd; it has no meaning."""


def _answer(before: str, reply: Reply, phase: DialoguePhase | None, after: str = "") -> Statement:
    text = str(reply)[:MAX_TEXT].replace("\n", " ")
    quotation = text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."
    meant = in_english(_TAIL.sub("", text.lower()))
    return Statement(meant, f"{before} {quotation}{after}", reply, phase, by_server=True)
