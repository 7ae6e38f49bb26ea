"""Proving a domain: by hand, or by what the DNS says."""

from gatepost.app.administration.desk import Desk
from gatepost.app.administration.documents import Document, verification_records
from gatepost.app.administration.nouns import DOMAIN, EMAIL, find
from gatepost.app.administration.wishes import Verify
from gatepost.directory.azure.changes import verification
from gatepost.directory.azure.changes.verification import PROOFS, Proof, status_of
from gatepost.directory.azure.entries import Domain
from gatepost.rest.arm.proving import prove


async def verify_domain(desk: Desk, wish: Verify) -> Document:
    """``domain verify``: the named proofs, or all; ``proven`` says whether they are made.

    Of all only those count that linking needs, which DMARC is not.
    """
    email = find(desk.view, EMAIL, wish.parent) if wish.parent else None
    domain = find(desk.view, DOMAIN, wish.name, email)
    proofs = wish.proofs or PROOFS
    if wish.by_hand:
        named = domain.id
        domain = await desk.change(lambda view: verification.confirm(view, named, proofs))
    else:
        domain = await _ask(desk, domain, proofs, in_turn=not wish.proofs)
    proven = (
        all(status_of(domain, each) == "Verified" for each in wish.proofs)
        if wish.proofs
        else domain.verification.allows_linking
    )
    records = {"records": verification_records(domain), "proven": proven}
    return desk.document(domain) | records


async def _ask(desk: Desk, domain: Domain, proofs: tuple[Proof, ...], *, in_turn: bool) -> Domain:
    """Ask the DNS for each proof; ``in_turn``: not for the others before ``Domain`` is proven."""
    for proof in proofs:
        if in_turn and proof != "Domain" and domain.verification.domain != "Verified":
            break
        domain = await _ask_one(desk, domain, proof)
    return domain


async def _ask_one(desk: Desk, domain: Domain, proof: Proof) -> Domain:
    begun = await desk.change(lambda view: verification.initiate(view, domain.id, proof))
    if status_of(begun, proof) == "Verified":
        return begun
    error = await prove(desk.resolver, begun, proof)
    return await desk.change(lambda view: verification.conclude(view, begun.id, proof, error))
