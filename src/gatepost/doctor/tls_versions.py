"""The TLS versions that a server accepts: each is offered alone, on a separate connection."""

from typing import Final

from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.errors import GatepostError, TimedOut, TlsError
from gatepost.model.evidence import TlsVersion
from gatepost.net.dial import Endpoint
from gatepost.net.tls import VERSIONS, client_context, looking_context

LISTENS: Final = 0.5
"""Seconds for a server to object to what it has received."""


def try_versions(
    visit: Visit, endpoint: Endpoint, name: str, *, implicit: bool
) -> tuple[TlsVersion, ...]:
    """Do a handshake with every version alone, one after the other, until one is not answered."""
    tried: list[TlsVersion] = []
    for version in VERSIONS:
        try:
            tried.append(_try(visit, endpoint, name, version, implicit=implicit))
        except TimedOut as error:
            tried.append(TlsVersion(version, taken=False, failure=str(error)))
            break
    return tuple(tried)


def alert_after_handshake(visit: Visit, endpoint: Endpoint, name: str, *, implicit: bool) -> str:
    """Do a handshake and send nothing: return the alert that TLS 1.3 sends only then, or "".

    A client that has sent something gets a reset instead, and never sees the alert.
    """
    try:
        talk = Talk.open(visit, endpoint, client_context(verify=False))
    except OSError:
        return ""
    try:
        talk.reach_tls(name, implicit=implicit)
        talk.reply_within(LISTENS)
    except TlsError as error:
        return talk.explain(error)
    except GatepostError:
        return ""
    finally:
        talk.close(politely=False)
    return ""


def _try(
    visit: Visit, endpoint: Endpoint, name: str, version: str, *, implicit: bool
) -> TlsVersion:
    """Do a handshake with this version alone. Raises TimedOut."""
    try:
        talk = Talk.open(visit, endpoint, looking_context(version))
    except (OSError, ValueError) as error:  # a system may be built without a version
        return TlsVersion(version, taken=False, failure=str(error))
    try:
        if (refusal := talk.reach_tls(name, implicit=implicit)) is not None:
            return TlsVersion(version, taken=False, failure=str(refusal))
    except TimedOut:
        raise
    except GatepostError as error:
        return TlsVersion(version, taken=False, failure=talk.explain(error))
    finally:
        talk.close(politely=False)
    return TlsVersion(version, taken=True)
