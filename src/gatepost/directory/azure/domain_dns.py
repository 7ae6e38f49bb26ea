"""DNS queries for the verification of domains."""

from gatepost.directory.azure.changes.verification import Proof, failure, records_of
from gatepost.directory.azure.entries import Domain
from gatepost.model.dns import Resolver


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
