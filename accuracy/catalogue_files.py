"""The catalogue's files: read, checked, and packed for the model.

``catalogue/servers``, ``services`` and ``clients`` have a file for each program, with what it says
and where that was read; ``codes`` what replies and status codes mean if no text is known;
``phrases.toml`` words that mean the same whoever says them.
"""

import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.ranking.features import SIGNS_BY_NAME
from gatepost.model.evidence import DIALOGUE_PHASES

ROOT: Final = Path(__file__).parent.parent / "catalogue"
KINDS: Final = ("server", "service", "client", "tls")
STEPS: Final = (*DIALOGUE_PHASES, "token")
_HEAD: Final = {"name", "kind", "source", "version", "provider", "library", "text"}
_TEXT: Final = {"words", "steps", "codes", "status", "causes", "apart", "proves", "at", "source"}


@dataclass
class MergedText:
    """What one or several programs say."""

    speakers: list[str] = field(default_factory=list)
    steps: set[str] = field(default_factory=set)
    causes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    proves: bool = True


def find_files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the files of programs."""
    for directory in ("servers", "services", "clients"):
        yield from sorted((root / directory).glob("*.toml"))


def read_files(root: Path = ROOT) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the files of programs with their parsed content."""
    for path in find_files(root):
        yield path, tomllib.loads(path.read_text("utf-8"))


def find_mistakes(path: Path, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the file of a program."""
    yield from (f"{path.name}: unknown key {key}" for key in document.keys() - _HEAD)
    for key in ("name", "kind", "source", "version"):
        if not document.get(key):
            yield f"{path.name}: no {key}"
    if document.get("kind") not in KINDS:
        yield f"{path.name}: kind {document.get('kind')}"
    seen = set()
    for row in document.get("text", ()):
        where = f"{path.name}: {row.get('words', row)!r}"
        words = row.get("words", "")
        if not words or words != words.lower() or words != words.strip("* "):
            yield f"{where}: words must be lower case, without blanks or * at their ends"
        if words in seen:
            yield f"{where}: twice"
        seen.add(words)
        yield from (f"{where}: unknown key {key}" for key in row.keys() - _TEXT)
        yield from (f"{where}: step {each}" for each in row.get("steps", ()) if each not in STEPS)
        causes = row.get("causes", {})
        if not causes:
            yield f"{where}: no cause"
        yield from (f"{where}: cause {each}" for each in causes if each not in CAUSES)
        if len(causes) > 1 and row.get("proves"):
            yield f"{where}: proves several causes"


def merge_texts(root: Path = ROOT) -> dict[str, MergedText]:
    """Return all texts by their words; what several programs say is one text."""
    merged: dict[str, MergedText] = defaultdict(MergedText)
    for _, document in read_files(root):
        for row in document.get("text", ()):
            text = merged[row["words"]]
            text.speakers.append(document["name"])
            text.steps.update(row.get("steps", ()))
            total = sum(row["causes"].values())
            for cause, share in row["causes"].items():
                text.causes[cause] += share / total
            text.proves &= bool(row.get("proves"))
    for text in merged.values():
        text.proves &= len(text.causes) == 1
    return dict(sorted(merged.items()))


def read_phrases(root: Path = ROOT) -> list[dict[str, Any]]:
    """Return the phrases as arguments of ``Sign``."""
    rows = _rows(root / "phrases.toml", "phrase")
    for row in rows:
        row["id"] = row.pop("cause")
        if "at" in row:
            row["at"] = [each or None for each in row["at"]]
    return rows


def read_frames(root: Path = ROOT) -> list[tuple[str, str, str]]:
    """Return frames of stack traces with the step that they show, and which of several tells."""
    rows = _rows(root / "frames.toml", "frame")
    return [(row["words"], row["step"], _telling(row)) for row in rows]


def _telling(row: Mapping[str, Any]) -> str:
    if row.get("pair"):
        return "pair"
    return "last" if row.get("library") in _INNERMOST_LAST else "first"


_INNERMOST_LAST: Final = ("python-smtplib", "aiosmtplib", "django")
"""Libraries of Python, whose traces end with the innermost frame."""


def read_concepts(root: Path = ROOT) -> dict[str, list[str]]:
    """Return the words for each concept."""
    concepts: dict[str, list[str]] = tomllib.loads((root / "concepts.toml").read_text("utf-8"))[
        "concepts"
    ]
    return concepts


def read_codes(root: Path = ROOT) -> dict[str, dict[str, float]]:
    """Return what codes mean by themselves: the causes of each feature of a code."""
    codes: dict[str, dict[str, float]] = {}
    for row in _rows(root / "codes" / "enhanced.toml", "status"):
        own = f"provider {row['by']} " if row.get("by") else ""
        for status in _classes(row["code"]):
            codes[f"{own}status {status}"] = row["causes"]
    for row in _rows(root / "codes" / "enhanced.toml", "subject"):
        for subject in _classes(row["subject"]):
            codes[f"subject {subject}"] = row["causes"]
    for row in _rows(root / "codes" / "replies.toml", "class"):
        for step in row["steps"]:
            codes[f"class {row['class']} {step}"] = row["causes"]
    for row in _rows(root / "codes" / "replies.toml", "reply"):
        for step in row.get("steps", ()) or ("",):
            codes[f"code {row['code']} {step}".rstrip()] = row["causes"]
    return codes


def digest(root: Path = ROOT) -> str:
    """Return the digest of everything that the catalogue and the signs say."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.toml")):
        total.update(path.read_bytes())
    for name, sign in SIGNS_BY_NAME.items():
        total.update(f"{name} {sign.words} {sign.codes} {sign.status}".encode())
    return total.hexdigest()[:16]


def _rows(path: Path, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))[key]
    return rows


def _classes(code: str) -> tuple[str, ...]:
    """Return the status codes that ``X.7.26`` stands for: permanent and transient."""
    return tuple(f"{each}{code[1:]}" for each in "45") if code[0] == "X" else (code,)
