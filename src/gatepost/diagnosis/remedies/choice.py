"""Chooses the fix of a library for a cause, or says why it needs none."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.causes.cause import Topic
from gatepost.diagnosis.remedies.library import Library

MECHANISM_TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {"LOGIN": "login", "PLAIN": "plain", "XOAUTH2": "xoauth2"}
)
_INSISTING: Final[Mapping[str, Topic]] = MappingProxyType(
    {"LOGIN": "only_login", "PLAIN": "only_plain"}
)
FIXABLE: Final = tuple(each.id for each in CAUSES.values() if each.topic)
"""All causes that a change in the client fixes."""

_OF_FEW: Final[Mapping[str, tuple[frozenset[str], str]]] = MappingProxyType(
    {
        "auth_before_tls_refused_by_client": (
            frozenset({"go-net-smtp", "go-mail", "msmtp"}),
            "It sends a password in clear if told to. The doctor does not: use a port with TLS.",
        ),
        "client_host_mismatch": (
            frozenset({"go-net-smtp"}),
            "Nothing in it compares the host of the sign-in with the host that it connects to.",
        ),
    }
)
"""Causes that only these libraries can have, and why the others cannot."""
_WITHOUT: Final[Mapping[Topic, str]] = MappingProxyType(
    {
        "addresses": "It refuses what is not an address before it connects.",
        "encoded_body": "It encodes a text that is not ASCII itself.",
        "one_tls": "It has one setting for TLS, or one of two silently wins.",
        "credentials": "It has no switch that discards credentials that are set.",
        "tls_version": "It asks for TLS 1.2 itself, or leaves the version to the system, which has "
        "to be updated then.",
        "plugin": "Its mechanisms are its own, and no plug-ins of Cyrus SASL.",
        "filter": "It has no filter: what is named and not listed is `mechanism_not_offered`.",
    }
)
"""Why a library without a fix for one of these topics needs none, unless it says so itself."""


def topic_of(finding_id: str, library: Library, offered: tuple[str, ...]) -> Topic | None:
    """Return the topic of ``library`` that fixes the finding; None if its code is not at fault.

    ``offered`` does not include mechanisms that are known not to work.
    """
    topic = CAUSES[finding_id].topic
    if topic != "by_offer":
        return topic or None
    mechanism = library.could_use(offered) if offered else _instead(library)
    insisting = _INSISTING.get(mechanism)
    if finding_id == "mechanism_advertised_but_broken" and insisting in library.fixes:
        return insisting
    return MECHANISM_TOPICS.get(mechanism)


def why_not(finding_id: str, library: Library, offered: tuple[str, ...]) -> str:
    """Return why ``library`` cannot have the fault; empty if it can, or if that is unknown."""
    only_these, reason = _OF_FEW.get(finding_id, (frozenset({library.name}), ""))
    if library.name not in only_these:
        return reason
    if finding_id in library.spared:
        return library.spared[finding_id]
    topic = topic_of(finding_id, library, offered)
    if topic is None or topic in library.fixes:
        return ""
    return library.spared.get(topic) or _WITHOUT.get(topic, "")


def _instead(library: Library) -> str:
    """Return what to try instead of its first choice if the offer is unknown."""
    usable = (*library.mechanisms, *library.settable)
    first = library.mechanisms[0] if library.mechanisms else ""
    others = [name for name in MECHANISM_TOPICS if name in usable and name != first]
    return next(iter(others), first)
