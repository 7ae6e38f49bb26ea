"""Security holes in a server, found by an audit: the meaning of each failed check."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from gatepost.model.evidence import Check, Evidence, Position
from gatepost.model.finding import Finding


@dataclass(frozen=True, slots=True)
class Hole:
    """The meaning of a failed check. The id is the check's name."""

    id: str
    position: Position
    summary: str
    fix: str


# fmt: off
HOLES: Final = (
    Hole("auth_in_clear", "auth",
         "The server accepts passwords before TLS: anybody on the network can read them.",
         "Offer and accept AUTH only under TLS (Postfix: smtpd_tls_auth_only = yes; Exim: "
         "server_advertise_condition = ${if def:tls_in_cipher}; OpenSMTPD: tls-require)."),
    Hole("mail_in_clear", "mail",
         "The server accepts mail before TLS: anybody on the network can read it.",
         "Require TLS on the submission port (RFC 8314 3; Postfix: smtpd_tls_security_level = "
         "encrypt), or use implicit TLS."),
    Hole("starttls_injection", "starttls",
         "Commands that were sent in clear after STARTTLS are executed under TLS.",
         "Update the server: it must forget all that it read before TLS (RFC 3207 4.2; the class "
         "of CVE-2011-0411)."),
    Hole("open_relay", "rcpt",
         "The server relays mail between strangers without a login (open relay).",
         "Relay only for clients that have signed in, or for networks that you name (Postfix: "
         "smtpd_relay_restrictions, mynetworks). Spammers find open relays within hours."),
    Hole("smtp_smuggling", "data",
         "The server accepts something other than CRLF . CRLF as the end of a message: messages "
         "can be smuggled in.",
         "Update the server, and let it refuse bare line ends (Postfix: smtpd_forbid_bare_newline "
         "= normalize; the class of CVE-2023-51764)."),
    Hole("weak_tls", "tls",
         "The server's TLS is weaker than what is considered safe today.",
         "Accept only TLS 1.2 and later (RFC 8996), with an ECDSA key, or RSA of 2048 bits or "
         "more, signed with SHA-256."),
)
# fmt: on


def hole(known: Hole, seen: Evidence) -> Finding | None:
    """Return the finding if the check of this name failed."""
    proof = tuple(line for check in _failed(known.id, seen) for line in check.told)
    if known.id == "weak_tls":
        proof = (*proof, *_weak_certificate(seen))
    if not proof:
        return None
    from_inside = known.id == "open_relay" and _asked_from_inside(seen)
    return Finding(
        known.id,
        "possible" if from_inside else "certain",
        known.summary,
        proof,
        known.position,
        known.fix,
        next_probe="the same from another network: this machine may be one that the server trusts"
        if from_inside
        else "",
    )


def _failed(name: str, seen: Evidence) -> list[Check]:
    return [
        each for each in seen.audit.value or () if each.name == name and each.outcome == "failed"
    ]


def _weak_certificate(seen: Evidence) -> tuple[str, ...]:
    certificate = seen.tls.value.certificate if seen.tls.value else None
    tls = seen.tls.value
    refused = tls is not None and tls.verify_code in _TOO_WEAK
    if certificate is None or tls is None or not (refused or seen.audit.value is not None):
        return ()
    weak = (f"the certificate has {certificate.weak}",) if certificate.weak else ()
    return (*weak, f"verification says: {tls.verify_error}") if refused else weak


_TOO_WEAK: Final = frozenset({66, 67, 68})
"""X509_V_ERR_EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK: clients refuse these certificates.
"""


def _asked_from_inside(seen: Evidence) -> bool:
    return any(line.startswith("asked from") for each in _failed("open_relay", seen)
               for line in each.told)  # fmt: skip


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = tuple(
    partial(hole, known) for known in HOLES
)
