"""A visit: look at a server as a client would, look behind it where it refuses, and conclude."""

import os
from dataclasses import replace
from typing import Final

from gatepost.client.connection import Password, make_credentials
from gatepost.diagnosis.remedies import find_library
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.identity.look import check, look_behind
from gatepost.doctor.probe import examine
from gatepost.doctor.visit import Errand, Patience, Settings, Visit
from gatepost.model.finding import Diagnosis
from gatepost.net.clock import SystemClock
from gatepost.net.dial import SUBMISSION, parse_server

IMPLICIT: Final = 465
"""RFC 8314 7.3."""
_DEFAULT_SETTINGS = Settings()
_NO_ERRAND = Errand()
_PATIENCE = Patience()


def diagnose(
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    settings: Settings = _DEFAULT_SETTINGS,
    errand: Errand = _NO_ERRAND,
    patience: Patience = _PATIENCE,
) -> Diagnosis:
    """Probe ``server`` and return what is wrong.

    It is ``HOST`` or ``HOST:PORT``; without a port 587 is tried first, then the others where
    submission is found.

    The password goes out once, under verified TLS, or not at all; with
    ``errand.try_all`` once for every mechanism. Where Microsoft Entra has refused it, it goes to
    the tenant's authority, too, once, unless ``settings.identity`` is closed. Nothing is sent to
    recipients unless ``errand.send`` says so. A server that fails or does not answer is a
    diagnosis, not an error. Raises ConfigError for arguments that make no sense
    and TlsError for a CA file that cannot be used.
    """
    if settings.library:
        settings = replace(settings, library=find_library(settings.library).name)
    check(settings.identity)
    credentials = make_credentials(username, password)
    usual = IMPLICIT if settings.tls == "implicit" else SUBMISSION
    wanted = parse_server(server, usual)
    any_port = wanted != parse_server(server, usual + 1)
    visit = Visit(wanted, settings, credentials, errand, patience, any_port=any_port)
    seen = examine(visit, SystemClock().now())
    return diagnose_evidence(look_behind(visit, seen, os.environ))
