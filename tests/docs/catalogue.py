"""The page of the catalogue: the programs whose words the doctor knows, and their sources."""

from collections.abc import Iterator
from typing import Any, Final

from accuracy.catalogue_files import read_files
from tests.docs.tables import table

_TITLES: Final = {
    "server": "Servers", "service": "Services", "client": "Clients and libraries",
    "tls": "TLS libraries",
}  # fmt: skip


def catalogue_page(note: str) -> str:
    """Return the page."""
    documents = [document for _, document in read_files()]
    texts = sum(len(each["text"]) for each in documents)
    words = len({row["words"] for each in documents for row in each["text"]})
    lines = [
        "# The catalogue of texts", "", note, "",
        "What servers, services, clients and TLS libraries say about failures, read in their",
        "public source or documentation, with the causes that each text has. The doctor looks for",
        "these texts in a log; `make train` trains how much each of them tells. The files are in",
        "`catalogue/`, with the place of each text.", "",
        f"{texts:,} texts of {len(documents)} programs, {words:,} of them different.",
    ]  # fmt: skip
    for kind, title in _TITLES.items():
        own = [each for each in documents if each["kind"] == kind]
        count = sum(len(each["text"]) for each in own)
        lines += ["", f"## {title}", "", f"{count:,} texts of {len(own)}.", ""]
        lines += table(("program", "texts", "proofs", "version", "source"), sorted(_rows(own)))
    return "\n".join(lines) + "\n"


def _rows(documents: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str, str]]:
    for each in documents:
        proofs = sum(bool(row.get("proves")) for row in each["text"])
        source = each["source"]
        link = f"<{source}>" if source.startswith("https://") and " " not in source else source
        yield each["name"], str(len(each["text"])), str(proofs), str(each["version"]), link
