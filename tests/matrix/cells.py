"""The cells of the matrix and their expected outcomes, from tables of what SASL specifies.

No part of the product is used here: the relay's planner is what is tested.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

# fmt: off
MECHANISMS: Final = {
    # name                 is proven by    reveals it  bound to TLS
    "PLAIN":              ("password",     True,       False),
    "LOGIN":              ("password",     True,       False),
    "CRAM-MD5":           ("password",     False,      False),
    "SCRAM-SHA-1":        ("password",     False,      False),
    "SCRAM-SHA-256":      ("password",     False,      False),
    "SCRAM-SHA-512":      ("password",     False,      False),
    "SCRAM-SHA-1-PLUS":   ("password",     False,      True),
    "SCRAM-SHA-256-PLUS": ("password",     False,      True),
    "XOAUTH2":            ("token",        True,       False),
    "OAUTHBEARER":        ("token",        True,       False),
    "EXTERNAL":           ("certificate",  False,      True),
}
KINDS: Final = {
    "password":               "password",
    "entra-secret":           "token",
    "entra-certificate":      "token",
    "managed-identity":       "token",
    "workload-identity":      "token",
    "google-service-account": "token",
    "refresh-token":          "token",
    "client-certificate":     "certificate",
}
TLS: Final = {
    # the target's   the port     encrypted  verified
    "implicit":      ("implicit", True,      True),
    "required":      ("starttls", True,      True),
    "opportunistic": ("starttls", True,      False),
    "none":          ("clear",    False,     False),
}
AUTO: Final = "auto"
"""The planner's choice among what the server lists."""
BY_PASSWORD: Final = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
                      "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")
BY_ACCOUNT: Final = (*BY_PASSWORD, "EXTERNAL", "nothing, by its network")
"""The sign-ins of clients with an account, and of those that need none."""
BY_TOKEN: Final = ("XOAUTH2", "OAUTHBEARER")
# fmt: on


@dataclass(frozen=True)
class Offer:
    """What a server offers, and what it accepts without listing it."""

    server: str
    in_tls: frozenset[str]
    in_clear: frozenset[str]
    unlisted: frozenset[str] = frozenset()
    """Accepted under TLS although not listed."""
    kinds: frozenset[str] = frozenset(KINDS)
    """The kinds of credentials that can be made for it."""
    clear_takes_starttls: bool = False
    """The clear-text port is the one with STARTTLS."""
    modes: frozenset[str] = frozenset({"starttls", "implicit", "clear"})
    """The TLS modes for which it has a port."""

    def takes(self, mechanism: str, *, encrypted: bool) -> bool:
        """Tell whether a sign-in by it can work."""
        return mechanism in (self.in_tls | self.unlisted if encrypted else self.in_clear)


@dataclass(frozen=True)
class Cell:
    """One combination of server, TLS mode, credential and mechanism."""

    server: str
    mechanism: str
    kind: str
    tls: str

    def __str__(self) -> str:
        return f"{self.server} {self.mechanism} {self.kind} {self.tls}"


@dataclass(frozen=True)
class Illegal:
    """Why there is no sign-in: a mistake of the configuration, or a reason why a message waits."""

    text: str
    findings: tuple[str, ...] = ()
    """The possible findings of the doctor; empty: ``gatepost check`` reports it before a start."""

    @property
    def is_mistake(self) -> bool:
        """Whether ``check`` reports it."""
        return not self.findings


def verdict_of(cell: Cell, offer: Offer) -> Illegal | None:
    """Return the expected outcome of a cell; None: it delivers.

    The order is that of docs/how-to/sign-in-upstream.md.
    """
    proof = KINDS[cell.kind]
    fitting = [each for each, (needs, *_) in MECHANISMS.items() if needs == proof]
    if cell.mechanism != AUTO:
        if cell.mechanism not in fitting:
            return Illegal(f"{_IN_WORDS[proof]} cannot be used with {cell.mechanism}")
        fitting = [cell.mechanism]
    usable = [each for each in fitting if _is_protected(each, cell.tls)]
    if not usable:
        return Illegal("can be used only over TLS to a verified server")
    encrypted = TLS[cell.tls][1]
    if cell.mechanism != AUTO:
        takes = offer.takes(cell.mechanism, encrypted=encrypted)
        return None if takes else _refused(offer, encrypted=encrypted)
    listed = offer.in_tls if encrypted else offer.in_clear
    if listed.intersection(usable):
        return None
    return _nothing_fits(listed, listed.intersection(fitting), cell, offer)


def _is_protected(mechanism: str, tls: str) -> bool:
    _, reveals, is_bound = MECHANISMS[mechanism]
    _, encrypted, verified = TLS[tls]
    return (encrypted or not is_bound) and (verified or not reveals)


def _refused(offer: Offer, *, encrypted: bool) -> Illegal:
    """Return the outcome of a mechanism that is used although not listed, and that the server
    refuses."""
    listed = offer.in_tls if encrypted else offer.in_clear
    if not listed:
        return Illegal("", (_nothing_listed(offer),))
    if not encrypted and offer.clear_takes_starttls:  # some want TLS before anything else
        return Illegal("", ("mechanism_not_offered", "starttls_required"))
    return Illegal("", ("mechanism_not_offered",))


def _nothing_listed(offer: Offer) -> str:
    return "starttls_required" if offer.clear_takes_starttls else "auth_not_advertised"


def _nothing_fits(
    listed: frozenset[str], in_vain: frozenset[str], cell: Cell, offer: Offer
) -> Illegal:
    if not listed:
        return Illegal("server offers no AUTH at all", (_nothing_listed(offer),))
    if not listed.intersection(MECHANISMS):
        return Illegal("not supported", ("mechanism_not_offered",))
    if not in_vain:
        return Illegal(_NOT_GIVEN[KINDS[cell.kind]], ("mechanism_not_offered",))
    if cell.tls == "none":
        return Illegal("it reveals the secret, and there is no TLS", (_BEFORE_TLS,))
    return Illegal("the server's certificate is not verified", ("client_accepts_invalid_cert",))


_BEFORE_TLS: Final = "auth_before_tls_refused_by_client"
_IN_WORDS: Final = {
    "password": "a password", "token": "a token", "certificate": "a client certificate",
}  # fmt: skip
_NOT_GIVEN: Final = {
    "password": " was given",
    "token": "no password was given",
    "certificate": " was given",
}
"""What is reported for mechanisms that need another proof than the credential gives."""


def cells(offers: Iterable[Offer]) -> list[Cell]:
    """Return every cell of these servers."""
    return [
        Cell(offer.server, mechanism, kind, tls)
        for offer in offers
        for mechanism, kind, tls in product((AUTO, *MECHANISMS), KINDS, TLS)
        if kind in offer.kinds and TLS[tls][0] in offer.modes
    ]


def pairwise(everything: Sequence[Cell]) -> list[Cell]:
    """Return few cells that have every pair of values that a cell can have, chosen greedily."""
    missing = {pair for cell in everything for pair in _pairs(cell)}
    chosen: list[Cell] = []
    while missing:
        best = max(everything, key=lambda cell: sum(pair in missing for pair in _pairs(cell)))
        chosen.append(best)
        missing.difference_update(_pairs(best))
    return chosen


def _pairs(cell: Cell) -> Iterator[tuple[object, ...]]:
    values = list(enumerate((cell.server, cell.mechanism, cell.kind, cell.tls)))
    yield from combinations(values, 2)
