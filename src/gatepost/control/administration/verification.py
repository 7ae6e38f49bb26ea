"""Verification of a domain: manual, by DNS, or immediate, as the profile prescribes."""

from gatepost.control.administration.context import AdminContext
from gatepost.control.administration.documents import Document, verification_records
from gatepost.control.administration.entry_lookup import DOMAIN, find_in_parent
from gatepost.control.administration.requests import EntryName, VerifyDomain
from gatepost.directory.azure.changes import verification
from gatepost.directory.azure.changes.verification import PROOFS, Proof, prove, status_of
from gatepost.directory.azure.entries import Domain


async def verify_domain(context: AdminContext, request: VerifyDomain) -> Document:
    """``domain verify``: the named verifications, or all; ``proven`` says whether they succeeded.

    Of all, only those count that linking requires; DMARC is not required.
    """
    domain = find_in_parent(context.view, DOMAIN, EntryName(request.name, request.parent))
    proofs = request.proofs or PROOFS
    if request.by_hand:
        named = domain.id
        domain = await context.change(lambda view: verification.confirm(view, named, proofs))
    else:
        way = "dns" if request.by_dns else context.verification
        for proof in proofs:
            if not request.proofs and proof != "Domain" and _is_unproven(domain):
                break
            domain = await _prove(context, domain, proof, way)
    proven = (
        all(status_of(domain, each) == "Verified" for each in request.proofs)
        if request.proofs
        else domain.verification.allows_linking
    )
    records = {"records": verification_records(domain), "proven": proven}
    return context.document(domain) | records


def _is_unproven(domain: Domain) -> bool:
    return domain.verification.domain != "Verified"


async def _prove(context: AdminContext, domain: Domain, proof: Proof, way: str) -> Domain:
    """Start a verification, and finish it unless it is to be finished manually."""
    begun = await context.change(lambda view: verification.initiate(view, domain.id, proof))
    if way == "manual" or status_of(begun, proof) == "Verified":
        return begun
    error = await prove(context.resolver, begun, proof) if way == "dns" else ""
    return await context.change(lambda view: verification.conclude(view, begun.id, proof, error))
