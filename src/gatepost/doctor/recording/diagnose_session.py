"""Diagnoses a finished session."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Final

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.parallel import start
from gatepost.doctor.probe import examine
from gatepost.doctor.probe_settings import Settings, Visit
from gatepost.doctor.recording.forward_session import RecordedSession
from gatepost.doctor.recording.forwarding_settings import Forwarding
from gatepost.doctor.recording.session_evidence import evidence_in
from gatepost.errors import GatepostError
from gatepost.model.evidence import Evidence, Target, TlsMode
from gatepost.model.finding import Diagnosis

LOOK: Final = 20.0
"""Seconds for our own check of the server."""


async def diagnose_session(
    session: RecordedSession, forwarding: Forwarding, client: str = ""
) -> Diagnosis:
    """Return the diagnosis of a finished session; ``client`` names its library, if known.

    If the session ended because of the server's silence or certificate, the server is checked once
    more, without a password.
    """
    outcome, tap = session.outcome, session.tap
    tls = outcome.tls.value
    refused = tls is not None and bool(tls.verify_code or tls.failure)
    reached = any(each.outcome == "ok" for each in outcome.connects.value or ())
    silent = reached and not tap.has_greeting and not tap.conduct.is_opaque and not refused
    if silent or (refused and forwarding.is_decrypted):
        looked = await _look(forwarding, outcome.began)
        if silent:
            outcome.tls_first = looked.tls_first
        elif looked.tls.value is not None:
            outcome.tls, outcome.greets = looked.tls, looked.greeting
            if forwarding.server_tls == "implicit" and looked.greeting.value is not None:
                outcome.failure += "; it greets in clear (--server-tls starttls)"
    tap.note(authority=forwarding.authority)
    target = Target(forwarding.server.host, forwarding.server.port)
    return diagnose_evidence(evidence_in(tap, outcome, target, client))


async def _look(forwarding: Forwarding, now: datetime) -> Evidence:
    modes: dict[str, TlsMode] = {"starttls": "starttls", "implicit": "implicit"}
    settings = Settings(
        tls=modes.get(forwarding.server_tls, "auto"), ca_file=forwarding.ca_file,
        local_authority=forwarding.local_authority,
    )  # fmt: skip
    looking = start(partial(examine, Visit(forwarding.server, settings), now))
    try:
        async with asyncio.timeout(LOOK):
            return await asyncio.wrap_future(looking)
    except (TimeoutError, GatepostError):
        return Evidence("probe")
