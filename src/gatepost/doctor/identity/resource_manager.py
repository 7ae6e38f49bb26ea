"""Azure Resource Manager, if there is a token for it: resources, SMTP user names, roles.

Reads only, and within limits. Paths: azure-rest-api-specs, ``communication`` 2025-09-01,
``authorization`` 2022-04-01, ``resources`` 2022-12-01.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from gatepost.doctor.identity.service_request import Questions, bearer
from gatepost.model.entra import EntraResponse, ManagementFacts, RoleSeen, SmtpNameSeen
from gatepost.model.secret import Secret
from gatepost.net.http_client import HttpRequest

MAX_SUBSCRIPTIONS: Final = 10
MAX_RESOURCES: Final = 30
MAX_PAGES: Final = 5
_SUBSCRIPTIONS: Final = "2022-12-01"
_COMMUNICATION: Final = "2025-09-01"
_AUTHORIZATION: Final = "2022-04-01"
_NAMESPACE: Final = "providers/Microsoft.Communication/communicationServices"

_HOST: Final = re.compile(
    r"(?:[a-z0-9-]+\.){1,5}(?:communication\.azure\.(?:com|us)|communication\.localhost:\d{1,5})",
    re.IGNORECASE,
)
"""Hosts named in an answer to which a token may be sent."""

Document = Mapping[str, Any]


class Management:
    """What the token's owner may read; what is refused is left out."""

    def __init__(self, questions: Questions, base: str, token: Secret) -> None:
        self._questions, self._base, self._token = questions, base, token
        self._subscriptions: list[str] = []
        self._resources: list[Document] = []
        self._roles: dict[str, Document] = {}
        self.last = EntraResponse(urlsplit(base).netloc)

    def resources(self, name: str) -> ManagementFacts:
        """Return the resource of that name and its SMTP user names; without a name, all of them."""
        self._subscriptions = [
            text
            for each in self._list("/subscriptions", _SUBSCRIPTIONS)
            if (text := _text(each, "subscriptionId"))
        ][:MAX_SUBSCRIPTIONS]
        self._resources = [
            each
            for subscription in self._subscriptions
            for each in self._list(
                f"/subscriptions/{quote(subscription)}/{_NAMESPACE}", _COMMUNICATION
            )
        ][:MAX_RESOURCES]
        names = tuple(_text(each, "name") for each in self._resources)
        smtp_names = self._smtp_names(self._named(name) if name else self._resources)
        managed = ManagementFacts(self.last, self.id_of(name), names, smtp_names)
        return replace(managed, host=self.host_of(name))

    def id_of(self, name: str) -> str:
        """Return the id of the resource of that name; empty if there is none."""
        return next((_text(each, "id") for each in self._named(name)), "")

    def host_of(self, name: str) -> str:
        """Return the host of that resource's e-mail API; empty if unknown."""
        for resource in self._named(name):
            host = _text(_part(resource, "properties"), "hostName")
            return host if _HOST.fullmatch(host) else ""
        return ""

    def _named(self, name: str) -> list[Document]:
        return [each for each in self._resources if _text(each, "name").lower() == name.lower()]

    def with_roles(self, managed: ManagementFacts, principal_id: str) -> ManagementFacts:
        """Add the principal's role assignments at any scope."""
        query = urlencode({"$filter": f"principalId eq '{principal_id}'"})
        before = self.last
        assigned: list[Document] = []
        for subscription in self._subscriptions:
            scope = f"/subscriptions/{quote(subscription)}"
            path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
            assigned += self._list(path, _AUTHORIZATION, query)
        if self.last.status != 200:
            return replace(managed, answer=self.last, principal_id=principal_id)
        once = {_text(each, "id").lower(): each for each in assigned}
        roles = tuple(role for each in once.values() for role in self._role(each))
        if self.last.status != 200:
            return replace(managed, answer=self.last, principal_id=principal_id)
        return replace(managed, answer=before, roles=roles, principal_id=principal_id)

    def _smtp_names(self, resources: list[Document]) -> tuple[SmtpNameSeen, ...] | None:
        if self.last.status != 200:
            return None
        names = tuple(
            _smtp_name(each, _text(resource, "name")) for resource in resources
            for each in self._list(f"{_text(resource, 'id')}/smtpUsernames", _COMMUNICATION)
        )  # fmt: skip
        return names if self.last.status == 200 else None

    def _role(self, assignment: Document) -> Iterator[RoleSeen]:
        properties = _part(assignment, "properties")
        definition_id, scope = _text(properties, "roleDefinitionId"), _text(properties, "scope")
        if not definition_id.startswith("/") or not scope:
            return
        if definition_id not in self._roles:
            self._roles[definition_id] = self._ask(self._url(definition_id, _AUTHORIZATION))
        definition = _part(self._roles[definition_id], "properties")
        granted = definition.get("permissions")
        for each in filter(_is_document, granted if isinstance(granted, list) else ()):
            yield RoleSeen(
                scope, _text(definition, "roleName"), _texts(each, "actions"),
                _texts(each, "notActions"), _moment(properties.get("createdOn")),
            )  # fmt: skip

    def _list(self, path: str, version: str, query: str = "") -> Iterator[Document]:
        """Yield the entries of a list; ``nextLink`` is followed at the same origin only."""
        url = self._url(path, version, query)
        for _ in range(MAX_PAGES):
            document = self._ask(url)
            value = document.get("value")
            yield from filter(_is_document, value if isinstance(value, list) else ())
            url = _text(document, "nextLink")
            if not url or urlsplit(url)[:2] != urlsplit(self._base)[:2]:
                return

    def _url(self, path: str, version: str, query: str = "") -> str:
        if not path.startswith("/"):  # it came in an answer, and must not become another host
            path = "/"
        return f"{self._base}{path}?api-version={version}{'&' + query if query else ''}"

    def _ask(self, url: str) -> Document:
        """Make a request, unless an earlier one had no answer: then no more are made."""
        if self.last.status not in (0, 200) or self.last.failure:
            return {}
        request = HttpRequest("GET", url, bearer(self._token.reveal()))
        self.last, document = self._questions.ask(request)
        return document if self.last.status == 200 else {}


def _smtp_name(entry: Document, resource: str) -> SmtpNameSeen:
    properties = _part(entry, "properties")
    return SmtpNameSeen(
        _text(properties, "username"),
        resource,
        _text(properties, "entraApplicationId").lower(),
        _text(properties, "tenantId").lower(),
        _moment(_part(entry, "systemData").get("createdAt")),
    )


def _is_document(value: Any) -> bool:
    return isinstance(value, dict)


def _part(document: Document, name: str) -> Document:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _text(document: Document, name: str) -> str:
    text = document.get(name)
    return text[:1_000] if isinstance(text, str) else ""


def _texts(document: Document, name: str) -> tuple[str, ...]:
    texts = document.get(name)
    return tuple(each for each in texts if isinstance(each, str)) if isinstance(texts, list) else ()


def _moment(value: Any) -> datetime | None:
    """Return a time of Resource Manager, which may have seven decimal places of seconds."""
    if not isinstance(value, str):
        return None
    text = value.rstrip("Z")
    whole, _, fraction = text.partition(".")
    try:
        moment = datetime.fromisoformat(f"{whole}.{fraction[:6]}" if fraction else whole)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
