"""Turns what a tap has read into Evidence: the same as from a log, and what only octets show."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from gatepost.doctor.client_names import library_named
from gatepost.doctor.logs.dialogue import DialogueReader, add_dialogue
from gatepost.doctor.recording.client_habits import library_by_habits
from gatepost.doctor.recording.tap import Tap
from gatepost.model.evidence import (
    ClientFacts,
    Connect,
    DialoguePhase,
    Evidence,
    Fact,
    Greeting,
    Resolution,
    Target,
    TlsFirst,
    TlsMode,
    TlsSeen,
    seen,
)


@dataclass(slots=True)
class SessionOutcome:
    """What is known about a recorded session besides the dialogue; filled in during it."""

    began: datetime
    resolution: Fact[Resolution] = field(default_factory=Fact)
    connects: Fact[tuple[Connect, ...]] = field(default_factory=Fact)
    tls: Fact[TlsSeen] = field(default_factory=Fact)
    """With the server."""
    tls_first: Fact[TlsFirst] = field(default_factory=Fact)
    greets: Fact[Greeting] = field(default_factory=Fact)
    """How the server greets our own connection, if the session got no greeting."""
    waited_ms: float = 0.0
    """The time waited for the greeting."""
    failure: str = ""
    phase: DialoguePhase | None = None
    """Where it ended, if not at the last command."""


def evidence_in(tap: Tap, outcome: SessionOutcome, target: Target, product: str = "") -> Evidence:
    """Return the evidence of a finished tap. ``product``: the user's name for the client."""
    dialogue = _replay(tap)
    library = library_named(product) or library_by_habits(dialogue.lines)
    signs_in = bool(dialogue.attempts)
    client = ClientFacts(library, _tls_mode(tap, dialogue), signs_in, product=product)
    evidence = Evidence(
        "record",
        target=target,
        seen_at=outcome.began,
        client=client,
        resolution=outcome.resolution,
        connects=outcome.connects,
        tls_first=outcome.tls_first,
        tls=outcome.tls,
        conduct=seen(tap.conduct),
    )
    evidence = add_dialogue(evidence, dialogue, tuple(dialogue.strays))
    return replace(
        evidence,
        greeting=_greeting(tap, dialogue, outcome),
        position=outcome.phase or evidence.position,
        failure=tap.secrets.redact(outcome.failure),
    )


def _replay(tap: Tap) -> DialogueReader:
    """Reconstruct the dialogue, now that every secret is known."""
    dialogue = DialogueReader(tap.logins.responses, tls=tap.began_with_tls, from_start=True)
    for line in tap.lines:
        text = tap.secrets.redact(line.text)
        match line.kind:
            case "C":
                dialogue.feed_client(text)
            case "S":
                dialogue.feed_server(line.text[:4] + tap.secrets.redact(line.text[4:]))
            case "other":
                dialogue.feed_other(text)
            case "note":
                dialogue.note("C", text)
            case "tls":
                dialogue.begin_tls()
    dialogue.finish()
    return dialogue


def _greeting(tap: Tap, dialogue: DialogueReader, outcome: SessionOutcome) -> Fact[Greeting]:
    if dialogue.greeting is not None:
        return seen(replace(dialogue.greeting, waited_ms=outcome.waited_ms))
    reached = any(each.outcome == "ok" for each in outcome.connects.value or ())
    if not reached or tap.conduct.is_opaque or tap.has_greeting:
        return Fact()
    if outcome.greets.value is not None:
        return outcome.greets
    closed = tap.conduct.ended_by == "server" and outcome.tls.value is None
    return seen(Greeting(None, outcome.waited_ms, closed=closed))


def _tls_mode(tap: Tap, dialogue: DialogueReader) -> TlsMode:
    """Return the client's TLS mode."""
    if tap.is_missing_implicit_tls:
        return "auto" if tap.conduct.speaks in ("http", "other") else "starttls"
    if tap.began_with_tls or tap.conduct.speaks == "tls":
        return "implicit"
    if dialogue.starttls is not None:
        return "starttls"
    if not tap.has_greeting:
        return "starttls"  # it waits for a greeting in clear
    return "auto"
