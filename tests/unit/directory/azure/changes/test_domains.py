"""Domains: Azure's own are verified, a customer's are proven one record after the other."""

from dataclasses import replace

import pytest

from gatepost.directory.azure.changes import (
    Rejected,
    domains,
    email_services,
    services,
    verification,
)
from gatepost.directory.azure.changes.verification import PROOFS, Proof, failure, records_of
from gatepost.directory.azure.entries import (
    Domain,
    DomainManagement,
    SenderUsername,
    VerificationStatus,
)
from gatepost.directory.azure.snapshot import Snapshot
from tests.unit.directory.azure.changes.refusals import code, refusal
from tests.unit.directory.azure.world import DOMAIN, EMAIL, GROUP, SERVICE, world

CUSTOM = f"{EMAIL}/domains/Mail.Example.org"
OTHER_EMAIL = f"{GROUP}/providers/Microsoft.Communication/emailServices/second"


def two_services() -> Snapshot:
    snapshot = world()
    snapshot.apply(email_services.put(snapshot, OTHER_EMAIL, "Japan").put)
    return snapshot


def with_custom() -> Snapshot:
    snapshot = world()
    snapshot.apply(domains.put(snapshot, CUSTOM, "CustomerManaged").put)
    return snapshot


def custom(snapshot: Snapshot) -> Domain:
    domain = snapshot.get(Domain, CUSTOM)
    assert domain is not None
    return domain


def test_a_managed_domain_comes_verified_and_with_its_sender() -> None:
    changes = domains.put(
        two_services(), f"{OTHER_EMAIL}/domains/azureMANAGEDdomain", "AzureManaged"
    )
    domain, sender = changes.put
    assert domain is changes.entry
    assert changes.entry.from_domain == changes.entry.mail_from_domain
    assert changes.entry.from_domain.endswith(".azurecomm.net")
    assert changes.entry.verification.allows_linking
    assert changes.entry.data_location == "Japan"
    assert isinstance(sender, SenderUsername)
    assert (sender.name, sender.username) == ("donotreply", "DoNotReply")
    assert dict(records_of(changes.entry)) == {}


# fmt: off
NAMES = [
    ("AzureManaged",    "example.org",             False),
    ("CustomerManaged", "AzureManagedDomain",      False),
    ("CustomerManaged", "example.org",             True),
    ("CustomerManaged", "xn--bcher-kva.example",   True),
    ("CustomerManaged", "localhost",               False),
    ("CustomerManaged", "-a.example.org",          False),
    ("CustomerManaged", "a..org",                  False),
    ("CustomerManaged", "192.0.2.1",               False),
    ("CustomerManaged", "mine.azurecomm.net",      False),
    ("CustomerManaged", "AzureComm.net",           False),
    ("CustomerManaged", f"{'x' * 64}.org",         False),
]
# fmt: on


@pytest.mark.parametrize(("management", "name", "fits"), NAMES)
def test_names(management: DomainManagement, name: str, fits: bool) -> None:
    put = code(lambda: domains.put(two_services(), f"{OTHER_EMAIL}/domains/{name}", management))
    assert put == ("" if fits else "InvalidResourceName")


@pytest.mark.parametrize("name", ["AzureManagedDomain", "azuremanageddomain", "AZUREMANAGEDDOMAIN"])
def test_azure_s_own_domain_has_one_name_in_one_spelling(name: str) -> None:
    """Contract 5.1: literally AzureManagedDomain; ids are found in any case."""
    changes = domains.put(two_services(), f"{OTHER_EMAIL}/domains/{name}", "AzureManaged")
    assert changes.entry.id == f"{OTHER_EMAIL}/domains/AzureManagedDomain"
    assert [each.id for each in changes.put[1:]] == [
        f"{changes.entry.id}/senderUsernames/donotreply"
    ]


def test_a_domain_keeps_its_management() -> None:
    put = refusal(lambda: domains.put(world(), DOMAIN, "CustomerManaged"))
    assert put == ("PropertyChangeNotAllowed", 409)


def test_a_later_put_keeps_name_and_proofs() -> None:
    snapshot = world()
    before = snapshot.get(Domain, DOMAIN)
    assert before is not None
    after = domains.put(snapshot, DOMAIN, "AzureManaged", engagement_tracking=True).entry
    assert after == replace(before, engagement_tracking=True)
    assert domains.patch(snapshot, DOMAIN, tags={"a": "b"}).entry == replace(
        before, tags={"a": "b"}
    )


def test_a_linked_domain_stays() -> None:
    assert refusal(lambda: domains.delete(world(), DOMAIN)) == ("Conflict", 409)
    with pytest.raises(Rejected, match="linked to acs-demo"):
        email_services.delete(world(), EMAIL)


def test_an_unlinked_domain_goes_with_its_senders() -> None:
    snapshot = world()
    wish = services.ServiceSpec(linked_domains=())
    snapshot.apply(services.patch(snapshot, SERVICE, wish).put)
    gone = domains.delete(snapshot, DOMAIN).delete
    assert {type(each) for each in gone} == {Domain, SenderUsername}
    assert email_services.delete(snapshot, EMAIL).delete


def test_the_records_to_publish() -> None:
    domain = custom(with_custom())
    found = {
        name: (each.type, each.name, each.value, each.ttl)
        for name, each in records_of(domain).items()
    }
    token = f"ms-domain-verification={domain.verification_token}"
    selector = "azurecomm-prod-net._domainkey"
    # fmt: off
    assert found == {
        "Domain": ("TXT", "mail.example.org", token, 3600),
        "SPF": ("TXT", "mail.example.org", "v=spf1 include:spf.protection.outlook.com -all", 3600),
        "DKIM": ("CNAME", f"selector1-{selector}", f"selector1-{selector}.azurecomm.net", 3600),
        "DKIM2": ("CNAME", f"selector2-{selector}", f"selector2-{selector}.azurecomm.net", 3600),
        "DMARC": ("TXT", "_dmarc", "v=DMARC1; p=none;", 3600),
    }
    # fmt: on
    assert records_of(domain)["DKIM"].host == f"selector1-{selector}.mail.example.org"
    assert records_of(domain)["DMARC"].host == "_dmarc.mail.example.org"


def states(domain: Domain) -> list[VerificationStatus]:
    return [verification.status_of(domain, proof) for proof in PROOFS]


# fmt: off
STEPS = [
    # step        what the DNS said       state after it
    ("initiate",  None,                   "VerificationRequested"),
    ("progress",  None,                   "VerificationInProgress"),
    ("conclude",  "Code: why",            "VerificationFailed"),
    ("initiate",  None,                   "VerificationRequested"),
    ("cancel",    None,                   "NotStarted"),
    ("conclude",  "",                     "NotStarted"),
    ("initiate",  None,                   "VerificationRequested"),
    ("conclude",  "",                     "Verified"),
    ("cancel",    None,                   "Verified"),
    ("initiate",  None,                   "Verified"),
    ("revoke",    None,                   "NotStarted"),
]
# fmt: on


def test_a_proof_goes_through_its_states() -> None:
    snapshot = with_custom()
    assert states(custom(snapshot)) == ["NotStarted"] * 5
    for step, said, state in STEPS:
        act = getattr(verification, step)
        given = (snapshot, CUSTOM, "Domain", *(() if said is None else (said,)))
        snapshot.apply(act(*given).put)
        assert states(custom(snapshot))[0] == state
        errors = dict(custom(snapshot).verification.errors)
        assert errors == ({"domain": "Code: why"} if state == "VerificationFailed" else {})


@pytest.mark.parametrize("proof", PROOFS[1:])
def test_ownership_comes_first(proof: Proof) -> None:
    snapshot = with_custom()
    begun = refusal(lambda: verification.initiate(snapshot, CUSTOM, proof))
    assert begun == ("DomainNotVerified", 400)
    with pytest.raises(Rejected):
        verification.confirm(snapshot, CUSTOM, (proof,))
    snapshot.apply(verification.confirm(snapshot, CUSTOM, ("Domain",)).put)
    verification.initiate(snapshot, CUSTOM, proof)


def test_confirmed_by_hand() -> None:
    snapshot = with_custom()
    confirmed = verification.confirm(snapshot, CUSTOM).entry
    assert states(confirmed) == ["Verified"] * 5
    assert confirmed.verification.allows_linking
    snapshot.apply(verification.initiate(snapshot, CUSTOM, "Domain").put)
    snapshot.apply(verification.confirm(snapshot, CUSTOM).put)
    late = verification.conclude(snapshot, CUSTOM, "Domain", "RecordNotFound: late")
    assert late.put == (), "what the DNS says afterwards does not undo it"


def test_a_managed_domain_has_nothing_to_prove() -> None:
    assert code(lambda: verification.initiate(world(), DOMAIN, "SPF")) == "InvalidOperation"
    assert code(lambda: verification.revoke(world(), DOMAIN, "SPF")) == "InvalidOperation"
    assert code(lambda: verification.confirm(world(), DOMAIN)) == "InvalidOperation"


def test_revoking_ownership_revokes_all_but_not_while_it_is_linked() -> None:
    snapshot = with_custom()
    snapshot.apply(verification.confirm(snapshot, CUSTOM).put)
    linked = services.ServiceSpec(linked_domains=(CUSTOM,))
    snapshot.apply(services.patch(snapshot, SERVICE, linked).put)
    assert refusal(lambda: verification.revoke(snapshot, CUSTOM, "SPF")) == ("Conflict", 409)
    verification.revoke(snapshot, CUSTOM, "DMARC")
    snapshot.apply(services.patch(snapshot, SERVICE, services.ServiceSpec(linked_domains=())).put)
    assert states(verification.revoke(snapshot, CUSTOM, "Domain").entry) == ["NotStarted"] * 5


INCLUDE = "include:spf.protection.outlook.com"
TARGET = "selector1-azurecomm-prod-net._domainkey.azurecomm.net"
# fmt: off
FOUND = [
    # proof     what the DNS has                                    the code, empty: proven
    ("Domain",  [],                                                 "RecordNotFound"),
    ("Domain",  ["ms-domain-verification=other"],                   "RecordMismatch"),
    ("Domain",  ["v=spf1 -all", "TOKEN"],                           ""),
    ("SPF",     ["TOKEN"],                                          "RecordNotFound"),
    ("SPF",     [f"v=spf1 {INCLUDE} -all"],                         ""),
    ("SPF",     [f"V=SPF1 ip4:192.0.2.1 +{INCLUDE} -ALL"],          ""),
    ("SPF",     [f"v=spf1 {INCLUDE} ~all"],                         "SpfNotHardFail"),
    ("SPF",     [f"v=spf1 {INCLUDE}"],                              "SpfNotHardFail"),
    ("SPF",     [f"v=spf1 -all {INCLUDE}"],                         "SpfNotHardFail"),
    ("SPF",     ["v=spf1 -all"],                                    "RecordMismatch"),
    ("SPF",     [f"v=spf10 {INCLUDE} -all"],                        "RecordNotFound"),
    ("SPF",     ["v=spf1 -all", f"v=spf1 {INCLUDE} -all"],          "SpfMultipleRecords"),
    ("DKIM",    [f"{TARGET.upper()}."],                             ""),
    ("DKIM",    [TARGET.replace("1", "2")],                         "RecordMismatch"),
    ("DKIM",    [],                                                 "RecordNotFound"),
    ("DKIM2",   [TARGET.replace("1", "2")],                         ""),
    ("DMARC",   ["v=DMARC1; p=reject"],                             ""),
    ("DMARC",   ["v=DMARC2"],                                       "RecordMismatch"),
]
# fmt: on


@pytest.mark.parametrize(("proof", "values", "code"), FOUND)
def test_dns_records_prove_a_domain(proof: Proof, values: list[str], code: str) -> None:
    domain = custom(with_custom())
    token = f"ms-domain-verification={domain.verification_token}"
    told = failure(domain, proof, tuple(token if each == "TOKEN" else each for each in values))
    assert told.partition(":")[0] == code


def test_every_domain_has_its_own_token() -> None:
    tokens = {custom(with_custom()).verification_token for _ in range(3)}
    assert len(tokens) == 3
