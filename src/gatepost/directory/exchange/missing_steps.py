"""The steps of a set-up, each of which a test can undo and take again.

They concern the first application and the first mailbox of the organisation. What is granted again
takes effect after the propagation delay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from gatepost.directory.exchange.organisation import (
    MAIL_SEND,
    SEND,
    SEND_AS_APP,
    ConsentedApplication,
    ExchangeMailbox,
    ExchangePrincipal,
    MailboxGrant,
    Organisation,
    RoleScope,
)

ELSEWHERE: Final = "somebody.else@outside.invalid"
"""The only mailbox in a management scope that leaves out the others."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose steps they are, and when."""

    app_id: str
    enterprise_id: str
    """The object id of the enterprise application."""
    registration_id: str
    """The object id of the registration."""
    now: datetime


Grants = tuple[MailboxGrant, ...]
Change = Callable[[Organisation, Scene], Organisation]


@dataclass(frozen=True, slots=True)
class SetUpStep:
    """What undoes a step, and what takes it again."""

    about: str
    undo: Change
    take: Change


def first_mailbox(organisation: Organisation) -> ExchangeMailbox:
    """Return the mailbox that the steps are about. Raises ValueError if there is none."""
    if not organisation.mailbox:
        raise ValueError("the organisation has no mailbox")
    return organisation.mailbox[0]


def _mailbox(organisation: Organisation, **changes: object) -> Organisation:
    changed = replace(first_mailbox(organisation), **changes)
    return replace(organisation, mailbox=(changed, *organisation.mailbox[1:]))


def _consents(organisation: Organisation, scene: Scene, **changes: object) -> Organisation:
    own = organisation.consents_of(scene.app_id)
    others = [each for each in organisation.application if each is not own]
    changed: ConsentedApplication = replace(own, **changes)
    return replace(organisation, application=(changed, *others))


def _principals(organisation: Organisation, scene: Scene, object_id: str) -> Organisation:
    own = scene.app_id.lower()
    others = [each for each in organisation.service_principal if each.app_id.lower() != own]
    made = [ExchangePrincipal(scene.app_id, object_id, scene.now)] if object_id else []
    return replace(organisation, service_principal=(*made, *others))


def _delegates(
    organisation: Organisation, grants: Callable[[ExchangeMailbox], tuple[MailboxGrant, ...]]
) -> Organisation:
    """Change who may send as the shared mailboxes."""
    mailboxes = [
        replace(each, send_as=grants(each)) if each.kind == "shared" else each
        for each in organisation.mailbox
    ]
    return replace(organisation, mailbox=tuple(mailboxes))


def _granted(organisation: Organisation, scene: Scene) -> tuple[MailboxGrant, ...]:
    names = first_mailbox(organisation).address, scene.enterprise_id
    return tuple([MailboxGrant(each, scene.now) for each in names])


def _to_app(scene: Scene) -> Grants:
    return (MailboxGrant(scene.enterprise_id, scene.now),)


def _permission(organisation: Organisation) -> str:
    return MAIL_SEND if first_mailbox(organisation).kind == "hve" else SEND_AS_APP


def _with_scope(organisation: Organisation, scene: Scene, mailbox: str) -> Organisation:
    """Use RBAC for Applications, with one mailbox in its scope, in place of the permission and
    FullAccess."""
    changed = _consents(organisation, scene, application_permissions=())
    changed = _mailbox(changed, full_access=())
    role = RoleScope(scene.enterprise_id, (mailbox,), since=scene.now)
    return replace(changed, role_assignment=(role,))


def use_roles(organisation: Organisation, scene: Scene) -> Organisation:
    """Return the organisation with RBAC for Applications in place of the classic way."""
    return _with_scope(organisation, scene, first_mailbox(organisation).address)


def use_full_access(organisation: Organisation, scene: Scene) -> Organisation:
    """Return the organisation with SMTP.SendAsApp and FullAccess in place of RBAC."""
    changed = _consents(organisation, scene, application_permissions=(SEND_AS_APP,))
    changed = _mailbox(changed, full_access=(MailboxGrant(scene.enterprise_id, scene.now),))
    return replace(changed, role_assignment=())


WAYS: Final[Mapping[str, Change]] = MappingProxyType(
    {"classic": use_full_access, "rbac": use_roles}
)
"""How an application gets access to mailboxes; not to be mixed."""

# fmt: off
STEPS: Final[Mapping[str, SetUpStep]] = MappingProxyType({
    "admin-consent": SetUpStep(
        "the application permission has admin consent",
        lambda all_, scene: _consents(all_, scene, application_permissions=()),
        lambda all_, scene: _consents(all_, scene, application_permissions=(_permission(all_),))),
    "user-consent": SetUpStep(
        "people have consented to the delegated permission",
        lambda all_, scene: _consents(all_, scene, delegated_permissions=(), user_consent=True),
        lambda all_, scene: _consents(all_, scene, delegated_permissions=(SEND, MAIL_SEND))),
    "delegated-consent": SetUpStep(
        "the delegated permission has admin consent, which this tenant requires",
        lambda all_, scene: _consents(all_, scene, delegated_permissions=(), user_consent=False),
        lambda all_, scene: _consents(
            all_, scene, delegated_permissions=(SEND, MAIL_SEND), user_consent=True)),
    "public-client": SetUpStep(
        "the registration allows public client flows",
        lambda all_, scene: _consents(all_, scene, public_client=False),
        lambda all_, scene: _consents(all_, scene, public_client=True)),
    "service-principal": SetUpStep(
        "New-ServicePrincipal was run",
        lambda all_, scene: _principals(all_, scene, ""),
        lambda all_, scene: _principals(all_, scene, scene.enterprise_id)),
    "object-id": SetUpStep(
        "New-ServicePrincipal got the object id of the enterprise application",
        lambda all_, scene: _principals(all_, scene, scene.registration_id),
        lambda all_, scene: _principals(all_, scene, scene.enterprise_id)),
    "full-access": SetUpStep(
        "Add-MailboxPermission gave the application FullAccess",
        lambda all_, _scene: _mailbox(all_, full_access=()),
        lambda all_, scene: _mailbox(all_, full_access=_to_app(scene))),
    "scope": SetUpStep(
        "the management scope of RBAC for Applications covers the mailbox",
        lambda all_, scene: _with_scope(all_, scene, ELSEWHERE),
        use_roles),
    "mailbox-switch": SetUpStep(
        "SMTP AUTH is on for the mailbox",
        lambda all_, _scene: _mailbox(all_, smtp_client_authentication_disabled=True),
        lambda all_, _scene: _mailbox(all_, smtp_client_authentication_disabled=None)),
    "tenant-switch": SetUpStep(
        "SMTP AUTH is on for the organisation",
        lambda all_, _scene: replace(all_, smtp_client_authentication_disabled=True),
        lambda all_, _scene: replace(all_, smtp_client_authentication_disabled=False)),
    "basic": SetUpStep(
        "passwords are permitted",
        lambda all_, _scene: replace(all_, basic_authentication=False),
        lambda all_, _scene: replace(all_, basic_authentication=True)),
    "security-defaults": SetUpStep(
        "security defaults are off",
        lambda all_, _scene: replace(all_, security_defaults=True),
        lambda all_, _scene: replace(all_, security_defaults=False)),
    "send-as": SetUpStep(
        "Add-RecipientPermission gave SendAs on the shared mailbox",
        lambda all_, _scene: _delegates(all_, lambda _: ()),
        lambda all_, scene: _delegates(all_, lambda _: _granted(all_, scene))),
    "allowed-app": SetUpStep(
        "Add-HVEAppAccess allowed the application",
        lambda all_, _scene: _mailbox(all_, allowed_apps=()),
        lambda all_, scene: _mailbox(all_, allowed_apps=_to_app(scene))),
    "recipient-rate": SetUpStep(
        "the mailbox has recipients left today",
        lambda all_, _scene: _mailbox(all_, recipient_rate_limit=0),
        lambda all_, _scene: _mailbox(all_, recipient_rate_limit=None)),
    "external-rate": SetUpStep(
        "the tenant has external recipients left today",
        lambda all_, _scene: replace(all_, external_recipient_limit=0),
        lambda all_, _scene: replace(all_, external_recipient_limit=None)),
})
# fmt: on
"""By name, in the order of the set-up."""


def dated(new: Organisation, old: Organisation, now: datetime) -> Organisation:
    """Return ``new`` with the time of each grant: as before, if there was the same one, else now.

    A time in ``new`` is left as it is.
    """

    def grants(mine: Grants, before: Grants) -> Grants:
        times = {each.to.lower(): each.since for each in before}
        return tuple(
            [
                each if each.since else replace(each, since=times.get(each.to.lower(), now))
                for each in mine
            ]
        )

    def mailbox(mine: ExchangeMailbox) -> ExchangeMailbox:
        before = old.find_mailbox(mine.address) or ExchangeMailbox(mine.address)
        return replace(
            mine,
            full_access=grants(mine.full_access, before.full_access),
            send_as=grants(mine.send_as, before.send_as),
            allowed_apps=grants(mine.allowed_apps, before.allowed_apps),
        )

    principals = {each.object_id.lower(): each.since for each in old.service_principal}
    roles = {(each.app.lower(), each.mailboxes): each.since for each in old.role_assignment}
    return replace(
        new,
        mailbox=tuple(map(mailbox, new.mailbox)),
        service_principal=tuple(
            [
                each if each.since
                else replace(each, since=principals.get(each.object_id.lower(), now))
                for each in new.service_principal
            ]
        ),
        role_assignment=tuple(
            [
                each if each.since
                else replace(each, since=roles.get((each.app.lower(), each.mailboxes), now))
                for each in new.role_assignment
            ]
        ),
    )  # fmt: skip
