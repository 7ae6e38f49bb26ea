"""Which refusals of a token request pass by themselves.

Source: RFC 6749 5.2; Microsoft Learn, "Microsoft Entra authentication and authorization error
codes".
"""

from typing import Final

_PASSING_NUMBERS: Final = frozenset({90033, 50196, 90006, 90024})
"""A transient error, a client in a loop, an external server, a request budget."""
_PASSING_ERRORS: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_PASSING_STATUS: Final = frozenset({408, 425, 429})


def is_passing(status: int, error: str, number: int) -> bool:
    """Tell whether the same request may succeed later: by HTTP status, OAuth error and AADSTS
    number."""
    if number in _PASSING_NUMBERS or error in _PASSING_ERRORS:
        return True
    if status < 400:  # not a refusal by RFC 6749, perhaps a proxy's
        return not (error or number)
    return status in _PASSING_STATUS or status >= 500
