"""Plays a session into a tap, and returns the evidence."""

from collections.abc import Iterable
from datetime import UTC, datetime

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.recording.session_evidence import SessionOutcome, evidence_in
from gatepost.doctor.recording.tap import Tap
from gatepost.model.evidence import Connect, Evidence, Target, seen
from gatepost.model.finding import Diagnosis

Said = tuple[str, bytes | str]
"""C: client, S: server, with the text; T: TLS begins here."""
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def played(
    session: Iterable[Said], *, opens: bool = True, tls: bool = False, ended_by: str = "client",
    failure: str = "",
) -> tuple[Tap, Evidence]:  # fmt: skip
    """Return the evidence; a line of text gets its CRLF, octets are unchanged."""
    tap = Tap(is_decrypted=opens, tls=tls)
    for who, said in session:
        octets = said if isinstance(said, bytes) else f"{said}\r\n".encode()
        if who == "T":
            tap.begin_tls()
        else:
            (tap.feed_client if who == "C" else tap.feed_server)(octets)
    tap.note(ended_by=ended_by)
    tap.finish()
    outcome = SessionOutcome(
        NOW, connects=seen((Connect("127.0.0.1", "ok", 1.0),)), failure=failure
    )
    return tap, evidence_in(tap, outcome, Target("mail.example.com", 587))


def diagnosed(session: Iterable[Said], **how: object) -> Diagnosis:
    """Return the diagnosis."""
    return diagnose_evidence(played(session, **how)[1])  # type: ignore[arg-type]
