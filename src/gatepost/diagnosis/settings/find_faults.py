"""Finds mistakes in a configuration: rules over settings, one finding for each cause.

A rule is a pure function from one client's settings to faults. To add one, write it in the file of
its subject and list it in that file's RULES.
"""

from collections.abc import Callable, Iterator
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.settings import credentials, mailers, marks, switched_off, tls
from gatepost.diagnosis.settings.fault import Fault, View
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Confidence, Finding

Rule = Callable[[View], Iterator[Fault]]

RULES: Final[tuple[Rule, ...]] = (
    *marks.RULES, *tls.RULES, *credentials.RULES, *mailers.RULES, *switched_off.RULES,
)  # fmt: skip
MAX_PROOFS: Final = 20
_ORDER: Final[tuple[Confidence, ...]] = ("certain", "likely", "possible")


def judge_settings(seen: Evidence) -> tuple[Finding, ...]:
    """Return a finding for each cause, with every position that shows it."""
    faults: dict[str, list[Fault]] = {}
    for config in seen.configs:
        view = View(config)
        for rule in RULES:
            for fault in rule(view):
                faults.setdefault(fault.id, []).append(fault)
    return tuple(_finding(id_, found) for id_, found in faults.items())


def _finding(id_: str, faults: list[Fault]) -> Finding:
    surest = min((each.confidence for each in faults), key=_ORDER.index)
    proof = tuple(dict.fromkeys(each.proof for each in faults))[:MAX_PROOFS]
    fix = " ".join(tuple(dict.fromkeys(each.fix for each in faults))[:3])
    return conclude(id_, surest, *proof, fix=fix)


def note_settings(seen: Evidence) -> tuple[str, ...]:
    """Return notes about settings that are not faults."""
    cut = (f"the file is long: its last {seen.left_out:,} characters were not read",)
    return (*_about_settings(seen), *(cut if seen.left_out else ()))


def _about_settings(seen: Evidence) -> tuple[str, ...]:
    if not seen.configs:
        return ("no settings for sending mail were found in this file",)
    elsewhere = sorted({
        f"{config.file}:{each.line}: {each.key}" for config in seen.configs
        for each in config.settings if each.state == "elsewhere" and each.role in _OF_INTEREST
    })  # fmt: skip
    if not elsewhere:
        return ()
    return (f"values that are defined elsewhere were not seen: {', '.join(elsewhere[:8])}",)


_OF_INTEREST: Final = frozenset({"password", "username", "host", "port", "url"})
