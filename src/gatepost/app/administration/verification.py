"""Proving a domain: by hand, or by what the DNS says."""

from gatepost.app.administration.desk import Desk
from gatepost.app.administration.documents import Document, verification_records
from gatepost.app.administration.nouns import DOMAIN, EMAIL, find
from gatepost.app.administration.wishes import Verify
from gatepost.directory.azure.changes import verification


async def verify_domain(desk: Desk, wish: Verify) -> Document:
    """``domain verify``."""
    proofs = wish.proofs or verification.PROOFS
    email = find(desk.view, EMAIL, wish.parent) if wish.parent else None
    domain = find(desk.view, DOMAIN, wish.name, email)
    domain = await desk.change(lambda view: verification.confirm(view, domain.id, proofs))
    return desk.document(domain) | {"records": verification_records(domain)}
