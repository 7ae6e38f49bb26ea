"""Security holes in a server, found by an audit: the meaning of each failed check."""

from functools import partial
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.model.evidence import Check, Evidence
from gatepost.model.finding import Finding

HOLES: Final = (
    "auth_in_clear", "mail_in_clear", "starttls_injection", "open_relay", "smtp_smuggling",
    "weak_tls",
)  # fmt: skip
"""Each is a cause, and the name of the check that looks for it."""


def hole(id_: str, seen: Evidence) -> Finding | None:
    """The check of this name failed."""
    proof = tuple(line for check in _failed(id_, seen) for line in check.told)
    if id_ == "weak_tls":
        proof = (*proof, *_weak_certificate(seen))
    if not proof:
        return None
    if id_ == "open_relay" and _was_asked_from_inside(seen):
        return conclude(id_, "possible", *proof)
    return conclude(id_, "certain", *proof)


def _failed(name: str, seen: Evidence) -> list[Check]:
    return [
        each for each in seen.audit.value or () if each.name == name and each.outcome == "failed"
    ]


def _weak_certificate(seen: Evidence) -> tuple[str, ...]:
    certificate = seen.certificate
    tls = seen.tls.value
    is_refused = tls is not None and tls.verify_code in _TOO_WEAK
    if certificate is None or tls is None or not (is_refused or seen.audit.value is not None):
        return ()
    weak = (f"the certificate has {certificate.weak}",) if certificate.weak else ()
    return (*weak, f"verification says: {tls.verify_error}") if is_refused else weak


_TOO_WEAK: Final = frozenset({66, 67, 68})
"""X509_V_ERR_EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK: clients refuse these certificates.
"""


def _was_asked_from_inside(seen: Evidence) -> bool:
    return any(line.startswith("asked from") for each in _failed("open_relay", seen)
               for line in each.told)  # fmt: skip


RULES: Final = tuple(partial(hole, id_) for id_ in HOLES)
