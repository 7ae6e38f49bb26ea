"""Verification of domains: the required DNS records, and the status of each proof.

Records and order: Microsoft Learn, "Add custom verified email domains" and "Troubleshooting domain
configuration".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, get_args

from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.domains import linked_by
from gatepost.directory.azure.changes.hierarchy import existing
from gatepost.directory.azure.entries import Domain, Verification, VerificationStatus
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.model.dns import Resolver

Proof = Literal["Domain", "SPF", "DKIM", "DKIM2", "DMARC"]
PROOFS: Final[tuple[Proof, ...]] = get_args(Proof)
"""In their order."""

TTL: Final = 3600
SPF_INCLUDE: Final = "include:spf.protection.outlook.com"


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record that the domain's owner publishes."""

    type: Literal["TXT", "CNAME"]
    name: str
    """As in Resource Manager: selectors without the domain."""
    host: str
    """The name to query."""
    value: str
    ttl: int = TTL


def records_of(domain: Domain) -> Mapping[Proof, DnsRecord]:
    """Return the required DNS records; none for an Azure-managed domain."""
    if domain.is_managed:
        return MappingProxyType({})
    name = domain.from_domain
    selectors = [f"selector{number}-azurecomm-prod-net._domainkey" for number in (1, 2)]
    token = f"ms-domain-verification={domain.verification_token}"
    dkim, dkim2 = (
        DnsRecord("CNAME", each, f"{each}.{name}", f"{each}.azurecomm.net") for each in selectors
    )
    return MappingProxyType(
        {
            "Domain": DnsRecord("TXT", name, name, token),
            "SPF": DnsRecord("TXT", name, name, f"v=spf1 {SPF_INCLUDE} -all"),
            "DKIM": dkim,
            "DKIM2": dkim2,
            "DMARC": DnsRecord("TXT", "_dmarc", f"_dmarc.{name}", "v=DMARC1; p=none;"),
        }
    )


def failure(domain: Domain, proof: Proof, values: tuple[str, ...]) -> str:
    """Return why the records found do not verify a proof: a code, a colon and a sentence.

    ``values`` are the TXT strings or CNAME targets at the record's host. Empty: they do.
    """
    wanted = records_of(domain)[proof]
    if not values:
        return f"RecordNotFound: there is no {wanted.type} record at {wanted.host}"
    if proof == "SPF":
        return _spf_failure(values)
    if proof == "DMARC":
        policies = [each for each in values if each.lower().replace(" ", "").startswith("v=dmarc1")]
        return "" if policies else f"RecordMismatch: no record at {wanted.host} has v=DMARC1"
    records = [each.rstrip(".").lower() for each in values]
    if wanted.value.lower() in records:
        return ""
    return f"RecordMismatch: no {wanted.type} record at {wanted.host} is {wanted.value}"


def _spf_failure(values: tuple[str, ...]) -> str:
    """RFC 7208 3.2 and 4.5: only one record; Azure requires its include, and a hard fail at the
    end."""
    records = [each.lower().split() for each in values]
    records = [words for words in records if words[:1] == ["v=spf1"]]
    if not records:
        return "RecordNotFound: there is no TXT record that begins with v=spf1"
    if len(records) > 1:
        return "SpfMultipleRecords: there is more than one SPF record"
    words = records[0]
    if SPF_INCLUDE not in {each.lstrip("+") for each in words}:
        return f"RecordMismatch: the SPF record has no {SPF_INCLUDE}"
    if words[-1] != "-all":
        return f"SpfNotHardFail: the SPF record must end in -all, not in {words[-1]}"
    return ""


def status_of(domain: Domain, proof: Proof) -> VerificationStatus:
    """Return the status of a proof."""
    status: VerificationStatus = getattr(domain.verification, proof.lower())
    return status


def _set(domain: Domain, proof: Proof, status: VerificationStatus, error: str = "") -> Domain:
    name = proof.lower()
    errors = {each: text for each, text in domain.verification.errors.items() if each != name}
    if error:
        errors[name] = error
    verification: Verification = replace(domain.verification, errors=errors, **{name: status})
    return replace(domain, verification=verification)


def _customers(snapshot: Snapshot, id: str) -> Domain:
    domain = existing(snapshot, Domain, id)
    if domain.is_managed:
        raise Rejected("InvalidOperation", "An Azure managed domain is always verified.")
    return domain


def _one(domain: Domain) -> Changes[Domain]:
    return Changes((domain,), (), domain)


def initiate(snapshot: Snapshot, id: str, proof: Proof) -> Changes[Domain]:
    """Begin a proof: ``VerificationRequested``. One that is verified already stays.

    Raises Rejected while the domain's ownership is not verified, which comes first.
    """
    domain = _customers(snapshot, id)
    if proof != "Domain" and domain.verification.domain != "Verified":
        raise Rejected(
            "DomainNotVerified",
            f"Verification of {proof} needs a verified Domain record first; its status is "
            f"{domain.verification.domain}.",
        )
    if status_of(domain, proof) == "Verified":
        return Changes((), (), domain)
    return _one(_set(domain, proof, "VerificationRequested"))


def progress(snapshot: Snapshot, id: str, proof: Proof) -> Changes[Domain]:
    """Set ``VerificationInProgress`` while the DNS is queried."""
    domain = _customers(snapshot, id)
    if status_of(domain, proof) != "VerificationRequested":
        return Changes((), (), domain)
    return _one(_set(domain, proof, "VerificationInProgress"))


def conclude(snapshot: Snapshot, id: str, proof: Proof, error: str) -> Changes[Domain]:
    """Set the result of the DNS query: ``Verified``, or ``VerificationFailed`` with the ``error``.

    A proof that was cancelled or confirmed by hand meanwhile does not change.
    """
    domain = _customers(snapshot, id)
    if status_of(domain, proof) not in ("VerificationRequested", "VerificationInProgress"):
        return Changes((), (), domain)
    if error:
        return _one(_set(domain, proof, "VerificationFailed", error))
    return _one(_set(domain, proof, "Verified"))


def confirm(snapshot: Snapshot, id: str, proofs: tuple[Proof, ...] = PROOFS) -> Changes[Domain]:
    """Mark proofs as verified, whatever the DNS says."""
    domain = _customers(snapshot, id)
    for proof in proofs:
        domain = _set(domain, proof, "Verified")
    if domain.verification.domain != "Verified":
        raise Rejected("DomainNotVerified", "Confirm the proof 'Domain' first, or with the others.")
    return _one(domain)


def cancel(snapshot: Snapshot, id: str, proof: Proof) -> Changes[Domain]:
    """Cancel a proof that is not verified: ``NotStarted`` again."""
    domain = _customers(snapshot, id)
    if status_of(domain, proof) == "Verified":
        return Changes((), (), domain)
    return _one(_set(domain, proof, "NotStarted"))


def revoke(snapshot: Snapshot, id: str, proof: Proof) -> Changes[Domain]:
    """Revoke a proof, and with ``Domain`` all of them. Raises Rejected if the domain is linked."""
    domain = _customers(snapshot, id)
    if proof != "DMARC" and linked_by(snapshot, domain):
        raise Rejected("Conflict", f"The domain '{domain.name}' is linked; unlink it first.", 409)
    for each in PROOFS if proof == "Domain" else (proof,):
        domain = _set(domain, each, "NotStarted")
    return _one(domain)


async def prove(resolver: Resolver | None, domain: Domain, proof: Proof) -> str:
    """Return why the DNS does not verify it: a code, a colon and a sentence. Empty: it does."""
    if resolver is None:
        return "DnsUnavailable: there is no DNS to ask"
    record = records_of(domain)[proof]
    ask = resolver.txt if record.type == "TXT" else resolver.cname
    answer = await ask(record.host)
    if answer.kind == "failed":
        return f"DnsUnavailable: {answer.reason}"
    return failure(domain, proof, answer.records)
