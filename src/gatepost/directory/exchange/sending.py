"""As whom a mailbox's login may send, and whether its mailbox can be opened."""

from collections.abc import Iterable
from datetime import datetime

from gatepost.directory.exchange.organisation import (
    ExchangeMailbox,
    MailboxGrant,
    Organisation,
    wait_of,
)
from gatepost.directory.exchange.sign_in import NOW, ExchangeRules, role_scopes_of
from gatepost.model.address import Address
from gatepost.model.credentials import Principal, Standing


def standing_of(
    organisation: Organisation,
    principal: Principal,
    sender: Address,
    rules: ExchangeRules,
    now: datetime,
) -> Standing:
    """Return whether a principal may use ``sender`` now."""
    mailbox = organisation.find_mailbox(principal.name)
    if mailbox is None:
        return Standing.NOT_SIGNED_IN
    own_ids = _object_ids(organisation, principal.application_id)
    may_open = (
        not own_ids or rules.is_high_volume or _can_open(organisation, mailbox, own_ids, rules, now)
    )
    if not may_open:
        return Standing.MAILBOX_NOT_OPENED
    address = str(sender).lower()
    if address == mailbox.key:
        return Standing.ALLOWED
    other = None if rules.is_high_volume else organisation.find_mailbox(address)
    if other is None:
        return Standing.SENDER_NOT_REGISTERED
    allowed = _is_granted(other.send_as, {mailbox.key, *own_ids}, rules, now)
    return Standing.ALLOWED if allowed else Standing.SENDER_NOT_REGISTERED


def _object_ids(organisation: Organisation, application: str) -> set[str]:
    """Return what Exchange calls an application; nothing for people, who open their own mailbox."""
    wanted = application.lower()
    if not wanted:
        return set()
    principals = organisation.service_principal
    return {each.object_id.lower() for each in principals if each.app_id.lower() == wanted}


def _can_open(
    organisation: Organisation,
    mailbox: ExchangeMailbox,
    own_ids: set[str],
    rules: ExchangeRules,
    now: datetime,
) -> bool:
    """Tell whether an application may open a mailbox: by FullAccess, or by a role whose scope
    covers it."""
    scopes = [scope for each in own_ids for scope in role_scopes_of(organisation, each)]
    moments = [each.since for each in scopes if each.is_covering(mailbox)]
    if any(wait_of(each, rules.propagation_delay, now) <= NOW for each in moments):
        return True
    return _is_granted(mailbox.full_access, own_ids, rules, now)


def _is_granted(
    grants: Iterable[MailboxGrant], names: set[str], rules: ExchangeRules, now: datetime
) -> bool:
    return any(
        wait_of(each.since, rules.propagation_delay, now) <= NOW
        for each in grants
        if each.to.lower() in names
    )
