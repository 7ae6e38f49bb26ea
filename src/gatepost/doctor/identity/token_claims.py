"""A token by itself: its claims, and the services that it could be for."""

from datetime import datetime

from gatepost.diagnosis.entra.access_tokens import read_token
from gatepost.diagnosis.entra.usernames import read_name
from gatepost.doctor.provider_profiles import known_profiles
from gatepost.model.entra import Behind, TokenSeen
from gatepost.model.evidence import ClientFacts, Evidence, Fact, seen

_USUAL = "acs"
"""The usual audience, for tokens whose audience is not a mail service."""


def examine_token(text: str, username: str, now: datetime) -> Evidence:
    """Return what a token says about itself; ``username`` may be empty."""
    token = read_token(text)
    name = read_name(username) if username else None
    compared = name is not None and not name.mistake
    return Evidence(
        "token",
        seen_at=now,
        client=ClientFacts(signs_in=True),
        provider=_provider_of(token),
        token=seen(token),
        behind=seen(Behind(name)) if name is not None and compared else Fact(),
        position="auth",
    )


def _provider_of(token: TokenSeen) -> str:
    audience = token.audience.removesuffix("/").lower()
    for profile in known_profiles():
        if audience in profile.doctor.token_audiences:
            return profile.name
    return _USUAL
