"""What an AUTH attempt shows: whether the secret was checked, or only the mechanism refused."""

from functools import cache
from typing import Final, Literal

from gatepost.model.evidence import AuthAttempt, Evidence
from gatepost.sasl.proofs import PROOFS

WRONG_SECRET: Final = frozenset({535, 435})
"""535 (RFC 4954 6), and 435, which Mailjet sends for the same."""
UNSUPPORTED: Final = frozenset({"DIGEST-MD5", "NTLM"})
"""Mechanisms that use a password, and that Gatepost does not support."""


@cache
def mechanisms_for(proof: Literal["password", "token"]) -> frozenset[str]:
    """Return the mechanisms that prove a password, or a token."""
    ours = frozenset(name for name, needs in PROOFS.items() if needs == proof)
    return ours | UNSUPPORTED if proof == "password" else ours


def refused_secret(seen: Evidence) -> AuthAttempt | None:
    """Return the attempt in which the server checked a secret and refused it."""
    return next(
        (
            each
            for each in seen.attempts
            if each.secret_sent and each.reply.code in WRONG_SECRET and not was_broken_off(each)
        ),
        None,
    )


def was_judged(seen: Evidence, attempt: AuthAttempt) -> bool:
    """Tell whether the server checked the secret of ``attempt``, and refused it.

    A probe tries an unlisted mechanism only if the server is known to accept it. In a recorded
    session, the refusal must not be about the mechanism.
    """
    is_refused = attempt.secret_sent and attempt.reply.code in WRONG_SECRET
    is_of_mechanism = "mechanism" in attempt.reply.text.lower() and seen.source == "record"
    is_watched = seen.source in ("probe", "record")
    return is_watched and is_refused and not is_of_mechanism and not was_broken_off(attempt)


def was_broken_off(attempt: AuthAttempt) -> bool:
    """Tell whether the exchange ended before the server checked the secret.

    Cyrus SASL (``SASL_BADPROT``) prompts for mechanisms that it does not list, and cannot
    continue with them.
    """
    return "bad protocol" in attempt.reply.text.lower()
