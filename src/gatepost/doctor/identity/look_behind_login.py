"""Look behind a refused login, step by step; the first step that fails is the last one.

The secret is sent to the authority, over verified TLS, once. Requests with the token that it issues
only read, or cannot be accepted.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from gatepost.client.tokens.entra import EntraApplication
from gatepost.diagnosis.entra.access_tokens import read_token
from gatepost.diagnosis.entra.usernames import MAY_BE_SMTP_NAME, read_name
from gatepost.diagnosis.rules.auth_attempts import refused_secret
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.doctor.credential_shapes import shape_of
from gatepost.doctor.identity.authority import ask_for_tenant, ask_for_token
from gatepost.doctor.identity.email_api import ask_to_send, endpoints_of, find_host
from gatepost.doctor.identity.resource_manager import Management
from gatepost.doctor.identity.service_addresses import (
    AUTHORITY_VARIABLE,
    Cloud,
    authority_beside,
    find_cloud,
)
from gatepost.doctor.identity.service_request import Ask, Questions
from gatepost.doctor.probe_settings import IdentityOptions, Visit
from gatepost.doctor.provider_profiles import profile_of
from gatepost.doctor.repeated_secrets import hide
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
        _name_by_user(EntraName(), options, {})


def look_behind(
    visit: Visit, evidence: Evidence, environment: Mapping[str, str], ask: Ask | None = None
) -> Evidence:
    """Return the evidence with what is behind a refused login, if Entra decides about it.

    ``ask`` replaces the network. Raises ConfigError as ``check`` does, and TlsError for a CA file
    that cannot be used.
    """
    credentials, options = visit.credentials, visit.settings.identity
    if credentials is None:
        return evidence
    if credentials.token is not None:
        evidence = replace(evidence, token=seen(read_token(credentials.token.reveal())))
    profile = profile_of(evidence)
    if profile is None or not profile.doctor.identity or refused_secret(evidence) is None:
        return evidence
    local = is_local(visit.server, evidence)
    if local and (beside := authority_beside(visit.settings.ca_file, visit.server)):
        environment = {AUTHORITY_VARIABLE: beside, **environment}
    cloud, trouble = Cloud(), ""
    if not options.closed:
        try:
            cloud = find_cloud(options.urls, environment, local=local)
        except ConfigError as error:  # of the environment; the visit was worth its while
            trouble = str(error)
    questions = _questions(ask or _asking(visit.settings.ca_file), credentials, options)
    look = Look(credentials, profile.doctor, cloud, questions, evidence.seen_at)
    behind = look.look(options, environment, visit.checks.mail_from)
    return replace(evidence, behind=seen(replace(behind, untried=trouble or behind.untried)))


def is_local(server: Server, evidence: Evidence) -> bool:
    """Tell whether the mail server runs on this machine."""
    connects = evidence.connects.value or ()
    addresses = [each.address for each in connects if each.outcome == "ok"] or [server.host]
    return all(each.startswith("127.") or each in ("::1", "localhost") for each in addresses)


def _asking(ca_file: str | None) -> Ask:
    from gatepost.net.blocking_http import Fetcher  # noqa: PLC0415 - a healthy server needs none

    return Fetcher(ca_file=ca_file).ask


def _questions(ask: Ask, credentials: Credentials, options: IdentityOptions) -> Questions:
    hidden = Transcript()
    for secret in (credentials.password, credentials.token, options.arm_token):
        if secret is not None:
            hide(hidden, secret.reveal())
    return Questions(ask, hidden)


_NO_ADDRESS: Final = EntraName(mistake="no_address", sentence="it is not a mailbox's address")


class _Ended(Exception):
    """A step shows why the login was refused, or nothing more can be asked."""


class Look:
    """One look; what it shows is collected in ``behind``."""

    def __init__(
        self,
        credentials: Credentials,
        facts: DoctorFacts,
        cloud: Cloud,
        questions: Questions,
        now: datetime | None,
    ) -> None:
        self._credentials, self._facts, self._now = credentials, facts, now
        self._cloud, self._questions = cloud, questions
        self.behind = Behind(EntraName())
        self._token = credentials.token

    def look(self, options: IdentityOptions, environment: Mapping[str, str], sender: str) -> Behind:
        """Do the steps in order, and return what they show."""
        self._management: Management | None = None
        self._note(authority=self._cloud.authority_host)
        try:
            self._read_name(options, environment)
            self._read_secret()
            self._read_resources(options.arm_token)
            self._find_tenant()
            token = self._get_token()
            self._try_to_send(token, sender)
            self._read_roles(token)
        except _Ended as why:
            self._note(untried=str(why))
        return self.behind

    def _note(self, **facts: object) -> None:
        self.behind = replace(self.behind, **facts)  # type: ignore[arg-type]  # names of its fields

    # What needs no question.

    def _read_name(self, options: IdentityOptions, environment: Mapping[str, str]) -> None:
        username = self._credentials.username
        if self._facts.identity == "entra_user":
            self._read_address(username)
            return
        name = read_name(username)
        if name.mistake in MAY_BE_SMTP_NAME:
            name = _name_by_user(name, options, environment)
        self._note(name=name)
        if name.mistake and name.mistake not in MAY_BE_SMTP_NAME:
            raise _Ended

    def _read_address(self, username: str) -> None:
        """Take the tenant from the domain of a mailbox."""
        _, at, domain = username.rpartition("@")
        sane = bool(at) and domain.isascii() and domain.replace("-", "").replace(".", "").isalnum()
        name = EntraName(tenant_id=domain.lower()) if sane else _NO_ADDRESS
        self._note(name=name, differs=self._is_token_of_another_user(username))
        if not sane:
            raise _Ended

    def _is_token_of_another_user(self, username: str) -> bool:
        """Tell whether the token belongs to another user. For a shared mailbox, the user name is
        the delegate's, and MAIL FROM the mailbox."""
        whose = read_token(self._token.reveal()).username if self._token is not None else ""
        return whose.lower() not in ("", username.lower())

    def _read_secret(self) -> None:
        password = self._credentials.password
        if password is not None and shape_of(password.reveal()).kind in _NO_SECRET:
            raise _Ended("the password is not a client secret")
        if not self._cloud.authority:
            raise _Ended("no authority is named (--authority URL, or AZURE_AUTHORITY_HOST)")

    # Questions.

    def _read_resources(self, token: Secret | None) -> None:
        """Read from Resource Manager, which may know an SMTP user name."""
        if token is None or not self._cloud.arm or self._facts.identity != "entra_application":
            return
        self._management = Management(self._questions, self._cloud.arm, token)
        name = self.behind.name
        managed = self._management.resources(name.resource)
        if name.mistake:  # what is looked up is more certain than what the user said
            known_name = _name_by_management(managed, self._credentials.username)
            if known_name is not None:
                name = replace(known_name, mistake=name.mistake, sentence=name.sentence)
                managed = replace(
                    managed,
                    resource_id=self._management.id_of(name.resource),
                    host=self._management.host_of(name.resource),
                )
        self._note(name=name, management=managed)

    def _find_tenant(self) -> None:
        name, authority = self.behind.name, self._cloud.authority
        if not name.tenant_id:
            raise _Ended(
                "it is not known which application the user name stands for (--stands-for, or "
                "--arm-token-file)"
            )
        tenant, tenant_id = ask_for_tenant(self._questions, authority, name.tenant_id)
        self._note(tenant=tenant)
        if self._facts.identity == "entra_user":
            self._note(tenant_id=tenant_id)
        if tenant.status == 200:
            return
        if tenant.number and name.application_id:
            swapped, _ = ask_for_tenant(self._questions, authority, name.application_id)
            self._note(swapped=swapped)
        raise _Ended

    def _get_token(self) -> Secret:
        """Return a token for the e-mail API: the credentials' own, or one for the password."""
        password, name = self._credentials.password, self.behind.name
        if self._facts.identity != "entra_application":
            raise _Ended
        if password is None and self._token is not None and self._is_for_us(self._token):
            return self._token
        if password is None or not name.application_id:
            raise _Ended
        application = EntraApplication(name.tenant_id, name.application_id, self._cloud.authority)
        answer, token = ask_for_token(
            self._questions, application, password, self._facts.token_scope
        )
        self._note(token_request=answer)
        if token is None:
            raise _Ended
        hide(self._questions.hidden, token.reveal())
        self._note(token=read_token(token.reveal()))
        return token

    def _is_for_us(self, token: Secret) -> bool:
        """Tell whether a token is for this service and valid now; any other is refused everywhere,
        which proves nothing."""
        named = read_token(token.reveal())
        if self._now is not None and not named.is_current(self._now):
            return False
        return named.audience.removesuffix("/").lower() in self._facts.token_audiences

    def _try_to_send(self, token: Secret, sender: str) -> None:
        resource, managed = self.behind.name.resource, self.behind.management
        endpoints = endpoints_of(self._cloud.email, resource, managed.host if managed else "")
        username = self._credentials.username
        if not sender and self.behind.name.mistake == "smtp_username_unknown":
            sender = username  # its domain must be linked, too
        for endpoint in endpoints:
            answer = find_host(self._questions, endpoint) or ask_to_send(
                self._questions, endpoint, token, sender
            )
            if self.behind.email is None or answer.phase != "resolve":
                redacted_sender = self._questions.hidden.redact(sender)
                self._note(email=answer, email_sender=redacted_sender)
            if answer.phase != "resolve":
                break

    def _read_roles(self, token: Secret) -> None:
        managed, management = self.behind.management, self._management
        if managed is None or management is None or managed.answer.status != 200:
            return
        if object_id := read_token(token.reveal()).object_id:
            self._note(management=management.with_roles(managed, object_id))


def _name_by_user(
    name: EntraName, options: IdentityOptions, environment: Mapping[str, str]
) -> EntraName:
    """Return what an SMTP user name represents according to the user. Raises ConfigError."""
    if options.stands_for:
        named = read_name(options.stands_for)
        if named.mistake:
            plain = named.mistake in MAY_BE_SMTP_NAME
            wrong = f"not RESOURCE.APPLICATION.TENANT{'' if plain else f'; {named.sentence}'}"
            raise ConfigError(f"--stands-for: {wrong}")
        return replace(named, mistake=name.mistake, sentence=name.sentence, known_from="option")
    tenant, client = environment.get(TENANT_VARIABLE, ""), environment.get(CLIENT_VARIABLE, "")
    if not (is_guid(client) and tenant):
        return name
    return replace(
        name, tenant_id=tenant.lower(), application_id=client.lower(), known_from="environment"
    )


def _name_by_management(managed: ManagementFacts, username: str) -> EntraName | None:
    """Return what an SMTP user name represents according to Resource Manager."""
    for each in managed.smtp_names or ():
        if each.username.lower() == username.lower():
            return EntraName(
                each.resource, each.application_id, each.tenant_id, known_from="management"
            )
    return None
