"""Reads everything that belongs to ACS Email from Azure Resource Manager, and names from Graph.

Paths and versions: azure-mgmt-communication 3.0.0, azure-mgmt-eventgrid 10.4.0; Microsoft Learn,
"Azure role-based access control REST API". Only ``listKeys`` and ``getFullUrl`` need more than the
role Reader.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast, get_args
from urllib.parse import quote

from gatepost.directory.azure.entries import (
    Application,
    CommunicationService,
    Domain,
    DomainManagement,
    EmailService,
    Entry,
    Permission,
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    SenderUsername,
    ServicePrincipal,
    SmtpUsername,
    Subscription,
    SuppressedAddress,
    SuppressionList,
    Tenant,
    Verification,
    VerificationStatus,
)
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.errors import ConfigError
from gatepost.migrate.arm_reader import ArmReader, Document
from gatepost.migrate.inventory import AcsDnsRecord, EventGridSubscription, Inventory
from gatepost.model.secret import Secret

_SUBSCRIPTIONS: Final = "2022-12-01"
_COMMUNICATION: Final = "2025-09-01"
_AUTHORIZATION: Final = "2022-04-01"
_EVENT_GRID: Final = "2025-02-15"
_INSIGHTS: Final = "2021-05-01-preview"
_NS: Final = "providers/Microsoft.Communication"
_EVENTS: Final = "providers/Microsoft.EventGrid"
_IDS: Final = uuid.UUID("0d0d8f0e-5b8c-5a2e-9d3b-3f2f8f5d1c11")
"""Names the ids of objects whose own are not known, so that they are always the same."""
_START: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""When what has no date counts as created: it is effective at once."""


class InventoryReader:
    """Reads one or all subscriptions. ``graph`` None: names of applications are not read."""

    def __init__(self, arm: ArmReader, graph: ArmReader | None, subscription: str = "") -> None:
        """``subscription`` is an id; empty: all that the token may read."""
        self._arm, self._graph, self._wanted = arm, graph, subscription.lower()
        self._entries: dict[tuple[type[Entry], str], Entry] = {}
        self._keys: dict[str, tuple[Secret, Secret]] = {}
        self._hosts: dict[str, str] = {}
        self._records: dict[str, tuple[AcsDnsRecord, ...]] = {}
        self._events: dict[str, EventGridSubscription] = {}
        self._diagnostics: list[str] = []
        self._nameless: list[str] = []

    def read(self) -> Inventory:
        """Return everything. Raises ConfigError if the token is not accepted, or if there is no
        subscription, and NetworkError."""
        found = self._arm.read_list("subscriptions", "/subscriptions", _SUBSCRIPTIONS)
        chosen = [
            each for each in found if self._wanted in ("", _text(each, "subscriptionId").lower())
        ]
        if not chosen:
            why = self._arm.gaps[-1].why if self._arm.gaps else "there is none of that id"
            raise ConfigError(f"no subscription can be read: {why}")
        for each in chosen:
            self._subscription(each)
        for kind in (Subscription, Tenant):
            for other in [each for each in self._entries.values() if isinstance(each, kind)]:
                self._drop_if_unused(other)
        gaps = self._arm.gaps + (self._graph.gaps if self._graph else [])
        return Inventory(
            tuple(sorted(self._entries.values(), key=_depth)), self._keys, self._hosts,
            self._records, tuple(self._events.values()), tuple(self._diagnostics),
            tuple(dict.fromkeys(self._nameless)), tuple(dict.fromkeys(gaps)),
        )  # fmt: skip

    def _add(self, entry: Entry) -> None:
        self._entries.setdefault((type(entry), entry.key), entry)

    def _drop_if_unused(self, entry: Entry) -> None:
        """Forget a subscription without resources of ours, and a tenant without subscriptions."""
        if isinstance(entry, Subscription):
            start = f"{entry.key}/"
            is_used = any(key.startswith(start) for _, key in self._entries)
        else:
            is_used = any(
                getattr(each, "tenant_id", "").lower() == entry.key
                for each in self._entries.values()
            )
        if not is_used:
            del self._entries[type(entry), entry.key]

    def _subscription(self, document: Document) -> None:
        id_, tenant = _text(document, "subscriptionId"), _text(document, "tenantId")
        path = f"/subscriptions/{id_}"
        if tenant:
            self._add(Tenant(tenant.lower()))
        self._add(Subscription(path, tenant.lower(), _text(document, "displayName")))
        for each in self._arm.read_list(
            "Email services", f"{path}/{_NS}/emailServices", _COMMUNICATION
        ):
            self._email_service(each)
        kind = f"{path}/{_NS}/communicationServices"
        for each in self._arm.read_list("Communication Services resources", kind, _COMMUNICATION):
            self._service(each, tenant.lower())

    # Email services.

    def _email_service(self, document: Document) -> None:
        id_ = _text(document, "id")
        self._group(id_)
        location = _text(_properties(document), "dataLocation")
        self._add(EmailService(id_, location, _tags(document)))
        for each in self._arm.read_list(
            f"domains of {_name(id_)}", f"{id_}/domains", _COMMUNICATION
        ):
            self._domain(each)

    def _domain(self, document: Document) -> None:
        id_, facts = _text(document, "id"), _properties(document)
        records = _part(facts, "verificationRecords")
        name = _name(id_)
        self._add(
            Domain(
                id_,
                _management(_text(facts, "domainManagement")),
                _text(facts, "fromSenderDomain") or name,
                _text(facts, "mailFromSenderDomain") or name,
                _text(facts, "dataLocation"),
                _verified(facts),
                _text(facts, "userEngagementTracking") == "Enabled",
                _text(_part(records, "Domain"), "value").partition("=")[2],
                _tags(document),
            )
        )  # fmt: skip
        self._records[id_] = tuple(
            AcsDnsRecord(
                proof, *(_text(_part(records, proof), key) for key in ("type", "name", "value"))
            )
            for proof in records
        )
        for each in self._arm.read_list(
            f"senders of {name}", f"{id_}/senderUsernames", _COMMUNICATION
        ):
            about = _properties(each)
            username = _text(about, "username") or _name(_text(each, "id"))
            self._add(SenderUsername(_text(each, "id"), username, _text(about, "displayName")))
        lists = self._arm.read_list(
            f"suppression lists of {name}", f"{id_}/suppressionLists", _COMMUNICATION
        )
        for each in lists:
            self._suppression_list(each, name)

    def _suppression_list(self, document: Document, domain: str) -> None:
        id_, facts = _text(document, "id"), _properties(document)
        created, updated = (
            _moment(facts, "createdTimeStamp"),
            _moment(facts, "lastUpdatedTimeStamp"),
        )
        self._add(SuppressionList(id_, _text(facts, "listName"), created, updated))
        path = f"{id_}/suppressionListAddresses"
        for each in self._arm.read_list(f"suppressed addresses of {domain}", path, _COMMUNICATION):
            about = _properties(each)
            if email := _text(about, "email"):
                self._add(
                    SuppressedAddress(
                        _text(each, "id"), email, _text(about, "firstName"),
                        _text(about, "lastName"), _text(about, "notes"),
                        _moment(about, "lastModified"),
                    )
                )  # fmt: skip

    # Communication Services resources.

    def _service(self, document: Document, tenant: str) -> None:
        id_, facts = _text(document, "id"), _properties(document)
        name = _name(id_)
        self._group(id_)
        linked = facts.get("linkedDomains")
        self._add(
            CommunicationService(
                id_,
                _text(facts, "dataLocation"),
                tuple(map(str, linked)) if isinstance(linked, list) else (),
                local_auth=facts.get("disableLocalAuth") is not True,
                immutable_id=_text(facts, "immutableResourceId"),
                tags=_tags(document),
            )
        )
        self._hosts[id_] = _text(facts, "hostName")
        keys = self._arm.run_action(f"access keys of {name}", f"{id_}/listKeys", _COMMUNICATION)
        if _text(keys, "primaryKey"):
            self._keys[id_] = Secret(_text(keys, "primaryKey")), Secret(_text(keys, "secondaryKey"))
        for each in self._arm.read_list(
            f"SMTP user names of {name}", f"{id_}/smtpUsernames", _COMMUNICATION
        ):
            about = _properties(each)
            application = _text(about, "entraApplicationId").lower()
            its_tenant = _text(about, "tenantId").lower() or tenant
            self._application(application, its_tenant)
            username = _text(about, "username")
            self._add(SmtpUsername(_text(each, "id"), username, application, its_tenant, _START))
        self._roles(id_, name, tenant)
        self._event_subscriptions(id_, name)
        path = f"{id_}/providers/Microsoft.Insights/diagnosticSettings"
        for each in self._arm.read_list(f"diagnostic settings of {name}", path, _INSIGHTS):
            self._diagnostics.append(f"{name}: {_text(each, 'name')}")

    def _group(self, id_: str) -> None:
        words = id_.split("/")
        if len(words) > 4:
            self._add(ResourceGroup("/".join(words[:5])))

    def _application(self, id_: str, tenant: str) -> None:
        """Add an application of which the client id is known, and its service principal."""
        if not is_guid(id_):
            return
        if tenant:
            self._add(Tenant(tenant))
        if (Application, id_) in self._entries:
            return
        condition = f"appId eq '{id_}'"
        query = f"$filter={quote(condition)}"
        found = (
            self._graph.read_list(f"application {id_}", "/v1.0/applications", "", query)
            if self._graph
            else []
        )
        about = found[0] if found else {}
        object_id = _text(about, "id") or str(uuid.uuid5(_IDS, id_))
        self._add(Application(id_, object_id, tenant, _text(about, "displayName") or id_))

    def _roles(self, id_: str, name: str, tenant: str) -> None:
        path = f"{id_}/providers/Microsoft.Authorization/roleAssignments"
        query = f"$filter={quote('atScope()')}"
        for each in self._arm.read_list(f"role assignments of {name}", path, _AUTHORIZATION, query):
            facts = _properties(each)
            role, principal = _text(facts, "roleDefinitionId"), _text(facts, "principalId").lower()
            if _text(facts, "principalType") == "Group":  # it may have applications
                self._nameless.append(principal)
            if _text(facts, "principalType") not in ("ServicePrincipal", ""):
                continue
            self._role(role)
            self._principal(principal, tenant)
            self._add(
                RoleAssignment(
                    _text(each, "name").lower(), _text(facts, "scope") or id_,
                    _name(role).lower(), principal, _moment(facts, "createdOn") or _START,
                )
            )  # fmt: skip

    def _role(self, id_: str) -> None:
        guid = _name(id_).lower()
        if (RoleDefinition, guid) in self._entries:
            return
        facts = _properties(self._arm.read_document(f"role {guid}", id_, _AUTHORIZATION))
        if not facts:
            return
        permissions = facts.get("permissions")
        scopes = facts.get("assignableScopes")
        self._add(
            RoleDefinition(
                guid,
                _text(facts, "roleName"),
                tuple(map(_permission, permissions)) if isinstance(permissions, list) else (),
                tuple(map(str, scopes)) if isinstance(scopes, list) else ("/",),
                _text(facts, "description"),
                built_in=_text(facts, "type") == "BuiltInRole",
            )
        )

    def _principal(self, id_: str, tenant: str) -> None:
        if (ServicePrincipal, id_) in self._entries:
            return
        about = (
            self._graph.read_document(
                f"service principal {id_}", f"/v1.0/servicePrincipals/{quote(id_)}", ""
            )
            if self._graph
            else {}
        )
        application = _text(about, "appId").lower()
        if not application:
            self._nameless.append(id_)
            return
        self._application(application, tenant)
        self._add(ServicePrincipal(id_, application, tenant, _text(about, "displayName")))

    # Events.

    def _event_subscriptions(self, id_: str, name: str) -> None:
        what = f"event subscriptions of {name}"
        path = f"{id_}/{_EVENTS}/eventSubscriptions"
        for each in self._arm.read_list(what, path, _EVENT_GRID):
            self._event_subscription(each, id_)
        group = "/".join(id_.split("/")[:5])
        topics = self._arm.read_list(
            f"system topics of {_name(group)}", f"{group}/{_EVENTS}/systemTopics", _EVENT_GRID
        )
        for topic in topics:
            if _text(_properties(topic), "source").lower() == id_.lower():
                path = f"{_text(topic, 'id')}/eventSubscriptions"
                for each in self._arm.read_list(what, path, _EVENT_GRID):
                    self._event_subscription(each, id_)

    def _event_subscription(self, document: Document, resource: str) -> None:
        id_, facts = _text(document, "id"), _properties(document)
        destination = _part(facts, "destination")
        chosen = _part(facts, "filter")
        types = chosen.get("includedEventTypes")
        endpoint = _text(destination, "endpointType")
        url = ""
        if endpoint == "WebHook":
            full = self._arm.run_action(f"URL of {_name(id_)}", f"{id_}/getFullUrl", _EVENT_GRID)
            base = _text(_part(destination, "properties"), "endpointBaseUrl")
            url = _text(full, "endpointUrl") or base
        self._events[id_.lower()] = EventGridSubscription(
            _name(id_), resource, endpoint, Secret(url),
            tuple(map(str, types)) if isinstance(types, list) else (),
            _text(chosen, "subjectBeginsWith"), _text(chosen, "subjectEndsWith"),
            bool(chosen.get("advancedFilters")), bool(facts.get("deadLetterDestination")),
            chosen.get("isSubjectCaseSensitive") is True, _text(facts, "eventDeliverySchema"),
            (_number(_part(destination, "properties"), "maxEventsPerBatch", 1),
             _number(_part(destination, "properties"), "preferredBatchSizeInKilobytes", 64)),
            (_number(_part(facts, "retryPolicy"), "maxDeliveryAttempts", 30),
             _number(_part(facts, "retryPolicy"), "eventTimeToLiveInMinutes", 1440)),
            bool(_part(destination, "properties").get("deliveryAttributeMappings")),
            bool(_text(_part(destination, "properties"), "azureActiveDirectoryApplicationIdOrUri")),
        )  # fmt: skip


def _depth(entry: Entry) -> tuple[int, int, str]:
    order = (Tenant, Subscription, ResourceGroup, RoleDefinition, Application, ServicePrincipal)
    place = order.index(type(entry)) if type(entry) in order else len(order)
    return place, entry.id.count("/"), entry.key


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _number(document: Mapping[str, Any], key: str, usual: int) -> int:
    value = document.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else usual


def _part(document: Mapping[str, Any], key: str) -> Document:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _properties(document: Document) -> Document:
    return _part(document, "properties")


def _tags(document: Document) -> dict[str, str]:
    return {key: str(value) for key, value in _part(document, "tags").items()}


def _name(id_: str) -> str:
    return id_.rpartition("/")[2]


def _moment(document: Document, key: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(document, key))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _permission(document: Any) -> Permission:
    def names(key: str) -> tuple[str, ...]:
        value = document.get(key) if isinstance(document, dict) else None
        return tuple(map(str, value)) if isinstance(value, list) else ()

    return Permission(
        names("actions"), names("notActions"), names("dataActions"), names("notDataActions")
    )


def _management(text: str) -> DomainManagement:
    known = get_args(DomainManagement)
    return cast("DomainManagement", text) if text in known else "CustomerManaged"


def _verified(facts: Document) -> Verification:
    states = _part(facts, "verificationStates")

    def status(proof: str) -> VerificationStatus:
        text = _text(_part(states, proof), "status")
        known = get_args(VerificationStatus)
        return cast("VerificationStatus", text) if text in known else "NotStarted"

    return Verification(
        status("Domain"), status("SPF"), status("DKIM"), status("DKIM2"), status("DMARC")
    )
