"""Turns what a tap has read into Evidence: the same as from a log, and what only octets show."""

from dataclasses import replace

from gatepost.doctor.client_names import library_named
from gatepost.doctor.logs.dialogue import DialogueReader, add_dialogue
from gatepost.doctor.recording.client_habits import library_by_habits
from gatepost.doctor.recording.outcome import SessionOutcome
from gatepost.doctor.recording.tap import Tap
from gatepost.model.evidence import ClientFacts, Evidence, Fact, Greeting, Target, TlsMode, seen


def evidence_in(tap: Tap, outcome: SessionOutcome, target: Target, product: str = "") -> Evidence:
    """Return the evidence of a finished tap. ``product``: the user's name for the client."""
    talk = _replay(tap)
    library = library_named(product) or library_by_habits(talk.lines)
    evidence = Evidence(
        "record",
        target=target,
        seen_at=outcome.began,
        client=ClientFacts(library, _tls_mode(tap, talk), bool(talk.attempts), product=product),
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
        failure=tap.secrets.redact(outcome.failure),
    )


def _replay(tap: Tap) -> DialogueReader:
    """Reconstruct the dialogue, now that every secret is known."""
    talk = DialogueReader(tap.logins.responses, tls=tap.began_with_tls, from_start=True)
    for line in tap.lines:
        text = tap.secrets.redact(line.text)
        match line.kind:
            case "C":
                talk.feed_client(text)
            case "S":
                talk.feed_server(line.text[:4] + tap.secrets.redact(line.text[4:]))
            case "other":
                talk.feed_other(text)
            case "note":
                talk.note("C", text)
            case "tls":
                talk.begin_tls()
    talk.finish()
    return talk


def _greeting(tap: Tap, talk: DialogueReader, outcome: SessionOutcome) -> Fact[Greeting]:
    if talk.greeting is not None:
        return seen(replace(talk.greeting, waited_ms=outcome.waited_ms))
    reached = any(each.outcome == "ok" for each in outcome.connects.value or ())
    if not reached or tap.conduct.is_opaque or tap.has_greeting:
        return Fact()
    if outcome.greets.value is not None:
        return outcome.greets
    closed = tap.conduct.ended_by == "server" and outcome.tls.value is None
    return seen(Greeting(None, outcome.waited_ms, closed=closed))


def _tls_mode(tap: Tap, talk: DialogueReader) -> TlsMode:
    """Return the client's TLS mode."""
    if tap.is_missing_implicit_tls:
        return "auto" if tap.conduct.speaks in ("http", "other") else "starttls"
    if tap.began_with_tls or tap.conduct.speaks == "tls":
        return "implicit"
    if talk.starttls is not None:
        return "starttls"
    if not tap.has_greeting:
        return "starttls"  # it waits for a greeting in clear
    return "auto"
