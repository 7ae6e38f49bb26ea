"""Which TLS versions a server takes: each offered alone, on a connection of its own."""

from gatepost.doctor.talk import Talk
from gatepost.doctor.visit import Visit
from gatepost.errors import GatepostError, TimedOut
from gatepost.model.evidence import TlsVersion
from gatepost.net.dial import Endpoint
from gatepost.net.tls import VERSIONS, looking_context


def try_versions(
    visit: Visit, endpoint: Endpoint, name: str, *, implicit: bool
) -> tuple[TlsVersion, ...]:
    """Shake hands with every version alone; one connection after the other, until one hangs."""
    tried: list[TlsVersion] = []
    for version in VERSIONS:
        try:
            tried.append(_try(visit, endpoint, name, version, implicit=implicit))
        except TimedOut as error:
            tried.append(TlsVersion(version, taken=False, failure=str(error)))
            break
    return tuple(tried)


def _try(
    visit: Visit, endpoint: Endpoint, name: str, version: str, *, implicit: bool
) -> TlsVersion:
    """Shake hands with this version alone. Raises TimedOut."""
    try:
        talk = Talk.open(visit, endpoint, looking_context(version))
    except (OSError, ValueError) as error:  # a system may be built without a version
        return TlsVersion(version, taken=False, failure=str(error))
    try:
        if not implicit:
            talk.greeting()
            talk.hello(name)
            reply = talk.ask("STARTTLS", "starttls")
            if not reply.is_success:
                return TlsVersion(version, taken=False, failure=str(reply))
        talk.secure()
    except TimedOut:
        raise
    except GatepostError as error:
        return TlsVersion(version, taken=False, failure=talk.explain(error))
    finally:
        talk.close(politely=False)
    return TlsVersion(version, taken=True)
