"""A cause: everything that is said about it, whatever evidence shows it."""

from typing import Literal, NamedTuple

from gatepost.model.evidence import DialoguePhase

Topic = Literal[
    "login", "plain", "xoauth2", "only_login", "only_plain",
    "starttls", "implicit", "trust", "name", "no_auth",
    "one_line", "two_lines", "long_token", "no_authzid",
    "url", "utf8", "check", "host", "hello",
    "sender", "addresses", "from_header",
    "line_ends", "short_lines", "ascii_headers", "encoded_body",
    "one_tls", "credentials", "tls_version", "plugin", "filter",
]  # fmt: skip
"""What a fix in a library's code achieves."""


class Cause(NamedTuple):
    """Why mail fails. The summary is also the first sentence of its page in ``docs/findings``."""

    id: str
    phase: DialoguePhase
    prior: int
    """How often it was the cause in public threads. A specific cause has a higher number than a
    similar general one: an expired certificate than an unknown issuer, a known mistake than a bare
    refusal."""
    summary: str
    fix: str
    probe: str = ""
    """The check that would make it certain."""
    topic: Topic | Literal["by_offer", ""] = ""
    """What a change in the client's code achieves, if one fixes it; ``by_offer`` if that depends on
    the mechanisms that the server offers."""
    seen_in: Literal["", "reply", "provider"] = ""
    """What a probe recognises it by, besides rules: the words of a refusal, or the provider of a
    server that refuses."""
    weight: float = 0.0
    """Its weight in a log, if a rule finds it, in comparison with the points of signs; 0 for the
    usual weight of its confidence."""
    relay_fix: str = ""
    """The fix if the relay itself is the client, in terms of its configuration."""
