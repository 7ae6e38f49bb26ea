"""Proves fixes: the broken client fails, the doctor names the cause, and the fixed client sends.

The code of the fix is what the doctor prints. A case only adds the program around it, and fills in
values: the credentials, the sender, the path of the authority's certificate.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.choice import topic_of
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.diagnose_server import diagnose
from gatepost.doctor.logs.read_log import read_log
from gatepost.doctor.probe_settings import Checks, Patience, Settings
from gatepost.doctor.settings_files.read_settings_file import read_config
from tests.clients.remedies.grounds import ANOTHER, SENDER, Ground, another_name
from tests.commands import RECIPIENT
from tests.recorded_client import ids, recorded

SUBJECT: Final = "fixed"
WRONG: Final = "built-in"
"""A password that no account has."""
ELSEWHERE: Final = ("cert_hostname_mismatch", "auth_before_tls_refused_by_client")
"""Causes that need another name of this machine."""
FILES: Final = {"ruby-net-smtp": "config/environments/production.rb"}
"""The file name under which the program of a library is linted."""
Door = Literal["smtp", "smtps"]


@dataclass(frozen=True)
class Case:
    """A cause, and a client that has it; ``{fix}`` in ``program`` is the place of the fix."""

    cause: str
    ground: str
    broken: str
    """A program that fails for this cause only."""
    program: str = "{fix}"
    door: Door = "smtp"
    told_by: Literal["log", "record", "lint", "probe", "logins", "envelope", "both"] = "log"
    """Where the doctor gets its evidence: from the client's output (log), from a recorded
    session (record), from the settings (lint, ``--config``), or from the server: with the
    library's mechanism (probe, ``--as``), with every mechanism (logins, ``--try-all``), with an
    envelope (envelope, ``--from`` and ``--to``), or with an envelope and a wrong password
    (both)."""
    trusting: bool = True
    """Whether the program trusts the emulator's authority."""
    outside: bool = False
    """Whether the fix is outside of the program, so that its runner applies it."""


@dataclass(frozen=True)
class Order:
    """A program to run."""

    code: str
    ground: Ground
    home: Path
    port: int
    host: str
    ca_file: str
    """Empty: trust no authority that knows the emulator."""
    library: str

    @property
    def sender(self) -> str:
        return self.ground.relay.sender


def values(order: Order) -> dict[str, str]:
    """Return the environment of a program: credentials, sender and recipient."""
    return {
        "USERNAME_": order.ground.relay.username,
        "SECRET_": order.ground.secret,
        "SENDER_": order.sender,
        "RECIPIENT_": RECIPIENT,
        "PORT_": str(order.port),
        "SMTP_USERNAME": order.ground.relay.username,
        "SMTP_PASSWORD": order.ground.secret,
    }


@dataclass(frozen=True)
class Outcome:
    """The result of a program: whether it succeeded, and its output."""

    ok: bool
    output: str


Run = Callable[[Order], Outcome]


def and_kin(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the cases, and those that differ from one of them in a single word.

    A sender of a domain that is not linked, and one whose domain is linked but who is not
    registered; a server that lists no AUTH, and one that accepts mail without it.
    """
    found = []
    for case in cases:
        found.append(case)
        if case.cause == "sender_domain_not_linked":
            unknown = case.broken.replace("me@elsewhere.example", "someone@{domain}")
            found.append(replace(case, cause="sender_not_authorised", broken=unknown))
        if case.cause == "auth_not_advertised":
            found.append(replace(case, cause="unwanted_auth_attempt", told_by="envelope"))
    return tuple(found)


@dataclass(frozen=True)
class Prover:
    """Proves the cases of a library, one after the other."""

    library: str
    run: Run
    home: Path
    client: str = ""
    """The client of the log (``--as``); most logs identify it themselves."""
    problems: list[str] = field(default_factory=list)

    def prove(self, case: Case, ground: Ground) -> None:
        """Add what is wrong with a case to the list, if anything is."""
        before = ground.relay.count()
        failed, named = self._fail(case, ground)
        if failed.ok:
            self._problem(case, "the broken program does not fail", failed)
        if ground.relay.count() != before:
            self._problem(case, "the broken program delivers", failed)
        if named[:1] != [case.cause]:
            self._problem(case, f"the doctor says {named}", failed)
        order = self.healed(case, ground)
        fixed = self.run(order)
        if not fixed.ok or ground.relay.count() != before + 1:
            self._problem(case, f"the fix delivers nothing:\n{order.code}", fixed)

    def fault(self, case: Case, ground: Ground) -> Order:
        """Return the broken program."""
        return self._order(case.broken, case, ground, _host(case))

    def healed(self, case: Case, ground: Ground) -> Order:
        """Return the program with the fix."""
        code = case.program.replace("{fix}", self.fix(case, ground))
        order = self._order(code, case, ground, "localhost")
        return replace(order, ca_file=ground.relay.ca_file) if case.outside else order

    def _fail(self, case: Case, ground: Ground) -> tuple[Outcome, list[str]]:
        """Run the broken program, and diagnose it."""
        order = self.fault(case, ground)
        if case.told_by == "record":
            return self._recorded(case, ground)
        with another_name(order.port) if order.host == ANOTHER else nullcontext():
            failed = self.run(order)
        return failed, self.named(case, ground, failed.output)

    def _recorded(self, case: Case, ground: Ground) -> tuple[Outcome, list[str]]:
        """Run the broken program through the recorder, and diagnose it."""
        outcomes: list[Outcome] = []

        def speak(port: int) -> None:
            outcomes.append(self.run(self._order(case.broken, case, ground, "localhost", port)))

        relay = ground.relay
        diagnosis = recorded(
            f"localhost:{relay.smtp.port}", Path(relay.data), speak,
            client_tls="starttls", server_tls="starttls", ca_file=relay.ca_file,
        )  # fmt: skip
        return outcomes[0], ids(diagnosis)

    def fix(self, case: Case, ground: Ground) -> str:
        """Return the code that the doctor prints, for this server."""
        library = LIBRARIES[self.library]
        offered = ground.offered
        if case.cause == "mechanism_advertised_but_broken":
            offered = tuple(name for name in offered if name != "CRAM-MD5")
        topic = topic_of(case.cause, library, offered)
        assert topic is not None, case.cause
        place = Placeholders("localhost", self._port(case, ground), "localhost")
        return place.fill(library.fixes[topic].code or "")

    def named(self, case: Case, ground: Ground, output: str) -> list[str]:
        """Return the causes that the doctor names, the most likely first."""
        port = self._port(case, ground)
        if case.told_by == "lint":
            settings_file = self.fault(case, ground).code.encode()
            found = diagnose_evidence(read_config(settings_file, FILES[self.library]))
        elif case.told_by == "log":
            found = diagnose_evidence(read_log(output, self.server(case, ground), self.client))
        else:
            authority = ground.relay.ca_file if case.trusting else None
            settings = Settings(library=self.library, tls=_tls(case), ca_file=authority)
            secrets = {"logins": ground.secret, "both": WRONG}
            secret = secrets.get(case.told_by)
            login = (ground.relay.username, secret) if secret else ()
            sends = case.told_by in ("envelope", "both")
            found = diagnose(
                f"localhost:{port}",
                *login,
                settings=settings,
                checks=Checks(
                    SENDER if sends else "",
                    (RECIPIENT,) if sends else (),
                    try_all=case.told_by == "logins",
                ),
                patience=Patience(silence=0.3, pause=0.0),
            )
        return [each.id for each in found.findings]

    def server(self, case: Case, ground: Ground) -> str:
        """Return the server that the broken program connects to."""
        return f"{_host(case)}:{self._port(case, ground)}"

    def _port(self, case: Case, ground: Ground) -> int:
        return (ground.relay.smtp if case.door == "smtp" else ground.relay.smtps).port

    def _order(
        self, code: str, case: Case, ground: Ground, host: str, port: int | None = None
    ) -> Order:
        relay, home = ground.relay, self.home
        port = port or self._port(case, ground)
        code = code.replace("{host}", host).replace("{port}", str(port))
        code = code.replace("{domain}", relay.sender.partition("@")[2])
        code = code.replace(SENDER, relay.sender).replace("recipient@example.net", RECIPIENT)
        code = re.sub(r"(?<![\w/-])(/path/to/)?ca\.pem", relay.ca_file, code)
        authority = relay.ca_file if case.trusting else ""
        return Order(code, ground, home, port, host, authority, self.library)

    def _problem(self, case: Case, what: str, outcome: Outcome) -> None:
        self.problems.append(f"{self.library}, {case.cause}: {what}\n{outcome.output[-2500:]}")


def _host(case: Case) -> str:
    return ANOTHER if case.cause in ELSEWHERE else "localhost"


def _tls(case: Case) -> Literal["auto", "none", "starttls", "implicit"]:
    return {
        "starttls_required": "none",
        "implicit_tls_on_starttls_port": "implicit",
        "starttls_on_implicit_tls_port": "starttls",
    }.get(case.cause, "auto")  # type: ignore[return-value]
