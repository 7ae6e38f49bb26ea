"""Diagnoses a server: probes it as a client would, asks the identity provider, and concludes."""

import os
from dataclasses import replace
from typing import Final

from gatepost.client.connection import Password, make_credentials
from gatepost.diagnosis.remedies.find_remedies import find_library
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.identity.look_behind_login import check, look_behind
from gatepost.doctor.probe import examine
from gatepost.doctor.probe_settings import Checks, Patience, Settings, Visit
from gatepost.model.finding import Diagnosis
from gatepost.net.clock import SystemClock
from gatepost.net.dial import SUBMISSION, parse_server

IMPLICIT: Final = 465
"""RFC 8314 7.3."""
_DEFAULT_SETTINGS = Settings()
_NO_CHECKS = Checks()
_PATIENCE = Patience()


def diagnose(
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    settings: Settings = _DEFAULT_SETTINGS,
    checks: Checks = _NO_CHECKS,
    patience: Patience = _PATIENCE,
) -> Diagnosis:
    """Probe ``server`` and return a diagnosis.

    ``server`` is ``HOST`` or ``HOST:PORT``. Without a port, 587 is tried first, then the other
    ports in ``checks.ports``.

    The password is sent at most once, and only over verified TLS; with ``checks.try_all``, once
    for each mechanism. If Microsoft Entra decides about the login and it was refused, the password
    is also sent to the tenant's authority, once, unless ``settings.identity.closed``. A message is
    sent only with ``checks.send``. A server that fails or does not answer is a diagnosis, not an
    exception. Raises ConfigError for invalid arguments, and TlsError for an unusable CA file.
    """
    if settings.library:
        settings = replace(settings, library=find_library(settings.library).name)
    check(settings.identity)
    credentials = make_credentials(username, password)
    usual = IMPLICIT if settings.tls == "implicit" else SUBMISSION
    wanted = parse_server(server, usual)
    any_port = wanted != parse_server(server, usual + 1)
    visit = Visit(wanted, settings, credentials, checks, patience, any_port=any_port)
    seen = examine(visit, SystemClock().now())
    local, tls = settings.local_authority, seen.tls.value
    if local is not None and tls is not None and tls.trust == local:  # it is this server's
        visit = replace(visit, settings=replace(settings, ca_file=local))
    return diagnose_evidence(look_behind(visit, seen, os.environ))
