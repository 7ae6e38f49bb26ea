"""Cures, library by library: one file each, all with the same topics."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies import (
    aiosmtplib,
    curl,
    django,
    go_net_smtp,
    javamail,
    lettre,
    mailkit,
    msmtp,
    nodemailer,
    phpmailer,
    python_smtplib,
    ruby_net_smtp,
    swaks,
    system_net_mail,
)
from gatepost.diagnosis.remedies.library import MECHANISM_TOPICS, Library, Place, Topic
from gatepost.errors import ConfigError
from gatepost.model.finding import Remedy

_MODULES: Final = (
    go_net_smtp, python_smtplib, aiosmtplib, django, nodemailer, phpmailer, javamail, mailkit,
    system_net_mail, ruby_net_smtp, lettre, msmtp, curl, swaks,
)  # fmt: skip
LIBRARIES: Final[Mapping[str, Library]] = MappingProxyType(
    {module.LIBRARY.name: module.LIBRARY for module in _MODULES}
)
_NAMES: Final[Mapping[str, Library]] = MappingProxyType(
    {name: library for library in LIBRARIES.values() for name in (library.name, *library.aliases)}
)

TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {
        "starttls_required": "starttls",
        "implicit_tls_on_starttls_port": "starttls",
        "starttls_on_implicit_tls_port": "implicit",
        "cert_untrusted": "trust",
        "cert_hostname_mismatch": "name",
        "auth_not_advertised": "no_auth",
        "unwanted_auth_attempt": "no_auth",
    }
)
"""Findings that a change in the client cures; for a mechanism the topic depends on the offer."""


def find_library(name: str) -> Library:
    """Return the library that ``name`` or one of its aliases means. Raises ConfigError."""
    wanted = name.strip().lower().replace("_", "-")
    if library := _NAMES.get(wanted):
        return library
    near = difflib.get_close_matches(wanted, _NAMES, 1)
    raise ConfigError(
        f"no library is called {name[:60]!r}; known: {', '.join(sorted(LIBRARIES))}",
        did_you_mean=_NAMES[near[0]].name if near else "",
    )


def topic_of(finding_id: str, library: Library, offered: tuple[str, ...]) -> Topic | None:
    """Return which cure of ``library`` answers the finding; None when its code is not at fault."""
    if finding_id == "mechanism_not_offered":
        return MECHANISM_TOPICS.get(library.could_use(offered))
    return TOPICS.get(finding_id)


def remedies(
    finding_id: str, libraries: tuple[Library, ...], offered: tuple[str, ...], place: Place
) -> tuple[Remedy, ...]:
    """Return the cures of these libraries for a finding, with the server's name filled in."""
    found = []
    for library in libraries:
        topic = topic_of(finding_id, library, offered)
        cure = library.cures.get(topic) if topic else None
        if cure is not None:
            code = place.fill(cure.code) if cure.code else None
            found.append(Remedy(library.name, place.fill(cure.text), code))
    return tuple(found)
