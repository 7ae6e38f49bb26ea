"""A sign: words, a code, or a phase of the dialogue that indicate a cause."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.diagnosis.signs.log_statements import Reading, Statement
from gatepost.model.evidence import DialoguePhase

Test = Callable[[Reading], bool]


@dataclass(frozen=True, slots=True)
class Sign:
    """Speaks for the cause ``id`` if all its conditions hold; how strongly, the model has learned.

    ``words``: one of them is in one statement, in lower case; ``*`` matches anything. ``codes``,
    ``status``, ``at``: that statement is such a reply. The others are about the whole log: the
    provider, the client, the port, words about client and server.
    """

    id: str
    words: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    status: tuple[str, ...] = ()
    at: tuple[DialoguePhase | None, ...] = ()
    by_server: bool = False
    provider: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    unless: tuple[str, ...] = ()
    """Words that must not be in the log or its context."""
    when: Test | None = None
    proof: str = ""
    """The proof if no statement can be quoted."""
    against: bool = False
    """It speaks against the cause."""

    def find_proof(self, reading: Reading) -> str | None:
        """Return the proof if the sign is there; otherwise None."""
        if not self._is_in_context(reading):
            return None
        if any(has_words(reading.text, word) or has_words(reading.context, word)
               for word in self.unless):  # fmt: skip
            return None
        if self.when is not None and not self.when(reading):
            return None
        if not (self.words or self.codes or self.status or self.at):
            return self.proof
        text = reading.text
        words = [each for each in self.words if _BEGINNINGS[each] in text and has_words(text, each)]
        if self.words and not words:
            return None  # most signs, without a look at each statement
        for statement in reading.statements:
            if self._is_match(statement, words):
                return statement.quotation
        return None

    def _is_in_context(self, reading: Reading) -> bool:
        if self.provider and not reading.providers.intersection(self.provider):
            return False
        if self.client and reading.client not in self.client:
            return False
        if self.ports and reading.port not in self.ports:
            return False
        return not self.context or any(has_words(reading.context, word) for word in self.context)

    def _is_match(self, statement: Statement, words: Sequence[str]) -> bool:
        reply = statement.reply
        if self.codes and (reply is None or reply.code not in self.codes):
            return False
        if self.status and (reply is None or str(reply.status) not in self.status):
            return False
        if self.at and (reply is None or statement.phase not in self.at):
            return False
        if self.by_server and not statement.by_server:
            return False
        return not words or any(has_words(statement.text, word) for word in words)


class _Beginnings(dict[str, str]):
    """What the words of signs begin with, up to the first ``*``: looking for that alone is quick,
    and most are not there."""

    def __missing__(self, words: str) -> str:
        begin = self[words] = words.partition("*")[0]
        return begin


_BEGINNINGS: Final = _Beginnings()


def has_words(text: str, words: str) -> bool:
    """Tell whether the parts of ``words``, separated by ``*``, occur in ``text`` in this order.

    A number does not match digits within an identifier.
    """
    return find_words(text, words) is not None


def find_words(text: str, words: str) -> tuple[int, int] | None:
    """Return where ``words`` begin and end in ``text``; None if they do not occur."""
    if "*" not in words and not words.isdecimal():
        begin = _find_code(text, words) if words[:3].isdecimal() else text.find(words)
        return None if begin < 0 else (begin, begin + len(words))
    begin = end = -1
    for part in words.split("*"):
        start = max(end, 0)
        index = _find_number(text, part, start) if part.isdecimal() else text.find(part, start)
        if index < 0:
            return None
        begin = index if begin < 0 else begin
        end = index + len(part)
    return begin, end


def _find_code(text: str, words: str) -> int:
    """Return where words that begin with a code occur, not as the end of an identifier."""
    index = text.find(words)
    while index > 0 and text[index - 1].isalnum():
        index = text.find(words, index + 1)
    return index


def _find_number(text: str, digits: str, start: int) -> int:
    index = text.find(digits, start)
    while index >= 0:
        end = index + len(digits)
        if not (text[index - 1 : index].isalnum() or text[end : end + 1].isalnum()):
            break
        index = text.find(digits, index + 1)
    return index
