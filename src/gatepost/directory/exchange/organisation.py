"""The organisation of the emulated Exchange Online, as one document; also what Entra has consented
to, because sending needs both.

Names of keys are those of Exchange's cmdlets, with underscores. What is granted with ``since``
takes effect later, see ``ExchangeRules``; without it, it always was in effect.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from gatepost.model.address import parse_address

SEND_AS_APP: Final = "SMTP.SendAsApp"
"""The application permission of client submission."""
SEND: Final = "SMTP.Send"
"""The delegated permission of client submission."""
MAIL_SEND: Final = "Mail.Send"
"""The permission of High Volume Email, for applications and for people."""
EVERYTHING: Final = "*"
"""As a scope: every mailbox."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=320)]
MailboxKind = Literal["user", "shared", "hve"]


class MailboxGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A right of ``to``: the object id of an enterprise application, or a mailbox's address."""

    to: Text
    since: Moment | None = None


class ExchangeMailbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mailbox, or an account of High Volume Email."""

    address: Text
    kind: MailboxKind = "user"
    smtp_client_authentication_disabled: bool | None = None
    """None: as in the organisation."""
    full_access: tuple[MailboxGrant, ...] = ()
    send_as: tuple[MailboxGrant, ...] = ()
    """Who may send as this mailbox; itself always may."""
    allowed_apps: tuple[MailboxGrant, ...] = ()
    """Applications that may sign in as an account of High Volume Email (``Add-HVEAppAccess``)."""
    recipient_rate_limit: Count | None = None
    """Recipients in 24 hours; None: as in the organisation."""

    def __post_init__(self) -> None:
        check_address(self.address)

    @property
    def key(self) -> str:
        """The address in the form for comparisons."""
        return self.address.lower()


class ConsentedApplication(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What an application may ask of Exchange Online, in Entra."""

    app_id: Text
    """The application (client) id."""
    application_permissions: tuple[str, ...] = ()
    """With admin consent; they are the ``roles`` in the application's tokens."""
    delegated_permissions: tuple[str, ...] = ()
    """To which the administrator has consented for everybody."""
    user_consent: bool = True
    """People may consent to delegated permissions for themselves."""
    public_client: bool = True
    """Allow public client flows."""


class ExchangePrincipal(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What ``New-ServicePrincipal`` made of an application."""

    app_id: Text
    object_id: Text
    """Must be that of the enterprise application; the registration has another one."""
    since: Moment | None = None


class RoleScope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An assignment of RBAC for Applications (``New-ManagementRoleAssignment -App``)."""

    app: Text
    """The object id of the enterprise application."""
    mailboxes: tuple[str, ...] = (EVERYTHING,)
    """Addresses within the management scope; ``*``: all."""
    role: Literal["Application SMTP.SendAsApp"] = "Application SMTP.SendAsApp"
    since: Moment | None = None

    def is_covering(self, mailbox: ExchangeMailbox) -> bool:
        """Tell whether a mailbox is within the scope."""
        return any(each in (EVERYTHING, mailbox.key) for each in map(str.lower, self.mailboxes))


class Organisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything that decides whether a login and a message are accepted."""

    accepted_domains: tuple[Text, ...] = ()
    smtp_client_authentication_disabled: bool = False
    security_defaults: bool = False
    basic_authentication: bool = True
    """An authentication policy with AllowBasicAuthSmtp, or none that forbids it."""
    licenses: Count = 1
    """Of which the external recipient rate follows."""
    is_trial: bool = False
    external_recipient_limit: Count | None = None
    """External recipients in 24 hours; None: by the licenses."""
    recipient_rate_limit: Count = 10_000
    """Recipients of a mailbox in 24 hours."""
    mailbox: tuple[ExchangeMailbox, ...] = ()
    application: tuple[ConsentedApplication, ...] = ()
    service_principal: tuple[ExchangePrincipal, ...] = ()
    role_assignment: tuple[RoleScope, ...] = ()

    def __post_init__(self) -> None:
        addresses = [each.key for each in self.mailbox]
        if len(set(addresses)) < len(addresses):
            raise ValueError("two mailboxes have the same address")
        if len(addresses) > MOST_MAILBOXES:
            raise ValueError(f"there are more than {MOST_MAILBOXES} mailboxes")
        for domain in self.accepted_domains:
            check_address(f"x@{domain}")

    def find_mailbox(self, address: str) -> ExchangeMailbox | None:
        """Return the mailbox with this address, without regard to case; None if there is none."""
        wanted = address.lower()
        return next((each for each in self.mailbox if each.key == wanted), None)

    def consents_of(self, app_id: str) -> ConsentedApplication:
        """Return what an application may; nothing, if it is not in the document."""
        wanted = app_id.lower()
        found = (each for each in self.application if each.app_id.lower() == wanted)
        return next(found, ConsentedApplication(app_id))

    def is_internal(self, domain: str) -> bool:
        """Tell whether a domain is an accepted one."""
        return domain.lower() in map(str.lower, self.accepted_domains)

    @property
    def external_limit(self) -> int:
        """External recipients of the tenant in 24 hours (TERRL): 500 × licenses^0.7 + 9,500, and
        5,000 for a trial."""
        if self.external_recipient_limit is not None:
            return self.external_recipient_limit
        return 5_000 if self.is_trial else int(500 * self.licenses**0.7 + 9_500)


MOST_MAILBOXES: Final = 1_000


def check_address(address: str) -> None:
    """Raise ValueError for what is no mailbox address."""
    parse_address(address)


def wait_of(since: datetime | None, delay: timedelta, now: datetime) -> timedelta:
    """Return how long it takes until what was granted takes effect; not positive: it has."""
    return timedelta(0) if since is None else since - now + delay  # in this order, in any year
