"""Turns what a tap has read into Evidence: the same as from a log, and what only octets show."""

from dataclasses import dataclass, replace

from gatepost.doctor.logs.dialogue import DialogueReader, add_dialogue
from gatepost.doctor.recording.library import library_in
from gatepost.doctor.recording.outcome import Outcome
from gatepost.doctor.recording.tap import Tap
from gatepost.model.evidence import ClientFacts, Evidence, Fact, Greeting, Target, TlsMode, seen


@dataclass(frozen=True, slots=True)
class RecordingContext:
    """What is known besides the dialogue."""

    target: Target
    outcome: Outcome
    library: str = ""
    """The client's library, as named by the user."""
    product: str = ""


def evidence_in(tap: Tap, context: RecordingContext) -> Evidence:
    """Return the evidence. The tap must be finished."""
    talk, outcome = _replayed(tap), context.outcome
    library = context.library or library_in(talk.lines)
    evidence = Evidence(
        "record",
        target=context.target,
        seen_at=outcome.began,
        client=ClientFacts(
            library, _tls_mode(tap, talk), bool(talk.attempts), product=context.product
        ),
        resolution=outcome.resolution,
        connects=outcome.connects,
        tls_first=outcome.tls_first,
        tls=outcome.tls,
        conduct=seen(tap.conduct),
    )
    evidence = add_dialogue(evidence, talk, tuple(talk.strays))
    return replace(
        evidence,
        greeting=_greeting(tap, talk, outcome),
        position=outcome.position or evidence.position,
        failure=tap.secrets.strike(outcome.failure),
    )


def _replayed(tap: Tap) -> DialogueReader:
    """Reconstruct the dialogue, now that every secret is known."""
    talk = DialogueReader(tap.answers.responses, tls=tap.began_with_tls, from_start=True)
    for entry in tap.entries:
        text = tap.secrets.strike(entry.text)
        match entry.kind:
            case "C":
                talk.feed_client(text)
            case "S":
                talk.feed_server(entry.text[:4] + tap.secrets.strike(entry.text[4:]))
            case "other":
                talk.feed_other(text)
            case "note":
                talk.note("C", text)
            case "tls":
                talk.begin_tls()
    talk.finish()
    return talk


def _greeting(tap: Tap, talk: DialogueReader, outcome: Outcome) -> Fact[Greeting]:
    if talk.greeting is not None:
        return seen(replace(talk.greeting, waited_ms=outcome.waited_ms))
    reached = any(each.outcome == "ok" for each in outcome.connects.value or ())
    if not reached or tap.conduct.is_opaque or tap.greeted:
        return Fact()
    if outcome.greets.value is not None:
        return outcome.greets
    closed = tap.conduct.ended_by == "server" and outcome.tls.value is None
    return seen(Greeting(None, outcome.waited_ms, closed=closed))


def _tls_mode(tap: Tap, talk: DialogueReader) -> TlsMode:
    """Return the client's TLS mode."""
    if tap.lacks_implicit_tls:
        return "auto" if tap.conduct.speaks in ("http", "other") else "starttls"
    if tap.began_with_tls or tap.conduct.speaks == "tls":
        return "implicit"
    if talk.starttls is not None:
        return "starttls"
    if not tap.greeted:
        return "starttls"  # it waits for a greeting in clear
    return "auto"
