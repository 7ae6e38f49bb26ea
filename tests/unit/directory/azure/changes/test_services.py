"""Communication Services resources: unique names, linked domains, two keys."""

from dataclasses import replace

import pytest

from gatepost.directory.azure.changes import (
    Rejected,
    domains,
    email_services,
    services,
    verification,
)
from gatepost.directory.azure.changes.services import ServiceSpec
from gatepost.directory.azure.entries import CommunicationService, Domain, Verification
from gatepost.directory.azure.resource_ids import child_path, group_path, resource_path
from gatepost.directory.azure.snapshot import Snapshot
from tests.unit.directory.azure.changes.refusals import code, refusal
from tests.unit.directory.azure.world import (
    DOMAIN,
    EMAIL,
    GROUP,
    OTHER,
    SERVICE,
    smtp_username,
    world,
)

KEYS = (b"one", b"two")
NEW = resource_path(GROUP, "communicationServices", "another")
PLAIN = ServiceSpec(data_location="United States")


def put(snapshot: Snapshot, wish: ServiceSpec, id: str = NEW) -> CommunicationService:
    return services.put(snapshot, id, wish, KEYS).entry


def test_a_new_resource_has_two_keys_and_no_domains() -> None:
    made = put(world(), PLAIN)
    assert (made.primary_key, made.secondary_key) == KEYS
    assert (made.linked_domains, made.local_auth, made.public_network_access) == (
        (), True, "Enabled",
    )  # fmt: skip
    assert made.immutable_id


def test_names_are_unique_over_all_subscriptions() -> None:
    taken = resource_path(group_path(OTHER, "elsewhere"), "communicationServices", "taken")
    snapshot = world()
    snapshot.apply([CommunicationService(taken)])
    reserved = resource_path(GROUP, "communicationServices", "TAKEN")
    assert refusal(lambda: put(snapshot, PLAIN, reserved)) == ("NameReservationTaken", 409)
    assert "TAKEN" in services.name_taken(snapshot, "TAKEN")
    assert "invalid" in services.name_taken(snapshot, "a.b")
    assert services.name_taken(snapshot, "free") == ""


def test_put_resets_what_it_does_not_say_and_patch_does_not() -> None:
    snapshot = world()
    before = snapshot.get(CommunicationService, SERVICE)
    assert before is not None
    before = replace(before, local_auth=False, tags={"a": "b"}, primary_key=b"kept")
    snapshot.apply([before])
    patched = services.patch(snapshot, SERVICE.upper(), ServiceSpec()).entry
    assert patched == before
    after = put(snapshot, PLAIN, SERVICE)
    assert after == replace(before, local_auth=True, tags={}, linked_domains=())
    assert after.primary_key == b"kept"


def test_the_data_location_is_wanted_and_stays() -> None:
    assert code(lambda: put(world(), ServiceSpec())) == "InvalidRequestContent"
    japan = ServiceSpec(data_location="Japan")
    assert refusal(lambda: put(world(), japan, SERVICE)) == ("PropertyChangeNotAllowed", 409)
    assert code(lambda: services.patch(world(), SERVICE, japan)) == "PropertyChangeNotAllowed"


CUSTOM = child_path(EMAIL, "domains", "example.org")
ABROAD = resource_path(GROUP, "emailServices", "abroad")
DONE = Verification("Verified", "Verified", "Verified", "Verified")
UNVERIFIED = [
    (DONE, ""),
    (replace(DONE, dkim2="NotStarted"), "DKIM2 NotStarted"),
    (replace(DONE, spf="VerificationFailed"), "SPF VerificationFailed"),
    (Verification(), "Domain NotStarted, SPF"),
]


@pytest.mark.parametrize(("proofs", "why"), UNVERIFIED)
def test_linking_needs_four_proofs(proofs: Verification, why: str) -> None:
    snapshot = world()
    domain = domains.put(snapshot, CUSTOM, "CustomerManaged").entry
    snapshot.apply([replace(domain, verification=proofs)])
    wish = ServiceSpec(linked_domains=(DOMAIN.upper(), CUSTOM.lower(), CUSTOM))
    if not why:
        linked = services.patch(snapshot, SERVICE, wish).entry.linked_domains
        assert linked == (DOMAIN, CUSTOM), "each once, as it is spelled where it lies"
        return
    with pytest.raises(Rejected, match=why) as caught:
        services.patch(snapshot, SERVICE, wish)
    assert (caught.value.code, caught.value.status) == ("InvalidLinkedDomains", 400)


NOT_IDS = ["", "example.org", "C:/Program Files/Git/subscriptions/x", EMAIL, f"{DOMAIN}/x"]


@pytest.mark.parametrize("id", NOT_IDS)
def test_invalid_domain_ids_are_refused(id: str) -> None:
    wish = ServiceSpec(linked_domains=(id,))
    assert code(lambda: services.patch(world(), SERVICE, wish)) == "LinkedInvalidPropertyId"


def test_other_domains_that_cannot_be_linked() -> None:
    snapshot = world()
    snapshot.apply(email_services.put(snapshot, ABROAD, "Japan").put)
    foreign = f"{ABROAD}/domains/AzureManagedDomain"
    snapshot.apply(domains.put(snapshot, foreign, "AzureManaged").put)
    for id, why in ((foreign, "data location is Japan"), (CUSTOM, "no such domain")):  # noqa: A001
        with pytest.raises(Rejected, match=why) as caught:
            services.patch(snapshot, SERVICE, ServiceSpec(linked_domains=(id,)))
        assert caught.value.code == "InvalidLinkedDomains"


def test_one_name_cannot_be_linked_twice() -> None:
    snapshot = world()
    second = resource_path(GROUP, "emailServices", "second")
    snapshot.apply(email_services.put(snapshot, second, "United States").put)
    ids = (CUSTOM, child_path(second, "domains", "example.org"))
    for each in ids:
        snapshot.apply(domains.put(snapshot, each, "CustomerManaged").put)
        snapshot.apply(verification.confirm(snapshot, each).put)
    with pytest.raises(Rejected, match="same name"):
        services.patch(snapshot, SERVICE, ServiceSpec(linked_domains=ids))


def test_a_hundred_domains_can_be_linked() -> None:
    snapshot = world()
    ids = []
    for number in range(101):
        path = child_path(EMAIL, "domains", f"d{number}.example.org")
        snapshot.apply(domains.put(snapshot, path, "CustomerManaged").put)
        snapshot.apply(verification.confirm(snapshot, path).put)
        ids.append(path)
    services.patch(snapshot, SERVICE, ServiceSpec(linked_domains=tuple(ids[:100])))
    wish = ServiceSpec(linked_domains=tuple(ids))
    assert code(lambda: services.patch(snapshot, SERVICE, wish)) == "QuotaExceeded"


def test_one_key_is_replaced_and_the_other_stays() -> None:
    snapshot = world()
    snapshot.apply([put(snapshot, PLAIN)])
    changed = services.regenerate_key(snapshot, NEW, "Primary", b"new").entry
    assert (changed.primary_key, changed.secondary_key) == (b"new", b"two")
    changed = services.regenerate_key(snapshot, NEW, "Secondary", b"new").entry
    assert (changed.primary_key, changed.secondary_key) == (b"one", b"new")


def test_a_resource_goes_with_its_login_names_and_leaves_its_domains() -> None:
    snapshot = world()
    snapshot.apply([smtp_username("login-name")])
    gone = services.delete(snapshot, SERVICE).delete
    assert {each.kind for each in gone} == {
        "communication_service", "smtp_username", "role_assignment",
    }  # fmt: skip
    assert Domain not in {type(each) for each in gone}
