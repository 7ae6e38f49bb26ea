"""The operations of the API, one per line, with the action that a role must grant.

Paths and methods: azure-rest-api-specs, ``communication`` 2025-09-01, ``authorization`` 2022-04-01,
``resources`` 2025-04-01. Actions: Microsoft Learn, "Azure permissions".
"""

from typing import Final

from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    EmailService,
    RoleAssignment,
    RoleDefinition,
    SenderUsername,
    SmtpUsername,
    SuppressedAddress,
    SuppressionList,
)
from gatepost.rest.arm import (
    domains,
    email_services,
    resource_groups,
    role_assignments,
    role_definitions,
    senders,
    services,
    smtp_usernames,
    subscriptions,
    suppressions,
)
from gatepost.rest.arm.handled_request import Handler
from gatepost.rest.arm.operation_paths import Operation, operation

_VERBS: Final = {
    "GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete",
}  # fmt: skip


def _of(path: str, kind: str, **handlers: Handler) -> tuple[Operation, ...]:
    """Return one operation for each method; with an empty ``kind``, the handler checks permissions
    itself."""
    return tuple(
        operation(method, path, f"{kind}/{_VERBS[method]}" if kind else "", handler)
        for method, handler in handlers.items()
    )


def _post(path: str, action: str, handler: Handler) -> Operation:
    return operation("POST", path, f"{action}/action", handler)


_COMMUNICATION = "Microsoft.Communication"
_AUTHORIZATION = "Microsoft.Authorization"

# Paths.
_S = "/subscriptions/{subscription}"
_G = f"{_S}/resourceGroups/{{group}}"
_NS = f"providers/{_COMMUNICATION}"
_SERVICES, _EMAILS = f"{_NS}/communicationServices", f"{_NS}/emailServices"
_SERVICE, _EMAIL = f"{_G}/{_SERVICES}/{{service}}", f"{_G}/{_EMAILS}/{{email}}"
_SMTP = f"{_SERVICE}/smtpUsernames"
_DOMAIN = f"{_EMAIL}/domains/{{domain}}"
_SENDERS = f"{_DOMAIN}/senderUsernames"
_LISTS = f"{_DOMAIN}/suppressionLists"
_ADDRESSES = f"{_LISTS}/{{list}}/suppressionListAddresses"
_AUTH = f"/providers/{_AUTHORIZATION}"
_STATUS = f"{_S}/{_NS}/locations/{{location}}/operationStatuses/{{id}}"

# What roles name.
_SUBSCRIPTION = "Microsoft.Resources/subscriptions"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups"
_CS = CommunicationService.resource_type
_SU = SmtpUsername.resource_type
_ES = EmailService.resource_type
_ED = Domain.resource_type
_DS = SenderUsername.resource_type
_DL = SuppressionList.resource_type
_DA = SuppressedAddress.resource_type
_RD = RoleDefinition.resource_type
_RA = RoleAssignment.resource_type

# fmt: off
OPERATIONS: Final[tuple[Operation, ...]] = (
    *_of("/subscriptions", "", GET=subscriptions.listing),
    *_of("/tenants", "", GET=subscriptions.tenants),
    *_of(_S, "", GET=subscriptions.get),
    *_of(f"{_S}/providers", f"{_SUBSCRIPTION}/providers", GET=subscriptions.providers),
    *_of(f"{_S}/providers/{{namespace}}", f"{_SUBSCRIPTION}/providers", GET=subscriptions.provider),
    _post(f"{_S}/providers/{{namespace}}/register",
          f"{_COMMUNICATION}/Register", subscriptions.provider),
    *_of(f"/{_NS}/operations", "", GET=subscriptions.actions),
    *_of(_STATUS, "", GET=subscriptions.operation_status),
    _post(f"{_S}/{_NS}/listVerifiedExchangeOnlineDomains",
          f"{_COMMUNICATION}/ListVerifiedExchangeOnlineDomains", subscriptions.exchange_domains),
    _post(f"{_S}/{_NS}/checkNameAvailability",
          f"{_COMMUNICATION}/CheckNameAvailability", services.check_name),

    *_of(f"{_S}/resourceGroups", "", GET=resource_groups.listing),
    *_of(f"{_S}/resources", f"{_SUBSCRIPTION}/resources", GET=resource_groups.resources),
    *_of(f"{_G}/resources", f"{_GROUP}/resources", GET=resource_groups.resources),
    *_of(_G, _GROUP, HEAD=resource_groups.head, GET=resource_groups.get, PUT=resource_groups.put,
         PATCH=resource_groups.patch, DELETE=resource_groups.delete),

    *_of(f"{_S}/{_SERVICES}", _CS, GET=services.listing),
    *_of(f"{_G}/{_SERVICES}", _CS, GET=services.listing),
    *_of(_SERVICE, _CS, HEAD=resource_groups.head, GET=services.get, PUT=services.put,
         PATCH=services.patch, DELETE=services.delete),
    _post(f"{_SERVICE}/listKeys", f"{_CS}/ListKeys", services.list_keys),
    _post(f"{_SERVICE}/regenerateKey", f"{_CS}/RegenerateKey", services.regenerate_key),
    _post(f"{_SERVICE}/linkNotificationHub", f"{_CS}/LinkNotificationHub",
          services.link_notification_hub),
    *_of(_SMTP, _SU, GET=smtp_usernames.listing),
    *_of(f"{_SMTP}/{{name}}", _SU, GET=smtp_usernames.get, PUT=smtp_usernames.put,
         DELETE=smtp_usernames.delete),

    *_of(f"{_S}/{_EMAILS}", _ES, GET=email_services.listing),
    *_of(f"{_G}/{_EMAILS}", _ES, GET=email_services.listing),
    *_of(_EMAIL, _ES, HEAD=resource_groups.head, GET=email_services.get, PUT=email_services.put,
         PATCH=email_services.patch, DELETE=email_services.delete),
    *_of(f"{_EMAIL}/domains", _ED, GET=domains.listing),
    *_of(_DOMAIN, _ED, HEAD=resource_groups.head, GET=domains.get, PUT=domains.put,
         PATCH=domains.patch, DELETE=domains.delete),
    _post(f"{_DOMAIN}/initiateVerification", f"{_ED}/InitiateVerification", domains.initiate),
    _post(f"{_DOMAIN}/cancelVerification", f"{_ED}/CancelVerification", domains.cancel),
    _post(f"{_DOMAIN}/revokeVerification", f"{_ED}/RevokeVerification", domains.revoke),
    *_of(_SENDERS, _DS, GET=senders.listing),
    *_of(f"{_SENDERS}/{{name}}", _DS, GET=senders.get, PUT=senders.put, DELETE=senders.delete),
    *_of(_LISTS, _DL, GET=suppressions.lists),
    *_of(f"{_LISTS}/{{list}}", _DL, GET=suppressions.get_list, PUT=suppressions.put_list,
         DELETE=suppressions.delete_list),
    *_of(_ADDRESSES, _DA, GET=suppressions.addresses),
    *_of(f"{_ADDRESSES}/{{guid}}", _DA, GET=suppressions.get_address, PUT=suppressions.put_address,
         DELETE=suppressions.delete_address),

    *_of(f"{_AUTH}/roleDefinitions", _RD, GET=role_definitions.listing),
    *_of(f"{_AUTH}/roleDefinitions/{{guid}}", _RD, GET=role_definitions.get,
         PUT=role_definitions.put, DELETE=role_definitions.delete),
    *_of(f"{_AUTH}/roleAssignments", _RA, GET=role_assignments.listing),
    *_of(f"{_AUTH}/roleAssignments/{{guid}}", _RA, GET=role_assignments.get,
         PUT=role_assignments.put, DELETE=role_assignments.delete),
    *_of(f"{_AUTH}/permissions", f"{_AUTHORIZATION}/permissions",
         GET=role_assignments.permissions),
)
# fmt: on
