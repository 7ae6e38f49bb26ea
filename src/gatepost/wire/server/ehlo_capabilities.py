"""The capabilities in EHLO: the profile's lines, without what this listener does not support."""

from dataclasses import dataclass

from gatepost.model.profile import Profile
from gatepost.wire.ehlo_reply import OLD_AUTH


@dataclass(frozen=True, slots=True)
class Offer:
    """The EHLO lines before or after STARTTLS, and what they mean."""

    lines: tuple[str, ...] = ()
    keywords: frozenset[str] = frozenset()
    mechanisms: frozenset[str] = frozenset()
    """The mechanisms that AUTH accepts, including unadvertised ones."""


def make_offer(
    profile: Profile, verifiable: frozenset[str], *, encrypted: bool, can_tls: bool
) -> Offer:
    """Return the offer: STARTTLS only if it is possible, mechanisms only if they can be
    verified."""
    verifiable |= frozenset(name.upper() for name in profile.auth.broken)
    lines: list[str] = []
    keywords: set[str] = set()
    mechanisms: set[str] = set()
    for template in profile.over_tls if encrypted else profile.in_clear:
        line = template.replace("{size}", str(profile.limits.message_size)).replace(
            "{recipients}", str(profile.limits.recipients)
        )
        keyword, *words = line.split()
        if keyword.upper() == "STARTTLS" and not can_tls:
            continue
        if keyword[:5].upper() == OLD_AUTH:
            words = [keyword[5:], *words]
            keyword = keyword[:4]
            glue = "="
        else:
            glue = " "
        if keyword.upper() == "AUTH":
            words = [word for word in words if word.upper() in verifiable]
            if not words:
                continue
            mechanisms.update(word.upper() for word in words)
            line = f"{keyword}{glue}{' '.join(words)}"
        lines.append(line)
        keywords.add(keyword.upper())
    if encrypted or not profile.requires_tls:
        unadvertised = {name.upper() for name in profile.unadvertised_mechanisms}
        mechanisms |= unadvertised & verifiable
    return Offer(tuple(lines), frozenset(keywords), frozenset(mechanisms))
