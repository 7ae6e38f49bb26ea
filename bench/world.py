"""A directory with a thousand applications with ten secrets each, and ten resources."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    VERIFIED,
    Application,
    ClientSecret,
    CommunicationService,
    Domain,
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
    Tenant,
)
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.resource_ids import (
    child_path,
    group_path,
    new_guid,
    resource_path,
    subscription_path,
)
from gatepost.directory.azure.secrets import digest_of, generate_access_key, new_secret
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.keys.store_key import Key, SealedAccessKeys
from gatepost.model.secret import Secret
from gatepost.testing.memory import MemoryStore

APPLICATIONS = 1_000
SECRETS = 10
SERVICES = 10
AUDIENCE = "https://communication.azure.com"
DIGEST_KEY = bytes(32)


@dataclass(frozen=True, slots=True)
class Resource:
    """A Communication Services resource and its access key."""

    entry: CommunicationService
    key: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """One application: its credentials, and the principal."""

    username: str
    """RESOURCE.APPLICATION.TENANT."""
    alias: str
    """Its SMTP user name."""
    password: Secret = field(repr=False)
    application: Application
    principal: ServicePrincipal
    service: CommunicationService


class World:
    """The directory, its users, and what signs its tokens."""

    def __init__(self) -> None:
        self.keys = SealedAccessKeys(Key(bytes(range(32))))
        self.tokens = AccessTokens(generate_private_key(65_537, 2048), now)
        self.tenant = Tenant(new_guid(), "example.com")
        self.resources: list[Resource] = []
        self.logins: list[Login] = []
        self._entries = [*self._places(), *self._people()]

    def directory(self, rules: Rules | None = None) -> AzureDirectory:
        """Return a directory without any earlier logins."""
        directory = AzureDirectory(
            MemoryStore(), digest_key=DIGEST_KEY, clock=now, rules=rules, tokens=self.tokens
        )
        asyncio.run(directory.save(self._entries))
        return directory

    def token(self, login: Login) -> Secret:
        """Return a new token, as the token endpoint issues it."""
        issuer = f"https://localhost:2443/{self.tenant.id}/"
        return self.tokens.issue(login.principal, AUDIENCE, issuer).token

    def _places(self) -> Iterator[Entry]:
        """Yield resources with a domain and a sender each."""
        subscription = new_guid()
        group = group_path(subscription, "mail")
        email = resource_path(group, "emailServices", "mail")
        yield self.tenant
        yield Subscription(subscription_path(subscription), self.tenant.id)
        yield from (ResourceGroup(group), EmailService(email))
        for number in range(SERVICES):
            name = f"mail{number}.example.com"
            domain = child_path(email, "domains", name)
            key = generate_access_key()
            service = CommunicationService(
                resource_path(group, "communicationServices", f"acs-{number}"),
                linked_domains=(domain,),
                primary_key=self.keys.seal(key),
                secondary_key=self.keys.seal(generate_access_key()),
            )
            self.resources.append(Resource(service, key))
            yield Domain(domain, "CustomerManaged", name, name, verification=VERIFIED)
            yield SenderUsername(child_path(domain, "senderUsernames", "donotreply"), "DoNotReply")
            yield service

    def _people(self) -> Iterator[Entry]:
        """Yield applications with their secrets, a role on their resource and an SMTP user name."""
        role = RoleDefinition(new_guid(), "Email Sender", (Permission(SEND_ACTIONS),))
        yield role
        start = now() - timedelta(days=1)
        made: ClientSecret | None = None
        for number in range(APPLICATIONS):
            service = self.resources[number % SERVICES].entry
            application = Application(new_guid(), new_guid(), self.tenant.id, f"app-{number}")
            principal = ServicePrincipal(new_guid(), application.id, self.tenant.id)
            if made is None:  # its SCRAM verifiers take a thousand times what all else does
                made, _ = new_secret(application, DIGEST_KEY, start)
            values = [f"{number:04}~{place:02}{'s' * 33}" for place in range(SECRETS)]
            for value in values:
                yield replace(
                    made,
                    id=new_guid(),
                    application_id=application.id,
                    digest=digest_of(value, DIGEST_KEY),
                    hint=value[:3],
                )
            alias = f"app-{number}@mail{number % SERVICES}.example.com"
            path = child_path(service.id, "smtpUsernames", f"app-{number}")
            yield from (application, principal)
            yield RoleAssignment(new_guid(), service.id, role.id, principal.id, start)
            yield SmtpUsername(path, alias, application.id, self.tenant.id, start)
            username = f"{service.name}.{application.id}.{self.tenant.id}"
            password = Secret(values[number % SECRETS])
            self.logins.append(Login(username, alias, password, application, principal, service))


def now() -> datetime:
    return datetime.now(UTC)
