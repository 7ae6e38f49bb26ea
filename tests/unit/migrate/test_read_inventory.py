"""What is read from Resource Manager: pages, throttling, missing rights; and what it becomes."""

from datetime import UTC, datetime

import pytest

from gatepost.directory.azure.entries import (
    Application,
    CommunicationService,
    Domain,
    RoleAssignment,
    SenderUsername,
    ServicePrincipal,
    SmtpUsername,
    Subscription,
    SuppressedAddress,
    Tenant,
)
from gatepost.errors import ConfigError
from gatepost.migrate.exit_report import (
    applications_of,
    has_managed_domain,
    not_carried,
    to_change,
)
from gatepost.migrate.inventory import Inventory
from gatepost.migrate.read_inventory import InventoryReader
from tests.unit.migrate.recorded_azure import (
    APP,
    ARM,
    DOMAIN,
    GRAPH,
    KEY,
    OTHER_APP,
    PERSON,
    PRINCIPAL,
    SERVICE,
    SUB,
    TEAM,
    TENANT,
    WEBHOOK,
    Azure,
)


def read(azure: Azure, *, graph: bool = True, subscription: str = "") -> Inventory:
    names = azure.reader(GRAPH, "graph-token") if graph else None
    return InventoryReader(azure.reader(), names, subscription).read()


def test_everything_is_read_over_all_pages() -> None:
    inventory = read(Azure(page=1))
    assert inventory.counts() == {
        "resources": 1,
        "email_services": 1,
        "domains": 2,
        "senders": 3,
        "smtp_usernames": 1,
        "suppression_lists": 1,
        "suppressed_addresses": 5,
    }
    assert [each.what for each in inventory.gaps] == [
        "service principal 99999999-0000-0000-0000-000000000000"
    ]


def test_entries_have_what_the_directory_needs() -> None:
    inventory = read(Azure())
    [service] = inventory.all(CommunicationService)
    assert (service.id, service.local_auth, len(service.linked_domains)) == (SERVICE, True, 2)
    domain = next(each for each in inventory.all(Domain) if each.id == DOMAIN)
    assert domain.verification.allows_linking
    assert domain.verification_token == "1-2"
    assert {each.username for each in inventory.below(SenderUsername, DOMAIN)} == {"app", "news"}
    [username] = inventory.all(SmtpUsername)
    assert (username.username, username.application_id) == ("Newsletter", APP)
    assert {each.id for each in inventory.all(Application)} == {APP, OTHER_APP}
    [principal] = inventory.all(ServicePrincipal)
    assert (principal.id, principal.application_id) == (PRINCIPAL, OTHER_APP)
    assert {each.principal_type for each in inventory.all(RoleAssignment)} == {"ServicePrincipal"}
    assert inventory.all(RoleAssignment)[0].created_at == datetime(
        2026, 2, 1, microsecond=123_000, tzinfo=UTC
    )
    assert {each.email for each in inventory.all(SuppressedAddress)} >= {"no-0@example.net"}
    primary, _ = inventory.access_keys[SERVICE]
    assert primary.reveal() == KEY


def test_subscriptions_without_mail_are_left_out() -> None:
    inventory = read(Azure())
    assert [each.display_name for each in inventory.all(Subscription)] == ["Shop"]
    assert [each.id for each in inventory.all(Tenant)] == [TENANT]


def test_one_subscription_can_be_chosen() -> None:
    azure = Azure()
    read(azure, subscription=SUB.rpartition("/")[2].upper())
    assert not any("66666666" in path for _, path, _ in azure.requests)
    with pytest.raises(ConfigError, match="there is none of that id"):
        read(Azure(), subscription="0")


def test_event_subscriptions_have_their_secret_url() -> None:
    inventory = read(Azure())
    hook, queue = inventory.subscriptions
    assert (hook.name, hook.url.reveal()) == ("hook", WEBHOOK)
    assert (queue.endpoint_type, queue.has_filters) == ("ServiceBusQueue", True)
    assert inventory.diagnostics == ("contoso: to-log-analytics",)
    assert WEBHOOK not in repr(inventory)
    assert KEY not in repr(inventory)


def test_throttling_is_waited_for() -> None:
    azure = Azure()
    azure.refuse(f"{SERVICE}/smtpUsernames", 429, "TooManyRequests", 2, retry_after=17)
    inventory = read(azure)
    assert azure.slept == [17.0, 17.0]
    assert len(inventory.all(SmtpUsername)) == 1


def test_a_server_that_goes_on_throttling_is_a_gap() -> None:
    azure = Azure()
    azure.refuse(f"{SERVICE}/smtpUsernames", 429, "TooManyRequests", retry_after=999)
    inventory = read(azure)
    assert set(azure.slept) == {60.0}
    assert ("SMTP user names of contoso", "HTTP 429 TooManyRequests") in inventory.gaps
    assert len(inventory.all(SenderUsername)) == 3


FORBIDDEN = {
    "smtpUsernames": f"{SERVICE}/smtpUsernames",
    "listKeys": f"{SERVICE}/listKeys",
    "roles": f"{SERVICE}/providers/Microsoft.Authorization/roleAssignments",
    "events": f"{SERVICE}/providers/Microsoft.EventGrid/eventSubscriptions",
    "url": f"{SERVICE}/providers/Microsoft.EventGrid/eventSubscriptions/hook/getFullUrl",
    "diagnostics": f"{SERVICE}/providers/Microsoft.Insights/diagnosticSettings",
    "senders": f"{DOMAIN}/senderUsernames",
    "lists": f"{DOMAIN}/suppressionLists",
    "addresses": f"{DOMAIN}/suppressionLists/all/suppressionListAddresses",
    "graph": f"/v1.0/servicePrincipals/{PRINCIPAL}",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_the_token_may_not_read_is_a_gap_and_the_rest_is_read(what: str) -> None:
    azure = Azure()
    azure.refuse(FORBIDDEN[what], 403, "AuthorizationFailed")
    inventory = read(azure)
    assert any(each.why == "HTTP 403 AuthorizationFailed" for each in inventory.gaps)
    assert any("AuthorizationFailed" in each for each in not_carried(inventory))
    assert len(inventory.all(CommunicationService)) == 1


def test_a_token_that_is_not_accepted_ends_it() -> None:
    azure = Azure()
    azure.refuse("/subscriptions", 401, "ExpiredAuthenticationToken")
    with pytest.raises(ConfigError, match="does not accept the token: HTTP 401 Expired"):
        read(azure)


def test_nothing_can_be_read_without_subscriptions() -> None:
    azure = Azure()
    azure.refuse("/subscriptions", 403, "AuthorizationFailed")
    with pytest.raises(ConfigError, match="no subscription can be read: HTTP 403"):
        read(azure)


def test_the_token_goes_to_no_other_server() -> None:
    azure = Azure(page=2)
    azure.elsewhere = f"{DOMAIN}/suppressionLists/all/suppressionListAddresses"
    inventory = read(azure)
    assert len(inventory.all(SuppressedAddress)) == 2
    assert any("another server" in each.why for each in inventory.gaps)
    assert {token for *_, token in azure.requests} == {"token", "graph-token"}


def test_without_graph_principals_have_no_application() -> None:
    inventory = read(Azure(), graph=False)
    assert PRINCIPAL in inventory.nameless
    assert [each.id for each in inventory.all(Application)] == [APP]
    assert any(PRINCIPAL in each for each in not_carried(inventory))


def test_applications_that_can_sign_in_and_their_senders() -> None:
    by_id = {each.id: each for each in applications_of(read(Azure()))}
    assert set(by_id) == {APP, OTHER_APP}
    assert by_id[APP].usernames == ("Newsletter",)
    assert by_id[OTHER_APP].name == "Batch job"
    assert set(by_id[OTHER_APP].senders) >= {"app@contoso.com", "news@contoso.com"}


def test_the_report_says_what_stays_behind_and_what_must_change() -> None:
    inventory = read(Azure())
    assert has_managed_domain(inventory)
    behind, changes = (
        "\n".join(not_carried(inventory)),
        "\n".join(to_change(inventory, "h:587", "")),
    )
    for words in (
        "azurecomm.net is Microsoft's domain",
        "global suppression list",
        "its endpoint is a ServiceBusQueue",
        "advanced filters",
        "to-log-analytics",
        "quota",
    ):
        assert words in behind
    for words in (
        "smtp.azurecomm.net becomes this relay (h:587)",
        "endpoint=https://contoso.europe.communication.azure.com/",
        "remove CNAME selector1-azurecomm-prod-net._domainkey",
        "event subscription hook",
    ):
        assert words in changes
    assert WEBHOOK not in changes


def test_a_group_with_a_role_may_have_applications_and_is_listed() -> None:
    behind = "\n".join(not_carried(read(Azure())))
    assert f"principal {TEAM} has a role" in behind
    assert PERSON not in behind


def test_a_name_that_is_not_ascii_can_be_read() -> None:
    azure = Azure()
    azure.reader().read_list("x", "/subscriptions/1/resourceGroups/Gr\u00f6\u00dfe (1)/x", "1")
    [url] = azure.urls
    assert url.startswith(f"{ARM}/subscriptions/1/resourceGroups/Gr%C3%B6%C3%9Fe%20(1)/x?")
