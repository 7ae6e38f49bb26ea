"""Worked cases: a log, the client and server as far as known, and the true cause."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OURS: Final = Path(__file__).parent / "cases"
AMBIGUOUS: Final = Path(__file__).parent / "ambiguous"
"""Texts that several causes share: the true one must be among the first three."""
_BLOCK: Final = re.compile(r"^== ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One log. ``literal``: it quotes what was said; otherwise it only describes it."""

    id: str
    cause: str
    log: str
    client: str = ""
    server: str = ""
    literal: bool = True
    also: tuple[str, ...] = ()
    """Causes that the same words have as well: naming one of them first is right, too."""
    origin: str = ""
    """The repository or thread that it is from: its other cases are alike."""


def our_cases(directory: Path = OURS) -> Iterator[Case]:
    """Yield the cases of ``*.txt``: ``== cause | client | server``, then the log's lines."""
    for path in sorted(directory.glob("*.txt")):
        for number, block in enumerate(_BLOCK.split(path.read_text("utf-8"))[1:], 1):
            head, _, log = block.partition("\n")
            cause, client, server = (part.strip() for part in head.split("|"))
            yield Case(f"{path.stem}-{number}", cause, log.strip("\n"), client, server)


def corpus_cases(path: Path) -> Iterator[Case]:
    """Yield the cases of a corpus: one JSON object per line, as ``case_of`` reads it."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield case_of(json.loads(line))


def thread_cases(path: Path) -> Iterator[Case]:
    """Yield the cases of public threads: one JSON object a line, with what the user pasted."""
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        yield Case(row["id"], row["cause"], row["paste"], row.get("client", ""),
                   row.get("server", ""), also=tuple(row.get("also", ())),
                   origin=_origin_of(row.get("url", "")))  # fmt: skip


_REPOSITORY: Final = re.compile(r"https?://(?:www\.)?git(?:hub|lab)\.com/([^/]+/[^/]+)")


def _origin_of(url: str) -> str:
    repository = _REPOSITORY.match(url)
    return repository[1].lower() if repository else url


def case_of(document: Mapping[str, Any]) -> Case:
    """Return the case of a JSON object.

    ``id``, ``cause``, ``client``, ``server``, ``symptom`` (text), ``transcript`` (``from`` C or S,
    ``text``), ``ehlo`` (lines of an EHLO reply), ``symptom_kind``, ``transcript_kind``.
    """
    lines = [str(document.get("symptom", ""))]
    lines += [f"{line['from']}: {line['text']}" for line in document.get("transcript", ())]
    offers = list(document.get("ehlo", ()))
    if offers and not any(": 250" in line for line in lines):
        *more, last = ("server", *offers)
        lines += [*(f"S: 250-{each}" for each in more), f"S: 250 {last}"]
    quoted = document.get("symptom_kind") == "quoted"
    spoken = document.get("transcript_kind") in ("excerpt", "session")
    return Case(
        str(document["id"]),
        str(document["cause"]),
        "\n".join(lines),
        str(document.get("client", "")),
        str(document.get("server", "")),
        quoted or spoken,
    )
