"""Finds the library that is meant, and its fixes for a cause."""

from dataclasses import replace
from typing import Final

from gatepost.diagnosis.remedies.catalog import LIBRARIES, NAMES
from gatepost.diagnosis.remedies.choice import topic_of, why_not
from gatepost.diagnosis.remedies.library import Library, Placeholders
from gatepost.errors import ConfigError
from gatepost.model.finding import Remedy

_IMPLICIT_PORTS: Final = frozenset({465, 2465})
"""Ports on which, of two settings for TLS, the one for implicit TLS must stay (RFC 8314 7.3)."""


def find_library(name: str) -> Library:
    """Return the library with this name or alias. Raises ConfigError."""
    if library := library_called(name):
        return library
    import difflib  # noqa: PLC0415 - only for who mistypes

    near = difflib.get_close_matches(_spelled(name), NAMES, 1)
    raise ConfigError(
        f"no library is called {name[:60]!r}; known: {', '.join(sorted(LIBRARIES))}",
        did_you_mean=NAMES[near[0]] if near else "",
    )


def library_called(*names: str) -> Library | None:
    """Return the first library that one of ``names`` stands for; None if none is known."""
    name = next((NAMES[each] for each in map(_spelled, names) if each in NAMES), None)
    return LIBRARIES[name] if name else None


def adapt_to_mailers(library: Library) -> Library:
    """Return Django with fixes for a project that has MAILERS; no test of ours runs them."""
    from gatepost.diagnosis.remedies.django_mailers import mailers_fixes  # noqa: PLC0415

    return replace(library, fixes=mailers_fixes(library.fixes), executed=frozenset())


def _spelled(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def remedies(
    finding_id: str,
    libraries: tuple[Library, ...],
    offered: tuple[str, ...],
    placeholders: Placeholders,
) -> tuple[Remedy, ...]:
    """Return the fixes of these libraries for a finding, with the server's name filled in.

    A library that cannot have the fault says so if it is the only one asked about.
    """
    fixes = []
    for library in libraries:
        if why := why_not(finding_id, library, offered):
            fixes += [Remedy(library.name, why)] if len(libraries) == 1 else []
            continue
        topic = topic_of(finding_id, library, offered)
        fix = library.fixes.get(topic) if topic else None
        if fix is not None and topic is not None:
            if topic == "one_tls" and placeholders.port in _IMPLICIT_PORTS:
                fix = replace(fix, code=library.fixes["implicit"].code)
            code = placeholders.fill(fix.code) if fix.code else None
            run = finding_id in library.executed
            fixes.append(Remedy(library.name, placeholders.fill(fix.text), code, run))
    return tuple(fixes)
