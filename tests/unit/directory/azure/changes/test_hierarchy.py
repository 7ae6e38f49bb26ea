"""The names of resources, and the parents that they need."""

import pytest

from gatepost.directory.azure.changes import (
    Rejected,
    email_services,
    resource_groups,
    senders,
    subscriptions,
)
from gatepost.directory.azure.changes.hierarchy import existing, is_name, place, split_id
from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    EmailService,
    Entry,
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    SenderUsername,
    SmtpUsername,
    Subscription,
    SuppressedAddress,
    SuppressionList,
)
from gatepost.directory.azure.login_rules import rules_of
from gatepost.directory.azure.resource_ids import group_path, resource_path, subscription_path
from gatepost.profiles import load_profile
from tests.unit.directory.azure.changes.refusals import code, refusal
from tests.unit.directory.azure.world import (
    DOMAIN,
    EMAIL,
    GROUP,
    OTHER,
    SECRET,
    SERVICE,
    SUBSCRIPTION,
    TENANT,
    world,
)

# fmt: off
NAMES = [
    # kind, allowed, refused
    (ResourceGroup, ["a", "A-b_c.(d)", "x" * 90, "日本"], ["", "a.", "x" * 91, "a/b", "a b"]),
    (EmailService, ["mail", "A-1", "x" * 63], ["", "a_b", "a.b", "x" * 64, "é"]),
    (CommunicationService, ["mail", "A-1", "a_b", "x" * 63], ["", "a.b", "a|b", "x" * 64, "é"]),
    (Domain, ["example.org", "AzureManagedDomain"], ["", "a_b.org", "x" * 254, "a b"]),
    (SenderUsername, ["donotreply", "a.b+c", "x" * 253], ["", "a/b", "a b", "x" * 254, "a%b"]),
    (SmtpUsername, ["login", "a-1", "x" * 253], ["", "a_b", "a@b", "x" * 254]),
    (SuppressionList, ["news", "a-1"], ["", "a b", "a.b"]),
    (SuppressedAddress, [OTHER, OTHER.upper()], ["", "1", "ann@example.net"]),
]
# fmt: on


@pytest.mark.parametrize(("kind", "allowed", "refused"), NAMES)
def test_names(kind: type[Entry], allowed: list[str], refused: list[str]) -> None:
    assert [name for name in allowed if not is_name(kind, name)] == []
    assert [name for name in refused if is_name(kind, name)] == []


def test_a_resource_is_spelled_like_what_holds_it() -> None:
    asked = f"{EMAIL.upper()}/DOMAINS/Example.ORG"
    assert place(world(), Domain, asked) == f"{EMAIL}/domains/Example.ORG"
    assert split_id(Domain, asked) == (EMAIL.upper(), "Example.ORG")


NOWHERE = subscription_path(OTHER)
BAD_GROUP = f"{subscription_path(SUBSCRIPTION)}/resourceGroups/a."


def email(group: str, name: str = "e") -> str:
    return resource_path(group, "emailServices", name)


MISSING = [
    (EmailService, email(group_path(OTHER, "g")), "SubscriptionNotFound"),
    (EmailService, email(group_path("none", "g")), "InvalidSubscriptionId"),
    (EmailService, email(f"{GROUP}x"), "ResourceGroupNotFound"),
    (Domain, f"{EMAIL}x/domains/example.org", "ParentResourceNotFound"),
    (SenderUsername, f"{EMAIL}/domains/none/senderUsernames/s", "ParentResourceNotFound"),
    (SenderUsername, f"{EMAIL}x/domains/none/senderUsernames/s", "ParentResourceNotFound"),
    (EmailService, email(GROUP, "a_b"), "InvalidResourceName"),
    (ResourceGroup, BAD_GROUP, "InvalidResourceGroup"),
    (EmailService, SERVICE, "InvalidResourceId"),
]


@pytest.mark.parametrize(("kind", "id", "code"), MISSING)
def test_the_topmost_missing_parent_is_named(kind: type[Entry], id: str, code: str) -> None:
    status = 404 if code.endswith("NotFound") else 400
    assert refusal(lambda: place(world(), kind, id)) == (code, status)


NO_DOMAIN = (
    "The Resource 'Microsoft.Communication/EmailServices/Domains/acs-demo-email/none' under "
    "resource group 'mail' was not found."
)
NO_GROUP = EMAIL.replace("/mail/", "/none/")
ABSENT = [
    (Domain, f"{EMAIL}/domains/none", "ResourceNotFound", NO_DOMAIN),
    (Domain, f"{NO_GROUP}/domains/none", "ResourceGroupNotFound", "Resource group 'none' could"),
    (ResourceGroup, f"{GROUP}x", "ResourceGroupNotFound", "Resource group 'mailx'"),
    (Subscription, NOWHERE, "SubscriptionNotFound", f"The subscription '{OTHER}'"),
]


@pytest.mark.parametrize(("kind", "id", "code", "text"), ABSENT)
def test_unknown_resources_are_not_found(kind: type[Entry], id: str, code: str, text: str) -> None:
    with pytest.raises(Rejected) as caught:
        existing(world(), kind, id)
    assert (caught.value.code, caught.value.status) == (code, 404)
    assert caught.value.message.startswith(text)


def test_a_group_goes_with_everything_in_it_and_the_roles_on_it() -> None:
    changes = resource_groups.delete(world(), GROUP)
    kinds = {type(each) for each in changes.delete}
    assert kinds == {
        ResourceGroup, EmailService, Domain, SenderUsername, CommunicationService, RoleAssignment,
    }  # fmt: skip


def test_a_group_stays_where_it_is() -> None:
    with pytest.raises(Rejected, match="Changing property 'location' is not allowed"):
        resource_groups.put(world(), GROUP, "Japan East")
    assert resource_groups.put(world(), GROUP, "Global", {"a": "b"}).entry.tags == {"a": "b"}


def test_data_stays_where_it_is() -> None:
    same = email_services.put(world(), EMAIL.upper(), "unitedstates").entry
    assert (same.id, same.data_location) == (EMAIL, "United States")
    moved = refusal(lambda: email_services.put(world(), EMAIL, "Japan"))
    assert moved == ("PropertyChangeNotAllowed", 409)
    assert code(lambda: email_services.put(world(), EMAIL, "Mars")) == "InvalidDataLocation"


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({str(number): "" for number in range(51)}, "InvalidTags"),
        ({"A": "1", "a": "2"}, "InvalidTags"),
        ({"": "x"}, "InvalidTagNameCharacters"),
        ({"a<b": "x"}, "InvalidTagNameCharacters"),
        ({"a": "x" * 257}, "InvalidTagNameCharacters"),
    ],
)
def test_tags(tags: dict[str, str], code: str) -> None:
    with pytest.raises(Rejected) as caught:
        email_services.put(world(), EMAIL, "United States", tags)
    assert caught.value.code == code


# fmt: off
LOCAL_PARTS = [
    ("info", True), ("a.b+c", True), ("jörg", False), ("x" * 64, True),
    ("", False), ("x" * 65, False), ("a@b", False), (".a", False), ("a b", False), ("a..b", False),
]
# fmt: on


@pytest.mark.parametrize(("username", "is_one"), LOCAL_PARTS)
def test_a_sender_is_a_local_part(username: str, is_one: bool) -> None:
    put = code(lambda: senders.put(world(), f"{DOMAIN}/senderUsernames/new", username))
    assert put == ("" if is_one else "InvalidSenderUserName")


@pytest.mark.parametrize(("profile", "fits"), [("acs", False), ("open", True)])
def test_a_sender_beyond_ascii_is_one_where_it_may_send(profile: str, fits: bool) -> None:
    """RFC 6531: without SMTPUTF8 in EHLO there is no way to send as it."""
    utf8 = rules_of(load_profile(profile)).utf8_senders
    put = code(lambda: senders.put(world(), f"{DOMAIN}/senderUsernames/new", "jörg", utf8=utf8))
    assert put == ("" if fits else "InvalidSenderUserName")


@pytest.mark.parametrize(
    ("display_name", "is_one"),
    [
        ("", True),
        ('Jörg "Q" <x>, Ltd; 株式会社\u3000支店', True),
        ("x" * 256, True),
        ("x" * 257, False),
        ("a\r\nBcc: b@example.net", False),
        ("a\0", False),
        ("a\u2028b", False),
    ],
)
def test_a_display_name_can_stand_in_from(display_name: str, is_one: bool) -> None:
    put = code(lambda: senders.put(world(), f"{DOMAIN}/senderUsernames/new", "new", display_name))
    assert put == ("" if is_one else "InvalidSenderUserName")


def test_a_local_part_is_registered_once() -> None:
    with pytest.raises(Rejected) as caught:
        senders.put(world(), f"{DOMAIN}/senderUsernames/other", "donotREPLY")
    assert (caught.value.code, caught.value.status) == ("Conflict", 409)
    again = senders.put(world(), f"{DOMAIN}/senderUsernames/DoNotReply", "donotREPLY").entry
    assert again.username == "donotREPLY", "its own entry may be changed"


def test_a_domain_has_a_hundred_senders() -> None:
    snapshot = world()
    path = f"{DOMAIN}/senderUsernames"
    for number in range(99):
        snapshot.apply(senders.put(snapshot, f"{path}/s{number}", f"s{number}").put)
    with pytest.raises(Rejected) as caught:
        senders.put(snapshot, f"{path}/one-more", "one-more")
    assert caught.value.code == "QuotaExceeded"
    snapshot.apply((), senders.delete(snapshot, f"{path}/s7").delete)
    senders.put(snapshot, f"{path}/one-more", "one-more")


def test_a_subscription_goes_with_the_roles_that_are_for_it_alone() -> None:
    snapshot = world()
    home = subscription_path(SUBSCRIPTION)
    elsewhere = subscriptions.create(snapshot, TENANT, "second").entry
    both = RoleDefinition(OTHER, "Both", assignable_scopes=(home, elsewhere.id))
    only = RoleDefinition(SECRET, "Only", assignable_scopes=(GROUP,))
    snapshot.apply([elsewhere, both, only])
    gone = subscriptions.delete(snapshot, home.upper()).delete
    assert {each.id for each in gone if isinstance(each, RoleDefinition)} == {SECRET}
    assert {type(each) for each in gone} >= {Subscription, ResourceGroup, EmailService}


def test_a_subscription_is_of_a_tenant() -> None:
    assert code(lambda: subscriptions.create(world(), OTHER, "second")) == "TenantNotFound"
    taken = refusal(lambda: subscriptions.create(world(), TENANT, "second", SUBSCRIPTION))
    assert taken == ("Conflict", 409)
    assert code(lambda: subscriptions.create(world(), TENANT, "second", "mine")) == (
        "InvalidSubscriptionId"
    )
