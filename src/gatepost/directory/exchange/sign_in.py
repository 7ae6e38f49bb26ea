"""Logins to Exchange Online: the checks, in the order in which their refusals are reported.

The slug of a reason is that of a missing step. Several of them get the same reply, see
``[refusals]`` of the profiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.login_checks import Denial
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.directory.azure.tokens import Claims
from gatepost.directory.exchange.organisation import (
    MAIL_SEND,
    SEND,
    SEND_AS_APP,
    ExchangeMailbox,
    Organisation,
    RoleScope,
    wait_of,
)
from gatepost.model.credentials import Principal
from gatepost.model.profile import Profile

NOW: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """What the service asks of a login."""

    is_high_volume: bool = False
    """Only accounts of High Volume Email may sign in."""
    propagation_delay: timedelta = NOW
    """Time until a permission, an assignment or an allowed application takes effect."""


def exchange_rules_of(profile: Profile) -> ExchangeRules:
    """Return the rules of a profile."""
    return ExchangeRules(
        profile.directory.service == "high_volume",
        timedelta(seconds=profile.strict.propagation_delay),
    )


@dataclass(frozen=True, slots=True)
class ExchangeLogin:
    """A login whose user name is being decided."""

    organisation: Organisation
    entra: Snapshot
    rules: ExchangeRules
    now: datetime

    def by_token(self, username: str, proof: Claims | Denial) -> Principal | Denial:
        """Return the principal that signs in as ``username`` with a token."""
        mailbox = self._mailbox_of(username)
        if isinstance(proof, Denial):
            return proof
        if isinstance(mailbox, Denial):
            return mailbox
        denial = (
            self._refuse_person(mailbox, proof)
            if proof.person
            else self._refuse_application(mailbox, proof)
        )
        denial = denial or self._refuse_switch(mailbox)
        application = "" if proof.person else proof.application_id
        return denial or principal_of(mailbox, application)

    def by_password(self, username: str) -> Principal | Denial:
        """Return the principal whose password was right."""
        mailbox = self._mailbox_of(username)
        if isinstance(mailbox, Denial):
            return mailbox
        organisation = self.organisation
        if organisation.security_defaults:
            return Denial("security_defaults_block", "security defaults refuse passwords")
        if not organisation.basic_authentication:
            return Denial("basic_auth_disabled", "an authentication policy refuses passwords")
        return self._refuse_switch(mailbox) or principal_of(mailbox)

    def _mailbox_of(self, username: str) -> ExchangeMailbox | Denial:
        mailbox = self.organisation.find_mailbox(username)
        if mailbox is None:
            return Denial("mailbox_unknown", "there is no mailbox with that address")
        if self.rules.is_high_volume and mailbox.kind != "hve":
            return Denial("not_high_volume", "that is no account of High Volume Email")
        if not self.rules.is_high_volume and mailbox.kind == "hve":
            return Denial(
                "high_volume_elsewhere", "accounts of High Volume Email sign in at its own host"
            )
        return mailbox

    def _refuse_person(self, mailbox: ExchangeMailbox, claims: Claims) -> Denial | None:
        needed = MAIL_SEND if self.rules.is_high_volume else SEND
        if needed not in claims.scopes:
            return Denial("permission_missing", f"the token has no scope {needed}")
        if claims.person.lower() != mailbox.key:
            return Denial(
                "oauth_wrong_identity", "the token is another person's; a delegate signs in as "
                "itself, and names the shared mailbox in MAIL FROM and From",
            )  # fmt: skip
        return None

    def _refuse_application(self, mailbox: ExchangeMailbox, claims: Claims) -> Denial | None:
        if self.rules.is_high_volume:
            return self._refuse_allowed_app(mailbox, claims)
        denial = self._refuse_principal(claims)
        if denial is not None:
            return denial
        if SEND_AS_APP in claims.roles:  # the mailbox is opened by FullAccess, at the message
            return None
        scopes = role_scopes_of(self.organisation, claims.principal_id)
        if not scopes:
            return Denial(
                "permission_missing",
                f"the token has no role {SEND_AS_APP}, and no role is assigned in Exchange",
            )
        covering = [each for each in scopes if each.is_covering(mailbox)]
        if not covering:
            return Denial("mailbox_out_of_scope", "no assigned role covers the mailbox")
        return self._refuse_wait([each.since for each in covering], "the role assignment")

    def _refuse_principal(self, claims: Claims) -> Denial | None:
        """Refuse an application that Exchange does not know by its enterprise application."""
        own = claims.principal_id.lower()
        for each in self.organisation.service_principal:
            if each.object_id.lower() == own:
                return self._refuse_wait([each.since], "the service principal")
        registration = self.entra.get(Application, claims.application_id)
        wrong = "" if registration is None else registration.object_id.lower()
        if any(each.object_id.lower() == wrong for each in self.organisation.service_principal):
            return Denial(
                "service_principal_of_registration",
                "New-ServicePrincipal got the object id of the registration, not that of the "
                "enterprise application",
            )
        return Denial("service_principal_missing", "Exchange has no service principal of it")

    def _refuse_allowed_app(self, mailbox: ExchangeMailbox, claims: Claims) -> Denial | None:
        if MAIL_SEND not in claims.roles:
            return Denial("permission_missing", f"the token has no role {MAIL_SEND}")
        own = claims.principal_id.lower()
        granted = [each.since for each in mailbox.allowed_apps if each.to.lower() == own]
        if not granted:
            return Denial("app_not_allowed", "the account does not allow the application")
        return self._refuse_wait(granted, "the allowed application", "app_not_allowed")

    def _refuse_wait(
        self, granted: Sequence[datetime | None], what: str, slug: str = "propagating"
    ) -> Denial | None:
        """Refuse what was granted, but has not taken effect."""
        wait = min(wait_of(each, self.rules.propagation_delay, self.now) for each in granted)
        if wait <= NOW:
            return None
        return Denial(slug, f"{what} takes effect in {wait.total_seconds():.0f} s")

    def _refuse_switch(self, mailbox: ExchangeMailbox) -> Denial | None:
        """Refuse by SmtpClientAuthenticationDisabled, which does not concern High Volume Email."""
        if self.rules.is_high_volume:
            return None
        if mailbox.smtp_client_authentication_disabled:
            return Denial("smtp_auth_disabled_mailbox", "SMTP AUTH is off for the mailbox")
        is_off = self.organisation.smtp_client_authentication_disabled
        if is_off and mailbox.smtp_client_authentication_disabled is None:
            return Denial("smtp_auth_disabled_tenant", "SMTP AUTH is off for the organisation")
        return None


def principal_of(mailbox: ExchangeMailbox, application: str = "") -> Principal:
    """Return who is signed in; rates count by mailbox."""
    return Principal(mailbox.address, application_id=application, subscription_id=mailbox.key)


def role_scopes_of(organisation: Organisation, object_id: str) -> list[RoleScope]:
    """Return the roles that are assigned to an enterprise application."""
    wanted = object_id.lower()
    return [each for each in organisation.role_assignment if each.app.lower() == wanted]
