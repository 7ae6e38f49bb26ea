"""What one check of an upstream showed, small enough to be stored for a year."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from gatepost.errors import ConfigError
from gatepost.model.evidence import AuthAttempt, Certificate, EhloExchange, Evidence
from gatepost.model.finding import Diagnosis, DiagnosisVerdict
from gatepost.model.unprintable import escape_unprintable

SCHEMA: Final = 1
MAX_SNAPSHOT: Final = 1024 * 1024
_MOST: Final = 200
"""Maximum number of findings, keywords or names that are stored per check."""
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class ServerOffer:
    """One EHLO: mechanisms, other keywords, SIZE."""

    mechanisms: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    """Without AUTH and SIZE."""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class FindingSeen:
    """A finding, as far as it is compared."""

    id: str
    confidence: str
    summary: str
    position: str
    is_kept: bool = False
    """It is from the last login, and no login was tried this time."""


@dataclass(frozen=True, slots=True)
class ServerSnapshot:
    """One check. None means that something was not seen, not that it has changed."""

    taken_at: datetime
    target: str
    verdict: DiagnosisVerdict
    findings: tuple[FindingSeen, ...] = ()
    in_clear: ServerOffer | None = None
    over_tls: ServerOffer | None = None
    tls_version: str = ""
    certificate: Certificate | None = None
    signed_in: bool | None = None
    """None: no login was tried."""
    login_refused: bool = False
    """The server refused the password."""
    seconds: float = 0.0
    schema: int = field(default=SCHEMA)

    @property
    def is_reachable(self) -> bool:
        """A server answered."""
        return self.verdict != "unreachable"

    def finding(self, id_: str) -> FindingSeen | None:
        """Return the finding with this id."""
        return next((each for each in self.findings if each.id == id_), None)


def snapshot_of(diagnosis: Diagnosis, seconds: float) -> ServerSnapshot:
    """Return what is stored of a diagnosis."""
    evidence = diagnosis.evidence
    if evidence.seen_at is None:
        raise ValueError("a probe says when it was")
    tls = evidence.tls.value
    judged = [each for each in evidence.attempts if each.secret_sent]
    return ServerSnapshot(
        evidence.seen_at,
        str(diagnosis.target or ""),
        diagnosis.verdict,
        _findings(diagnosis),
        _offer(_taken(evidence, evidence.in_clear.value)),
        _offer(_taken(evidence, evidence.over_tls.value)),
        tls.version if tls else "",
        _bounded(tls.certificate) if tls and tls.certificate else None,
        evidence.is_signed_in if judged else None,
        any(_is_refusal(each) for each in judged) and not evidence.is_signed_in,
        round(seconds, 3),
    )


def _findings(diagnosis: Diagnosis) -> tuple[FindingSeen, ...]:
    by_id = {
        each.id: FindingSeen(each.id, each.confidence, each.summary[:_LONGEST], each.position)
        for each in reversed(diagnosis.findings[:_MOST])
    }
    return tuple(reversed(by_id.values()))


def _is_refusal(attempt: AuthAttempt) -> bool:
    return attempt.reply.is_permanent


def _taken(evidence: Evidence, hello: EhloExchange | None) -> EhloExchange | None:
    """Return the EHLO that was accepted in the end; a refused one shows no offers."""
    if hello is not None and not hello.reply.is_success:
        other = evidence.other_name.value
        return other if other is not None and other.reply.is_success else None
    return hello


def _offer(hello: EhloExchange | None) -> ServerOffer | None:
    if hello is None:
        return None
    offered = hello.capabilities
    others = [name[:_LONGEST] for name in offered.keywords if name not in ("AUTH", "SIZE")]
    return ServerOffer(
        tuple(name[:_LONGEST] for name in offered.mechanisms[:_MOST]),
        tuple(sorted(others)[:_MOST]),
        offered.size,
    )


def _bounded(certificate: Certificate) -> Certificate:
    return replace(
        certificate,
        subject=certificate.subject[:_LONGEST],
        issuer=certificate.issuer[:_LONGEST],
        names=tuple(name[:_LONGEST] for name in certificate.names[:_MOST]),
        issuer_urls=(),
        ocsp_urls=(),
        crl_urls=(),
    )


def keeping_login(now: ServerSnapshot, before: ServerSnapshot) -> ServerSnapshot:
    """Return a check without a login, with the findings of the last login, which are not solved
    yet."""
    ids = {each.id for each in now.findings}
    hidden = tuple(
        replace(each, is_kept=True)
        for each in before.findings
        if each.position in ("auth", "mail", "rcpt") and each.id not in ids
    )
    verdict: DiagnosisVerdict = "finding" if hidden and now.verdict == "healthy" else now.verdict
    return replace(
        now, findings=(*now.findings, *hidden), verdict=verdict, signed_in=before.signed_in,
        login_refused=True,
    )  # fmt: skip


def encode(snapshot: ServerSnapshot) -> bytes:
    """Return the snapshot as JSON."""
    document = msgspec.json.format(msgspec.json.encode(_clean(msgspec.to_builtins(snapshot))))
    return f"{escape_unprintable(document.decode())}\n".encode()


def decode(text: bytes) -> ServerSnapshot:
    """Return a stored snapshot. Raises ConfigError if it is damaged, or of a newer version."""
    if len(text) > MAX_SNAPSHOT:
        raise ConfigError(f"a snapshot must not be longer than {MAX_SNAPSHOT} octets")
    try:
        snapshot = msgspec.json.decode(text, type=ServerSnapshot)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"not a snapshot: {error}") from error
    if snapshot.schema > SCHEMA:
        raise ConfigError(f"a snapshot of schema {snapshot.schema}; this version reads {SCHEMA}")
    if snapshot.taken_at.tzinfo is None:
        raise ConfigError("not a snapshot: its time has no time zone")
    return snapshot


def _clean(value: Any) -> Any:
    """Return text without invalid Unicode, which a server may send."""
    if isinstance(value, dict):
        return {key: _clean(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value
