"""What a person may allow an application: the scopes of a request, by resource, and consent.

https://learn.microsoft.com/entra/identity-platform/scopes-oidc
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.tokens import OUTLOOK
from gatepost.directory.exchange.organisation import (
    MAIL_SEND,
    SEND,
    ConsentedApplication,
    Organisation,
)
from gatepost.rest.entra.errors import (
    ADMIN_CONSENT_MISSING,
    CODE_NEEDS_CREDENTIAL,
    CONSENT_DECLINED,
    CONSENT_MISSING,
    SCOPE_UNKNOWN,
    SCOPES_OF_SEVERAL,
    EntraError,
)
from gatepost.rest.site import Site

OFFLINE: Final = "offline_access"
_OF_OPENID: Final = frozenset({"openid", "profile", "email", OFFLINE})
_GRAPH: Final = "00000003-0000-0000-c000-000000000000"
_DEFAULT: Final = ".default"
_SENDING: Final = frozenset({SEND, MAIL_SEND})
"""The delegated permissions of Exchange Online that send mail."""


@dataclass(frozen=True, slots=True)
class RequestedScopes:
    """The scopes of a request."""

    scopes: tuple[str, ...]
    """As requested."""
    audience: str
    """The resource that the access token is for, as requested."""
    permissions: tuple[str, ...] = ()
    """Of this resource, without its name."""

    @property
    def is_of_exchange(self) -> bool:
        """Whether the resource is Exchange Online."""
        return self.audience.lower() in OUTLOOK


def read_scopes(scopes: Iterable[str]) -> RequestedScopes:
    """Return what is wanted, of Graph unless another resource is named. Raises EntraError."""
    asked = tuple(dict.fromkeys(scopes))
    named = [each.rpartition("/") for each in asked if each not in _OF_OPENID]
    resources = {resource.removesuffix("/") for resource, _, _ in named if resource}
    if len(resources) > 1:
        raise EntraError(SCOPES_OF_SEVERAL, scope=" ".join(asked))
    audience = next(iter(resources), _GRAPH)
    return RequestedScopes(asked, audience, tuple([permission for *_, permission in named]))


def consented(site: Site, application: Application, wanted: RequestedScopes) -> tuple[str, ...]:
    """Return the permissions for the access token.

    Raises EntraError if nobody has consented to them. Only those of an organisation of Exchange
    Online need consent here.
    """
    if site.exchange is None or not wanted.is_of_exchange:
        return wanted.scopes
    consents = site.exchange.organisation.consents_of(application.id)
    missing = missing_consent(consents, wanted)
    if not missing:
        if _DEFAULT in wanted.permissions:
            return consents.delegated_permissions
        return wanted.permissions
    kind = CONSENT_MISSING if consents.user_consent else ADMIN_CONSENT_MISSING
    raise EntraError(
        kind,
        f"consent_missing: nobody has consented to {', '.join(missing)}",
        application=application.id,
        name=application.display_name,
    )


def missing_consent(consents: ConsentedApplication, wanted: RequestedScopes) -> tuple[str, ...]:
    """Return the permissions to which nobody has consented. Raises EntraError for one that does
    not exist."""
    if not wanted.permissions or _DEFAULT in wanted.permissions:
        return () if consents.delegated_permissions else (_DEFAULT,)
    unknown = [each for each in wanted.permissions if each not in _SENDING]
    if unknown:
        raise EntraError(SCOPE_UNKNOWN, scope=" ".join(unknown), resource=wanted.audience)
    return tuple(
        [each for each in wanted.permissions if each not in consents.delegated_permissions]
    )


async def ask_for_consent(
    site: Site, application: Application, wanted: RequestedScopes, answer: str
) -> tuple[str, ...]:
    """Return the permissions for which the person must be asked; none if nothing is missing.

    With the answer ``accept``, the consent is recorded; here it holds for everybody. Raises
    EntraError if the person declines, or if only an administrator may consent.
    """
    if answer == "decline":
        raise EntraError(CONSENT_DECLINED, "consent_declined: the person has declined")
    try:
        consented(site, application, wanted)
    except EntraError as error:
        if error.refusal is not CONSENT_MISSING:
            raise
        if answer != "accept":
            return wanted.permissions or (_DEFAULT,)
        await _record_consent(site, application, wanted)
    return ()


async def _record_consent(site: Site, application: Application, wanted: RequestedScopes) -> None:
    exchange = site.exchange
    if exchange is None:
        return

    def consent(organisation: Organisation) -> Organisation:
        before = organisation.consents_of(application.id)
        more = [each for each in wanted.permissions if each in _SENDING] or sorted(_SENDING)
        permissions = tuple(dict.fromkeys((*before.delegated_permissions, *more)))
        others = [each for each in organisation.application if each is not before]
        after = replace(before, delegated_permissions=permissions)
        return replace(organisation, application=(after, *others))

    await exchange.change(consent)


def check_public_client(site: Site, application: Application) -> None:
    """Raise EntraError if the application must not do without a credential."""
    if site.exchange is None:
        return
    if not site.exchange.organisation.consents_of(application.id).public_client:
        raise EntraError(CODE_NEEDS_CREDENTIAL, "public_client_refused: it needs a credential")
