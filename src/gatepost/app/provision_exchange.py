"""The first start with an organisation of Exchange Online, in which everything works."""

from dataclasses import dataclass

from gatepost.app.provision_accounts import ProvisionedAccount
from gatepost.app.provision_azure import Provisioned
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import ServicePrincipal, principal_lookup
from gatepost.directory.exchange.directory import ExchangeDirectory
from gatepost.directory.exchange.organisation import (
    MAIL_SEND,
    SEND,
    SEND_AS_APP,
    ConsentedApplication,
    ExchangeMailbox,
    ExchangePrincipal,
    MailboxGrant,
    Organisation,
)
from gatepost.model.profile import Profile


@dataclass(frozen=True, slots=True)
class ProvisionedMailbox:
    """What an application needs to sign in as a mailbox: with its password, or with a token."""

    account: ProvisionedAccount
    entra: Provisioned
    """The application that may send as the mailbox."""

    @property
    def username(self) -> str:
        """The mailbox's address."""
        return self.account.username


async def provide_organisation(
    directory: ExchangeDirectory,
    entra: AzureDirectory,
    account: ProvisionedAccount,
    application: Provisioned,
    profile: Profile,
) -> ProvisionedMailbox:
    """Return what signs in, and create the organisation at the first start."""
    if directory.is_new:
        lookup = principal_lookup(application.client_id, application.tenant_id)
        principals = entra.find(ServicePrincipal, lookup)
        object_id = principals[0].id if principals else ""
        await directory.save(
            first_organisation(profile, account.username, application.client_id, object_id)
        )
    return ProvisionedMailbox(account, application)


def first_organisation(
    profile: Profile, address: str, app_id: str, enterprise_id: str
) -> Organisation:
    """Return an organisation with one mailbox, a shared one, and an application that may send as
    the first.

    ``enterprise_id`` is the object id of the enterprise application.
    """
    domain = address.rpartition("@")[2]
    high_volume = profile.directory.service == "high_volume"
    application = MailboxGrant(enterprise_id)
    if high_volume:
        mailboxes: tuple[ExchangeMailbox, ...] = (
            ExchangeMailbox(address, "hve", allowed_apps=(application,)),
        )
    else:
        mailboxes = (
            ExchangeMailbox(address, full_access=(application,)),
            ExchangeMailbox(
                f"shared@{domain}", "shared", send_as=(MailboxGrant(address), application)
            ),
        )
    return Organisation(
        accepted_domains=(domain, *profile.directory.accepted_domains),
        mailbox=mailboxes,
        application=(
            ConsentedApplication(
                app_id,
                application_permissions=(MAIL_SEND if high_volume else SEND_AS_APP,),
                delegated_permissions=(SEND, MAIL_SEND),
            ),
        ),
        service_principal=(ExchangePrincipal(app_id, enterprise_id),),
    )
