"""Look behind a refused login, step by step; the first step that fails is the last one.

The secret is sent to the authority, over verified TLS, once. Requests with the token that it issues
only read, or cannot be accepted.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from gatepost.client.tokens.entra import EntraApplication
from gatepost.diagnosis.entra.names import MAY_BE_SMTP_NAME, read_name
from gatepost.diagnosis.entra.tokens import read_token
from gatepost.diagnosis.rules.auth_attempts import refused_secret
from gatepost.directory.azure.paths import is_guid
from gatepost.doctor.identity.authority import ask_for_tenant, ask_for_token
from gatepost.doctor.identity.cloud import AUTHORITY_VARIABLE, Cloud, find_cloud
from gatepost.doctor.identity.email import ask_to_send, endpoints_of, find_host
from gatepost.doctor.identity.local_authority import authority_beside
from gatepost.doctor.identity.management import Management
from gatepost.doctor.identity.questions import Ask, Questions
from gatepost.doctor.identity_options import IdentityOptions
from gatepost.doctor.provider_profiles import profile_of
from gatepost.doctor.redaction import hide
from gatepost.doctor.shapes import shape_of
from gatepost.doctor.visit import Visit
from gatepost.errors import ConfigError
from gatepost.model.credentials import Credentials
from gatepost.model.entra import Behind, EntraName, ManagementFacts
from gatepost.model.evidence import Evidence, seen
from gatepost.model.profile import DoctorFacts
from gatepost.model.secret import Secret
from gatepost.model.transcript import Transcript
from gatepost.net.dial import Server

TENANT_VARIABLE: Final = "AZURE_TENANT_ID"
CLIENT_VARIABLE: Final = "AZURE_CLIENT_ID"
_NO_SECRET: Final = frozenset({"empty", "guid", "access_key", "access_token", "connection_string"})
"""Shapes of values that are not client secrets, so that no request makes sense."""


def check(options: IdentityOptions) -> None:
    """Raise ConfigError for invalid arguments, before anything is asked."""
    find_cloud(options.urls, {}, local=True)
    if options.stands_for:
        _told(EntraName(), options, {})


def look_behind(
    visit: Visit, found: Evidence, environment: Mapping[str, str], ask: Ask | None = None
) -> Evidence:
    """Return the evidence with what is behind a refused login, if Entra decides about it.

    ``ask`` replaces the network. Raises ConfigError as ``check`` does, and TlsError for a CA file
    that cannot be used.
    """
    credentials, options = visit.credentials, visit.settings.identity
    if credentials is None:
        return found
    if credentials.token is not None:
        found = replace(found, token=seen(read_token(credentials.token.reveal())))
    profile = profile_of(found)
    if profile is None or not profile.doctor.identity or refused_secret(found) is None:
        return found
    local = is_local(visit.server, found)
    if local and (beside := authority_beside(visit.settings.ca_file, visit.server)):
        environment = {AUTHORITY_VARIABLE: beside, **environment}
    cloud, trouble = Cloud(), ""
    if not options.closed:
        try:
            cloud = find_cloud(options.urls, environment, local=local)
        except ConfigError as error:  # of the environment; the visit was worth its while
            trouble = str(error)
    questions = _questions(ask or _asking(visit.settings.ca_file), credentials, options)
    look = Look(credentials, profile.doctor, cloud, questions, found.seen_at)
    behind = look.look(options, environment, visit.checks.mail_from)
    return replace(found, behind=seen(replace(behind, untried=trouble or behind.untried)))


def is_local(server: Server, found: Evidence) -> bool:
    """Tell whether the mail server runs on this machine."""
    connects = found.connects.value or ()
    addresses = [each.address for each in connects if each.outcome == "ok"] or [server.host]
    return all(each.startswith("127.") or each in ("::1", "localhost") for each in addresses)


def _asking(ca_file: str | None) -> Ask:
    from gatepost.net.fetch import Fetcher  # noqa: PLC0415 - a healthy server needs none

    return Fetcher(ca_file=ca_file).ask


def _questions(ask: Ask, credentials: Credentials, options: IdentityOptions) -> Questions:
    hidden = Transcript()
    for secret in (credentials.password, credentials.token, options.arm_token):
        if secret is not None:
            hide(hidden, secret.reveal())
    return Questions(ask, hidden)


_NO_ADDRESS: Final = EntraName(mistake="no_address", sentence="it is not a mailbox's address")


class Look:
    """One look; its findings are collected in ``behind``."""

    def __init__(
        self,
        credentials: Credentials,
        known: DoctorFacts,
        cloud: Cloud,
        questions: Questions,
        now: datetime | None,
    ) -> None:
        self._credentials, self._known, self._now = credentials, known, now
        self._cloud, self._questions = cloud, questions
        self.behind = Behind(EntraName())
        self._token = credentials.token

    def look(self, options: IdentityOptions, environment: Mapping[str, str], sender: str) -> Behind:
        """Do the steps in order, and return what was found."""
        steps = (
            partial(self._read_name, options, environment),
            self._read_secret,
            partial(self._read_resources, options.arm_token),
            self._find_tenant,
            self._get_token,
            partial(self._try_to_send, sender),
            self._read_roles,
        )
        self._management: Management | None = None
        self.behind = replace(self.behind, authority=self._cloud.authority_host)
        for step in steps:
            if not step():
                break
        return self.behind

    # What needs no question.

    def _read_name(self, options: IdentityOptions, environment: Mapping[str, str]) -> bool:
        username = self._credentials.username
        if self._known.identity == "entra_user":
            return self._read_address(username)
        name = read_name(username)
        if name.mistake in MAY_BE_SMTP_NAME:
            name = _told(name, options, environment)
        self.behind = replace(self.behind, name=name)
        return not name.mistake or name.mistake in MAY_BE_SMTP_NAME

    def _read_address(self, username: str) -> bool:
        """Take the tenant from the domain of a mailbox."""
        _, at, domain = username.rpartition("@")
        sane = bool(at) and domain.isascii() and domain.replace("-", "").replace(".", "").isalnum()
        name = EntraName(tenant_id=domain.lower()) if sane else _NO_ADDRESS
        self.behind = replace(
            self.behind, name=name, differs=self._is_token_of_another_user(username)
        )
        return sane

    def _is_token_of_another_user(self, username: str) -> bool:
        """Tell whether the token belongs to another user. For a shared mailbox, the user name is
        the delegate's, and MAIL FROM the mailbox."""
        whose = read_token(self._token.reveal()).username if self._token is not None else ""
        return whose.lower() not in ("", username.lower())

    def _read_secret(self) -> bool:
        password = self._credentials.password
        if password is not None and shape_of(password.reveal()).kind in _NO_SECRET:
            return self._stop("the password is not a client secret")
        if not self._cloud.authority:
            return self._stop("no authority is named (--authority URL, or AZURE_AUTHORITY_HOST)")
        return True

    def _stop(self, why: str) -> bool:
        self.behind = replace(self.behind, untried=why)
        return False

    # Questions.

    def _read_resources(self, token: Secret | None) -> bool:
        """Read from Resource Manager, which may know an SMTP user name."""
        if token is None or not self._cloud.arm or self._known.identity != "entra_application":
            return True
        self._management = Management(self._questions, self._cloud.arm, token)
        name = self.behind.name
        managed = self._management.resources(name.resource)
        if name.mistake:  # what is looked up is surer than what was told
            found = _found_in(managed, self._credentials.username)
            if found is not None:
                name = replace(found, mistake=name.mistake, sentence=name.sentence)
                managed = replace(
                    managed,
                    resource_id=self._management.id_of(name.resource),
                    host=self._management.host_of(name.resource),
                )
        self.behind = replace(self.behind, name=name, management=managed)
        return True

    def _find_tenant(self) -> bool:
        name, authority = self.behind.name, self._cloud.authority
        if not name.tenant_id:
            return self._stop(
                "it is not known which application the user name stands for (--stands-for, or "
                "--arm-token-file)"
            )
        tenant = ask_for_tenant(self._questions, authority, name.tenant_id)
        self.behind = replace(self.behind, tenant=tenant)
        if tenant.status == 200:
            return True
        if tenant.number and name.application_id:
            swapped = ask_for_tenant(self._questions, authority, name.application_id)
            self.behind = replace(self.behind, swapped=swapped)
        return False

    def _get_token(self) -> bool:
        password, name = self._credentials.password, self.behind.name
        if self._known.identity != "entra_application":
            return False
        if password is None:
            return self._token is not None and self._is_for_us(self._token)
        if not name.application_id:
            return False
        application = EntraApplication(name.tenant_id, name.application_id, self._cloud.authority)
        answer, token = ask_for_token(
            self._questions, application, password, self._known.token_scope
        )
        self.behind = replace(self.behind, token_request=answer)
        if token is None:
            return False
        self._token = token
        hide(self._questions.hidden, token.reveal())
        self.behind = replace(self.behind, token=read_token(token.reveal()))
        return True

    def _is_for_us(self, token: Secret) -> bool:
        """Tell whether a token is for this service and valid now; any other is refused everywhere,
        which proves nothing."""
        told = read_token(token.reveal())
        if self._now is not None and not told.is_current(self._now):
            return False
        return told.audience.removesuffix("/").lower() in self._known.token_audiences

    def _try_to_send(self, sender: str) -> bool:
        resource, token, managed = self.behind.name.resource, self._token, self.behind.management
        endpoints = endpoints_of(self._cloud.email, resource, managed.host if managed else "")
        username = self._credentials.username
        if not sender and self.behind.name.mistake == "smtp_username_unknown":
            sender = username  # its domain must be linked, too
        if token is None:
            return False
        for endpoint in endpoints:
            answer = find_host(self._questions, endpoint) or ask_to_send(
                self._questions, endpoint, token, sender
            )
            if self.behind.email is None or answer.phase != "resolve":
                shown = self._questions.hidden.redact(sender)
                self.behind = replace(self.behind, email=answer, email_sender=shown)
            if answer.phase != "resolve":
                break
        return True

    def _read_roles(self) -> bool:
        managed, management = self.behind.management, self._management
        token = self.behind.token or (read_token(self._token.reveal()) if self._token else None)
        if managed is None or management is None or managed.answer.status != 200:
            return False
        if token is not None and token.object_id:
            managed = management.with_roles(managed, token.object_id)
            self.behind = replace(self.behind, management=managed)
        return True


def _told(name: EntraName, options: IdentityOptions, environment: Mapping[str, str]) -> EntraName:
    """Return what an SMTP user name represents according to the user. Raises ConfigError."""
    if options.stands_for:
        told = read_name(options.stands_for)
        if told.mistake:
            plain = told.mistake in MAY_BE_SMTP_NAME
            wrong = f"not RESOURCE.APPLICATION.TENANT{'' if plain else f'; {told.sentence}'}"
            raise ConfigError(f"--stands-for: {wrong}")
        return replace(told, mistake=name.mistake, sentence=name.sentence, known_from="option")
    tenant, client = environment.get(TENANT_VARIABLE, ""), environment.get(CLIENT_VARIABLE, "")
    if not (is_guid(client) and tenant):
        return name
    return replace(
        name, tenant_id=tenant.lower(), application_id=client.lower(), known_from="environment"
    )


def _found_in(managed: ManagementFacts, username: str) -> EntraName | None:
    """Return what an SMTP user name represents according to Resource Manager."""
    for each in managed.smtp_names or ():
        if each.username.lower() == username.lower():
            return EntraName(
                each.resource, each.application_id, each.tenant_id, known_from="management"
            )
    return None
