"""Recognises the provider by its host or by its EHLO reply."""

from functools import cache

from gatepost.diagnosis.diagnose import recognise
from gatepost.model.evidence import EhloExchange, Evidence, Target, seen
from gatepost.model.profile import Profile
from gatepost.profiles import known_providers, load_profile


@cache
def known_profiles() -> tuple[Profile, ...]:
    """Return the profile of every provider."""
    return tuple(map(load_profile, known_providers()))


def profile_of(evidence: Evidence) -> Profile | None:
    """Return the provider's profile; None for an unknown one."""
    name = recognise(evidence, known_profiles())
    return next((each for each in known_profiles() if each.name == name), None)


def unlisted_mechanisms(host: str, hello: EhloExchange) -> tuple[str, ...]:
    """Return the mechanisms that a provider accepts although EHLO does not list them."""
    profile = profile_of(Evidence("probe", target=Target(host, 0), over_tls=seen(hello)))
    return profile.unadvertised_mechanisms if profile else ()
