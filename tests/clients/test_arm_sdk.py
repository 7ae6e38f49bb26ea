"""Microsoft's management libraries, unchanged, against the relay.

Mail is then sent with the resources that they create: each chain ends in a login over SMTP.
"""

import smtplib
import ssl
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.communication import CommunicationServiceManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from gatepost.testing import Emulator
from tests.commands import RECIPIENT

GLOBAL = {"location": "global"}
MAIL_OWNER = "09976791-48a7-449e-bb21-39d1a415f350"
SEND_ACTIONS = [
    "Microsoft.Communication/CommunicationServices/Read",
    "Microsoft.Communication/CommunicationServices/Write",
    "Microsoft.Communication/EmailServices/Write",
]


@dataclass(frozen=True)
class Azure:
    """The libraries' clients, signed in as the administrator or as the sender."""

    relay: Emulator
    resources: Any
    communication: Any
    authorization: Any

    @property
    def subscription(self) -> str:
        return str(self.relay.ready["subscription_id"])

    @property
    def home(self) -> str:
        return f"/subscriptions/{self.subscription}"


@contextmanager
def signed_in(relay: Emulator, client_id: str, secret: str) -> Iterator[Azure]:
    ready = relay.ready
    credential = ClientSecretCredential(
        ready["tenant_id"],
        client_id,
        secret,
        authority=ready["authority"],
        disable_instance_discovery=True,
    )
    base = ready["arm_url"]
    options = {"base_url": base, "credential_scopes": [f"{base}/.default"]}
    given = (credential, ready["subscription_id"])
    with (
        closing(credential),
        ResourceManagementClient(*given, **options) as resources,
        CommunicationServiceManagementClient(*given, **options, polling_interval=1) as mail,
        AuthorizationManagementClient(*given, **options) as authorization,
    ):
        yield Azure(relay, resources, mail, authorization)


@pytest.fixture(scope="module")
def emulator(https_relay: Emulator) -> Emulator:
    return https_relay


@pytest.fixture(scope="module")
def azure(emulator: Emulator) -> Iterator[Azure]:
    admin = emulator.ready["admin"]
    with signed_in(emulator, admin["client_id"], admin["client_secret"]) as azure:
        yield azure


@contextmanager
def login(relay: Emulator, username: str, password: str) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(relay.smtp.host, relay.smtp.port, timeout=60) as client:
        client.starttls(context=ssl.create_default_context(cafile=relay.ca_file))
        client.login(username, password)
        yield client


def name(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def service_principal(azure: Azure) -> str:
    """The object id that the role of the first start was assigned to."""
    scope = azure.relay.ready["resource_id"]
    assignments = azure.authorization.role_assignments.list_for_scope(scope, filter="atScope()")
    [found] = [each for each in assignments if each.scope == scope]
    return str(found.principal_id)


def test_the_whole_chain(azure: Azure) -> None:
    """Everything from a resource group to a login, as a deployment script does it."""
    ready = azure.relay.ready
    group, service, email = name("group"), name("acs"), name("mail")
    made = azure.resources.resource_groups.create_or_update(
        group, {"location": "japaneast", "tags": {"for": "mail"}}
    )
    assert (made.name, made.location, made.tags) == (group, "japaneast", {"for": "mail"})
    assert azure.resources.resource_groups.check_existence(group)

    emails = azure.communication.email_services
    kept = emails.begin_create_or_update(
        group, email, {**GLOBAL, "properties": {"dataLocation": "Japan"}}
    ).result()
    assert kept.properties.provisioning_state == "Succeeded"
    domain = azure.communication.domains.begin_create_or_update(
        group,
        email,
        "AzureManagedDomain",
        {**GLOBAL, "properties": {"domainManagement": "AzureManaged"}},
    ).result()
    assert domain.properties.verification_states.domain.status == "Verified"
    senders = azure.communication.sender_usernames
    senders.create_or_update(
        group, email, domain.name, "news", {"properties": {"username": "news"}}
    )
    listed = senders.list_by_domains(group, email, domain.name)
    assert {each.properties.username for each in listed} == {"DoNotReply", "news"}

    services = azure.communication.communication_services
    available = services.check_name_availability(
        {"name": service, "type": "Microsoft.Communication/CommunicationServices"}
    )
    assert available.name_available is True
    resource = services.begin_create_or_update(
        group,
        service,
        {**GLOBAL, "properties": {"dataLocation": "Japan", "linkedDomains": [domain.id]}},
    ).result()
    assert resource.properties.linked_domains == [domain.id]
    keys = services.list_keys(group, service)
    assert (
        keys.primary_connection_string
        == f"endpoint={ready['arm_url']}/;accesskey={keys.primary_key}"
    )
    renewed = services.regenerate_key(group, service, {"keyType": "Primary"})
    assert renewed.primary_key != keys.primary_key
    assert renewed.secondary_key == keys.secondary_key

    definition = azure.authorization.role_definitions.create_or_update(
        azure.home,
        str(uuid.uuid4()),
        {
            "properties": {
                "roleName": name("Email Sender"),
                "type": "CustomRole",
                "permissions": [{"actions": SEND_ACTIONS, "notActions": []}],
                "assignableScopes": [azure.home],
            }
        },
    )
    assignment = azure.authorization.role_assignments.create(
        resource.id,
        str(uuid.uuid4()),
        {
            "properties": {
                "roleDefinitionId": definition.id,
                "principalId": service_principal(azure),
                "principalType": "ServicePrincipal",
            }
        },
    )
    assert assignment.scope == resource.id

    username = f"printer@{domain.properties.from_sender_domain}"
    alias = azure.communication.smtp_usernames.create_or_update(
        group,
        service,
        "printer",
        {
            "properties": {
                "username": username,
                "entraApplicationId": ready["client_id"],
                "tenantId": ready["tenant_id"],
            }
        },
    )
    assert alias.properties.username == username

    sender = f"news@{domain.properties.from_sender_domain}"
    for each in (username, f"{service}.{ready['client_id']}.{ready['tenant_id']}"):
        with login(azure.relay, each, ready["client_secret"]) as client:
            client.sendmail(sender, [RECIPIENT], f"From: <{sender}>\r\n\r\nhello\r\n")
    assert azure.relay.wait(to=RECIPIENT).mail_from == sender

    azure.authorization.role_assignments.delete_by_id(assignment.id)
    with (
        pytest.raises(smtplib.SMTPAuthenticationError),
        login(azure.relay, username, ready["client_secret"]),
    ):
        pass
    azure.resources.resource_groups.begin_delete(group).result()
    assert not azure.resources.resource_groups.check_existence(group)
    assert service not in {each.name for each in services.list_by_subscription()}


def test_a_customers_domain(azure: Azure) -> None:
    group, email = name("group"), name("mail")
    azure.resources.resource_groups.create_or_update(group, {"location": "global"})
    azure.communication.email_services.begin_create_or_update(
        group, email, {**GLOBAL, "properties": {"dataLocation": "United States"}}
    ).result()
    domains = azure.communication.domains
    domain = domains.begin_create_or_update(
        group,
        email,
        "example.org",
        {**GLOBAL, "properties": {"domainManagement": "CustomerManaged"}},
    ).result()
    assert domain.properties.verification_records.dkim.type == "CNAME"
    assert domain.properties.verification_states.spf.status == "NotStarted"
    body = {"properties": {"linkedDomains": [domain.id]}}
    resource = azure.relay.ready["resource"]
    home = azure.relay.ready["resource_id"].split("/")[4]
    services = azure.communication.communication_services
    before = services.get(home, resource).properties.linked_domains
    with pytest.raises(HttpResponseError, match="InvalidLinkedDomains") as caught:
        services.update(home, resource, body)
    assert caught.value.status_code == 400
    for proof in ("Domain", "SPF", "DKIM", "DKIM2"):
        domains.begin_initiate_verification(
            group, email, "example.org", {"verificationType": proof}
        ).result()
    states = domains.get(group, email, "example.org").properties.verification_states
    assert {states.domain.status, states.spf.status, states.dkim2.status} == {"Verified"}
    body["properties"]["linkedDomains"] = [*before, domain.id]
    services.update(home, resource, body)
    with pytest.raises(HttpResponseError, match="Conflict"):
        domains.begin_delete(group, email, "example.org").result()
    body["properties"]["linkedDomains"] = before
    services.update(home, resource, body)
    domains.begin_cancel_verification(
        group, email, "example.org", {"verificationType": "DMARC"}
    ).result()
    tracked = domains.begin_update(
        group, email, "example.org", {"properties": {"userEngagementTracking": "Enabled"}}
    ).result()
    assert tracked.properties.user_engagement_tracking == "Enabled"
    azure.communication.email_services.begin_delete(group, email).result()
    azure.resources.resource_groups.begin_delete(group).result()


def test_refusals_are_the_libraries_own_errors(azure: Azure) -> None:
    services = azure.communication.communication_services
    home = azure.relay.ready["resource_id"].split("/")[4]
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound") as missing:
        services.get(home, "nothing-here")
    assert missing.value.status_code == 404
    taken = {**GLOBAL, "properties": {"dataLocation": "Japan"}}
    azure.resources.resource_groups.create_or_update("other", {"location": "global"})
    with pytest.raises(HttpResponseError, match="NameReservationTaken"):
        services.begin_create_or_update("other", azure.relay.ready["resource"], taken).result()
    with pytest.raises(HttpResponseError, match="PrincipalNotFound"):
        azure.authorization.role_assignments.create(
            azure.home,
            str(uuid.uuid4()),
            {
                "properties": {
                    "roleDefinitionId": MAIL_OWNER,
                    "principalId": str(uuid.uuid4()),
                    "principalType": "ServicePrincipal",
                }
            },
        )
    assigned = {
        "properties": {"roleDefinitionId": MAIL_OWNER, "principalId": service_principal(azure)}
    }
    scope = azure.relay.ready["resource_id"]
    first = azure.authorization.role_assignments.create(scope, str(uuid.uuid4()), assigned)
    with pytest.raises(ResourceExistsError, match="RoleAssignmentExists"):
        azure.authorization.role_assignments.create(scope, str(uuid.uuid4()), assigned)
    azure.authorization.role_assignments.delete(scope, first.name)


def test_the_sender_may_not_build(azure: Azure) -> None:
    ready = azure.relay.ready
    home = ready["resource_id"].split("/")[4]
    with signed_in(azure.relay, ready["client_id"], ready["client_secret"]) as sender:
        with pytest.raises(HttpResponseError, match="AuthorizationFailed") as caught:
            sender.resources.resource_groups.create_or_update("mine", {"location": "global"})
        assert caught.value.status_code == 403
        assert sender.communication.communication_services.get(home, ready["resource"]).id
        with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
            sender.communication.communication_services.list_keys(home, ready["resource"])
    granted = azure.authorization.permissions.list_for_resource_group(home)
    assert [each.actions for each in granted] == [["*"]]


def test_a_wrong_secret_gets_no_token(azure: Azure) -> None:
    ready = azure.relay.ready
    with (
        signed_in(azure.relay, ready["client_id"], "wrong") as nobody,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        list(nobody.resources.resource_groups.list())


def test_other_lists(azure: Azure) -> None:
    ready = azure.relay.ready
    home = ready["resource_id"].split("/")[4]
    groups = {each.name for each in azure.resources.resource_groups.list()}
    assert home in groups
    resources = azure.resources.resources.list_by_resource_group(home)
    assert ready["resource_id"] in {each.id for each in resources}
    roles = azure.authorization.role_definitions.list(azure.home, filter="roleName eq 'Owner'")
    assert [each.role_type for each in roles] == ["BuiltInRole"]
    provider = azure.resources.providers.register("Microsoft.Communication")
    assert provider.registration_state == "Registered"
    exchange = azure.communication.email_services.list_verified_exchange_online_domains()
    assert list(exchange) == []
    assert "Microsoft.Communication/EmailServices/write" in {
        each.name for each in azure.communication.operations.list()
    }


def test_suppression_lists_with_pages(azure: Azure) -> None:
    ready = azure.relay.ready
    home = ready["resource_id"].split("/")[4]
    [email] = azure.communication.email_services.list_by_resource_group(home)
    place = (home, email.name, "AzureManagedDomain", "all")
    azure.communication.suppression_lists.create_or_update(
        *place, {"properties": {"listName": "DoNotReply"}}
    )
    addresses = azure.communication.suppression_list_addresses
    for number in range(101):
        body = {"properties": {"email": f"user{number}@example.net"}}
        addresses.create_or_update(*place, str(uuid.uuid4()), body)
    assert len({each.properties.email for each in addresses.list(*place)}) == 101
    azure.communication.suppression_lists.delete(*place)
    with pytest.raises(ResourceNotFoundError):
        azure.communication.suppression_lists.get(*place)


def test_changes_count_in_a_session_that_is_open_already() -> None:
    """This also holds for a session of a front process."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Emulator(options=("--https", "localhost:0", "--http", "off"), workers=2) as relay,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", relay.ca_file)
        ready, admin = relay.ready, relay.ready["admin"]
        domain = relay.sender.partition("@")[2]
        with (
            signed_in(relay, admin["client_id"], admin["client_secret"]) as azure,
            login(relay, relay.username, relay.password) as session,
        ):
            home = ready["resource_id"].split("/")[4]
            [email] = azure.communication.email_services.list_by_resource_group(home)
            place = (home, email.name, "AzureManagedDomain", "news")

            def mail(sender: str) -> tuple[int, bytes]:
                session.rset()
                return session.mail(sender)

            assert mail(f"news@{domain}")[0] == 550
            senders = azure.communication.sender_usernames
            senders.create_or_update(*place, {"properties": {"username": "news"}})
            assert mail(f"news@{domain}")[0] == 250
            senders.delete(*place)
            refused = mail(f"news@{domain}")
            assert refused == (550, b"5.3.5 Email sender's username is invalid")
            azure.communication.communication_services.update(
                home, ready["resource"], {"properties": {"linkedDomains": []}}
            )
            refused = mail(relay.sender)
            assert refused == (501, b"5.1.7 The specified sender domain has not been linked.")
