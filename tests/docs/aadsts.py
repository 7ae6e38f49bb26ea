"""The reference of Entra's error codes, from the table that explains them."""

from gatepost.diagnosis.entra.codes import CODES
from tests.docs.tables import table


def aadsts_page(note: str) -> str:
    """Return the page."""
    rows = [
        (
            f"`AADSTS{code.number}`",
            code.proves,
            code.fix,
            f"[{code.finding}](../findings/{code.finding}.md)" if code.finding else "wait",
        )
        for code in sorted(CODES.values(), key=lambda code: str(code.number))
    ]
    lines = [
        "# Error codes of Microsoft Entra", "", note, "",
        "What each code means, and what to do. `gatepost doctor --explain AADSTS7000215` says it.",
        "",
        *table(("code", "meaning", "what to do", "finding"), rows),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
