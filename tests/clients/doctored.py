"""How the doctor examines a server, and the finding it must report first: for tests of all
servers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gatepost.doctor import Checks, Patience, Settings, diagnose
from gatepost.model.evidence import TlsMode
from gatepost.model.finding import Diagnosis
from tests.certificates import Authority, Pair, make_authority

USERNAME = "user@example.com"
PASSWORD = "correct horse battery"
PATIENT = Patience(connect=5, others=1, greeting=10, silence=0.6, reply=20, pause=0)
"""Long where a busy machine may be slow, short where silence must be proven."""
ENVELOPE = Checks("a@example.com", ("b@example.com",), ports=())
SENDING = Checks("a@example.com", ("b@example.com",), send=True, ports=())
SIGNED_IN = (USERNAME, PASSWORD)
WRONG = (USERNAME, "another horse")


@dataclass(frozen=True)
class Asked:
    """The options of the doctor."""

    library: str = ""
    tls: TlsMode = "auto"
    login: tuple[str, str] | None = None
    checks: Checks = field(default_factory=lambda: Checks(ports=()))
    trusted: bool = True
    local_name: str = ""

    def about(self, port: int, ca_file: str, host: str = "127.0.0.1") -> Diagnosis:
        """Examine the server at ``port``."""
        trust = ca_file if self.trusted else None
        settings = Settings(self.library, self.tls, trust, self.local_name)
        return diagnose(
            f"{host}:{port}", *(self.login or ()), settings=settings, checks=self.checks,
            patience=PATIENT,
        )  # fmt: skip


@dataclass(frozen=True)
class Certificates:
    """One certificate of each kind, for 127.0.0.1 except the one with the wrong name."""

    authority: Authority
    good: Pair
    expired: Pair
    misnamed: Pair
    self_signed: Pair
    without_intermediate: Pair

    def named(self, kind: str) -> Pair:
        """Return the pair by its field's name."""
        pair = getattr(self, kind)
        assert isinstance(pair, Pair)
        return pair


def make_certificates(directory: Path) -> Certificates:
    """Return certificates of all kinds."""
    authority = make_authority(directory)
    host = "127.0.0.1"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return Certificates(
        authority,
        good=authority.issue(host, "localhost"),
        expired=authority.issue(host, valid_until=yesterday),
        misnamed=authority.issue("mail.example.net"),
        self_signed=authority.self_signed(host),
        without_intermediate=authority.intermediate().issue(host),
    )


def check(diagnosis: Diagnosis, expected: str) -> None:
    """Compare the first finding with ``expected``; an empty id means a healthy server."""
    ids = [finding.id for finding in diagnosis.findings]
    if not expected:
        assert (diagnosis.verdict, ids) == ("healthy", []), diagnosis.notes
        return
    seen = diagnosis.evidence
    assert ids[:1] == [expected], (diagnosis.verdict, ids, diagnosis.notes, seen.failure)
    assert diagnosis.findings[0].proof
