"""What is weighed: everything about a log that may speak for or against a cause, by name.

A feature has a name such as ``text relay access denied`` or ``code 535 auth``, by which the model
has its weights.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.ranking.concepts import Concepts
from gatepost.diagnosis.ranking.known_texts import Catalogue, Text
from gatepost.diagnosis.ranking.lexicon import Lexicon, name_signs
from gatepost.diagnosis.ranking.value_forms import find_values
from gatepost.diagnosis.recognise_provider import providers_in
from gatepost.diagnosis.signs import SIGNS
from gatepost.diagnosis.signs.log_statements import Reading, Statement
from gatepost.diagnosis.signs.sign import Sign, find_words
from gatepost.model.evidence import DIALOGUE_PHASES, DialoguePhase, Evidence
from gatepost.model.finding import Finding

MAX_LINES: Final = 300
"""Statements that are searched for texts of the catalogue."""
MAX_TEXT: Final = 20_000
"""Characters of a log that are searched for words and values."""
_WORD: Final = re.compile(r"[^\W\d_][^\W\d_]{2,23}")
_TOKEN: Final = re.compile(r"\S+")
_HOST: Final = re.compile(r"(?<![\w-])-*\w[\w-]*\.(?:\w[\w-]*(?:\.\w[\w-]*)+|[a-z]{2,3})\b")
"""A host, or a name with a dot: ``example.com``, ``smtp.rb``, ``system.err``."""
_LONGEST_TOKEN: Final = 256
"""Characters; what is longer is encoded."""


class Feature(NamedTuple):
    """A feature of a log. ``proof``: the sentence that a finding quotes; empty if it is only a
    circumstance. ``text``: what the catalogue has about it."""

    proof: str = ""
    text: Text | None = None


def find_features(
    reading: Reading, by_rules: Iterable[Finding], lexicon: Lexicon
) -> dict[str, Feature]:
    """Return the features of a log by name."""
    features: dict[str, Feature] = {}
    for finding in by_rules:
        proof = next(iter(finding.proof), "")
        features[f"rule {finding.id} {finding.confidence}"] = Feature(proof)
    for name, sign in (*SIGNS_BY_NAME.items(), *lexicon.phrases.items()):
        if reading.is_live and not _is_of_server(sign):
            continue
        quotation = sign.find_proof(reading)
        if quotation is not None:
            features[name] = Feature(quotation)
    statements = reading.statements[:MAX_LINES]
    for text, statement in _find_texts(statements, lexicon.catalogue):
        features.setdefault(f"text {text.words}", Feature(statement.quotation, text))
    for statement in statements:
        for name in _replies(statement) if statement.reply else _quoted_codes(statement.text):
            features.setdefault(name, Feature(statement.quotation))
    frame = find_frame(reading.text, lexicon.frames)
    if frame:
        features[f"frame {frame}"] = _CIRCUMSTANCE
    features.update(dict.fromkeys(_circumstances(reading), _CIRCUMSTANCE))
    about = _find_concepts(statements, lexicon.concepts)
    features.update(dict.fromkeys(about, _CIRCUMSTANCE))
    features.update(dict.fromkeys(_name_words(reading.text[:MAX_TEXT]), _CIRCUMSTANCE))
    return features


_CIRCUMSTANCE: Final = Feature()


SIGNS_BY_NAME: Final = name_signs("sign", SIGNS)


def _find_texts(
    statements: Sequence[Statement], catalogue: Catalogue
) -> Iterator[tuple[Text, Statement]]:
    """Yield the texts of the catalogue, also those that a mail program has broken into lines."""
    for statement in statements:
        plain = _CONTINUED.sub(" ", statement.text).replace("**", "")
        symbols = plain.replace("_", " ") if _SYMBOL.search(plain) else plain
        for line in dict.fromkeys((statement.text, plain, symbols)):
            for text in catalogue.find(line):
                yield text, statement
    remarks = [each for each in statements if each.reply is None]
    for first, second in pairwise(remarks):
        joined = f"{first.text.rstrip()} {second.text.lstrip()}"
        if len(joined) <= _LONGEST_BROKEN:
            for text in catalogue.find(joined):
                yield text, first


_CONTINUED: Final = re.compile(
    r"(?:\\r)?\\n[45]\d\d[- ](?:[45]\.\d{1,3}\.\d{1,3} )?|"
    r"(?<=\S)\s{1,4}[45]\d\d(?:-(?:[45]\.\d{1,3}\.\d{1,3} )?| [45]\.\d{1,3}\.\d{1,3} )|(?<=\S) {2,}"
)
"""What begins a further line of a reply (RFC 5321 4.2.1), quoted in one line."""
_SYMBOL: Final = re.compile(r"\[ssl: [a-z0-9]+_|[a-z]_[a-z0-9_]{3,40}\((?:tls|ssl|handshake)")
"""Reasons of OpenSSL as Python and BoringSSL write them, with underscores for blanks."""
_LONGEST_BROKEN: Final = 240
"""Two lines that together are longer were not broken."""


def _is_of_server(sign: Sign) -> bool:
    """Tell whether a sign holds for what a server said, whoever the client is."""
    by_words = bool(sign.words or sign.codes or sign.status or sign.at)
    return by_words or sign.against or CAUSES[sign.id].seen_in == "provider"


def find_frame(text: str, frames: Iterable[tuple[str, str, str]]) -> str:
    """Return the step that the most telling frame of a stack trace shows; empty without one.

    Pairs of frames come first; then the innermost one, which stands at the end that is named.
    """
    innermost: dict[str, tuple[int, str]] = {}
    for words, step, end in frames:
        if end == "pair":
            if find_words(text, words) is not None:
                return step
            continue
        at = _find_in_a_line(text, words)
        if at is not None and (
            end not in innermost or (at < innermost[end][0]) == (end == "first")
        ):
            innermost[end] = (at, step)
    return next((step for _, step in innermost.values()), "")


def _find_in_a_line(text: str, words: str) -> int | None:
    """Return where ``words`` begin in ``text``, if they stand in one line."""
    begin = words.partition("*")[0]
    at = text.find(begin)
    for _ in range(_MOST_LINES):
        if at < 0:
            return None
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)]
        if find_words(line, words) is not None:
            return at
        at = text.find(begin, at + len(begin))
    return None


_MOST_LINES: Final = 40
"""Lines that begin like a frame and are compared with it."""


def _replies(statement: Statement) -> Iterator[str]:
    reply = statement.reply
    if reply is None or reply.code < 400:
        return
    step = statement.phase or "?"
    yield f"code {reply.code}"
    yield f"code {reply.code} {step}"
    yield f"refused {step}"
    if reply.status is not None:
        yield f"status {reply.status}"
        yield f"subject {reply.status.klass}.{reply.status.subject}"
    yield f"class {reply.code // 100} {step}"


def _quoted_codes(text: str) -> Iterator[str]:
    """Yield the codes in a line that was not recognised as a reply."""
    for code, status in _CODES.findall(text):
        yield f"code {code}"
        yield f"status {status}"
        yield f"subject {status.rpartition('.')[0]}"


_CODES: Final = re.compile(r"(?<![\d.])([45]\d\d)[ -]#?([45]\.[0-7]\.\d{1,3})(?!\d|\.\d)")


def find_step(reading: Reading) -> DialoguePhase | None:
    """Return the step at which it failed: that of the last refusal, or where the log ends."""
    for statement in reversed(reading.refusals):
        if statement.phase is not None:
            return statement.phase
    answered = _IN_REPLY_TO.search(reading.text)
    if answered is not None:
        return _STEP_OF[answered[1]]
    position = reading.seen.position
    return position if position != "resolve" else None


_IN_REPLY_TO: Final = re.compile(
    r"\b(?:in\s+reply\s+to|after|for|response to)\s{1,4}(?:the\s|end\s+of\s)?"
    r"(ehlo|helo|starttls|auth|mail|rcpt|data|text)\s+(?:command|from|to\b|\(|:)"
)
"""What tells to which command a server replied, also in a broken line."""
_STEP_OF: Final[dict[str, DialoguePhase]] = {
    "ehlo": "ehlo", "helo": "ehlo", "starttls": "starttls", "auth": "auth", "mail": "mail",
    "rcpt": "rcpt", "data": "data", "text": "data",
}  # fmt: skip


def find_progress(seen: Evidence) -> DialoguePhase | None:
    """Return the last step that is known to have succeeded."""
    if seen.mail.value is not None and seen.mail.value.reply.is_success:
        return "mail"
    if seen.is_signed_in:
        return "auth"
    if seen.over_tls.value is not None and seen.over_tls.value.reply.is_success:
        return "tls"
    hello = seen.in_clear.value
    if hello is not None and hello.reply.is_success:
        return "ehlo"
    return "greeting" if seen.first_word is not None else None


def _of_providers(reading: Reading) -> Iterator[str]:
    for provider in reading.providers or ("unknown",):
        yield f"provider {provider}"
        for statement in reading.refusals:
            if statement.reply is None:
                continue
            yield f"provider {provider} {statement.reply.code} {statement.phase or '?'}"
            if statement.reply.status is not None:
                yield f"provider {provider} status {statement.reply.status}"
    yield from _find_strangers(reading)


def _circumstances(reading: Reading) -> Iterator[str]:
    seen = reading.seen
    step = find_step(reading)
    if step is not None:
        yield f"step {step}"
    progress = find_progress(seen)
    if progress is not None:
        for each in DIALOGUE_PHASES[: DIALOGUE_PHASES.index(progress) + 1]:
            yield f"past {each}"
    yield from _of_providers(reading)
    if reading.client and not reading.is_live:
        yield f"client {reading.client}"
    if reading.port:
        yield f"port {reading.port}"
    if not reading.refusals:
        yield "no refusal"
    yield from find_values(reading.text[:MAX_TEXT])
    for attempt in seen.attempts:
        yield f"mechanism {attempt.mechanism}"


def _find_strangers(reading: Reading) -> Iterator[str]:
    """Yield a feature if a provider was called, or is named, and a host greets that is no
    provider's."""
    greetings = _GREETINGS.findall(reading.text[:MAX_TEXT])
    for line in reading.seen.transcript[:MAX_LINES]:
        greetings += _GREETINGS.findall(line.text[:MAX_GREETING].lower())
    if all(any(providers_in(greeting)) for greeting in greetings):
        return
    called = providers_in(f"{reading.host} {reading.seen.server_name}")
    if any(each != "exchange" for each in called):
        yield "greeted by another"
    if reading.providers.difference({"exchange"}):
        yield "greeted by a stranger"


MAX_GREETING: Final = 512
"""Characters of a greeting (RFC 5321 4.5.3.1.5)."""
_GREETINGS: Final = re.compile(r"\b220[ -]([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}) e?smtp\b")


def _name_words(text: str) -> Iterator[str]:
    """Yield features of single words."""
    yield from sorted({f"word {each}" for each in _WORD.findall(_drop_names(text))})


def describe_text(text: str, concepts: Concepts) -> Iterator[str]:
    """Yield what the words of a text say, as if it were not in the catalogue."""
    yield from _name_words(text)
    yield from concepts.find(_drop_names(text))


def _drop_names(text: str) -> str:
    """Remove addresses, hosts and paths, whose words say nothing about the cause."""
    return _TOKEN.sub(_drop_name, text)


def _drop_name(match: re.Match[str]) -> str:
    token = match[0]
    if len(token) > _LONGEST_TOKEN or not _PUNCTUATION.isdisjoint(token):
        return " "
    return _HOST.sub(" ", token)


_PUNCTUATION: Final = frozenset("@/\\")


def _find_concepts(statements: Iterable[Statement], concepts: Concepts) -> Iterator[str]:
    """Yield what the statements of failures are about, each text only behind what introduces it."""
    for statement in statements:
        if statement.reply is not None and statement.reply.code < 400:
            continue
        answered = _ANSWERED.search(statement.text)
        text = answered[1] if answered else statement.text
        yield from concepts.find(_drop_names(text[:_MOST_OF_A_STATEMENT]))


_MOST_OF_A_STATEMENT: Final = 600
_ANSWERED: Final = re.compile(
    r"(?:respond(?:ed|s|ió|eu)?|risposto|antwort\w{0,5}|antwoordde|répondu|said|replied|returned|"
    r"svarade|odpowied\w{0,5}|ответил\w?|server (?:message|response|error|reply)|response(?: was)?|"
    r"diagnostic-code|additional smtp info)\s?[:;]{1,2}\s*(.{3,600})"
)
"""How clients in several languages introduce what the server said."""
