"""Words what was found behind a server, as proof, and as a fix that can be pasted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from gatepost.diagnosis.entra.codes import CODES
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.model.entra import Behind, EntraResponse, TokenSeen
from gatepost.model.finding import Remedy

AZURE: Final = "azure-cli"
"""The name that stands for a library in fixes by command."""
EXCHANGE: Final = "exchange-powershell"
"""The same for Exchange Online."""
ROLE: Final = "Communication and Email Service Owner"


def tenant_proof(behind: Behind) -> Iterator[str]:
    """Yield the result of OpenID discovery for the tenant."""
    if behind.tenant is not None:
        yield f"discovery of tenant {behind.name.tenant_id}: {describe(behind.tenant)}"


def token_proof(behind: Behind) -> Iterator[str]:
    """Yield the answer of the token endpoint."""
    answer = behind.token_request
    if answer is not None and answer.status == 200:
        yield f"{answer.host} issues a token for this application and secret: both are valid"
    elif answer is not None:
        yield f"the token endpoint says {describe(answer)}"


def email_proof(behind: Behind) -> tuple[str, ...]:
    """Return the answer of the e-mail API, and its meaning."""
    email = behind.email
    if email is None or not email.status:
        return ()
    sender = f" as {behind.email_sender}" if behind.email_sender else ""
    means = {
        401: "the token is not accepted",
        404: "the token is accepted, the sender's domain is not linked",
    }.get(email.status, "the token is accepted, nothing was sent")
    return (f"POST /emails:send at {email.host}{sender} was answered {codes_of(email)}: {means}",)


def role_proof(behind: Behind) -> Iterator[str]:
    """Yield the application's roles."""
    managed = behind.management
    if managed is None or managed.roles is None:
        return
    if not managed.roles:
        yield f"Resource Manager lists no role of service principal {managed.principal_id}"
    for each in managed.roles[:5]:
        yield f"it has {each.role or 'a role'} on {each.scope}"


def describe(answer: EntraResponse | None) -> str:
    """Return an answer with what its code means."""
    if answer is None:
        return ""
    if answer.failure:
        return answer.failure
    code = CODES.get(answer.number)
    return f"{codes_of(answer)}{': ' + code.proves if code else ''}"


def codes_of(answer: EntraResponse) -> str:
    """Return an answer's status and codes."""
    number = f"AADSTS{answer.number}" if answer.number else ""
    return " ".join(filter(None, (f"HTTP {answer.status}", answer.error, number)))


def age(moment: datetime | None, now: datetime) -> str:
    """Return how long ago it was."""
    seconds = max(0, int((now - moment).total_seconds())) if moment else 0
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def some_of(names: tuple[str, ...]) -> str:
    """Return the first names of a list."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def resource_id(behind: Behind) -> str:
    """Return the id of the resource, as far as it is known."""
    managed = behind.management
    if managed is not None and managed.resource_id:
        return managed.resource_id
    name = behind.name.resource or "RESOURCE"
    return (
        "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Communication/"
        f"communicationServices/{name}"
    )


def assign_role(behind: Behind) -> Remedy:
    """Return the command that gives the service principal its role."""
    managed, token = behind.management, behind.token
    principal = (managed.principal_id if managed else "") or (token.object_id if token else "")
    assignee: tuple[str, ...] = (f"--assignee {behind.name.application_id or 'APPLICATION'}",)
    if is_guid(principal):  # it came in a token, and goes into a command
        assignee = f"--assignee-object-id {principal}", "--assignee-principal-type ServicePrincipal"
    lines = (
        "az role assignment create",
        *assignee,
        f'--role "{ROLE}"',
        '--scope "$(az communication list --output tsv',
        f'    --query "[?name==\'{behind.name.resource or "RESOURCE"}\'].id")"',
    )
    return Remedy(AZURE, "Assign it, then wait some minutes:", _command(lines))


def make_smtp_name(behind: Behind) -> Remedy:
    """Return the command that makes an SMTP user name."""
    name = behind.name
    lines = (
        "az communication smtp-username create --name NAME --username USERNAME",
        f"--comm-service-name {name.resource or 'RESOURCE'}",
        "--resource-group GROUP",
        f"--entra-application-id {name.application_id or 'APPLICATION'}",
        f"--tenant-id {name.tenant_id or 'TENANT'}",
    )
    return Remedy(AZURE, "Create it, then wait some minutes:", _command(lines))


def make_service_principal(token: TokenSeen) -> Remedy:
    """Return the commands that make an application known to Exchange, and open a mailbox to it."""
    application = token.application_id if is_guid(token.application_id) else "CLIENT_ID"
    mailbox = open_mailbox(token)
    made = f"New-ServicePrincipal -AppId {application} -ObjectId {_object_id(token)}"
    return replace(mailbox, text="Make it known, and open the mailbox to it:",
                   code=f"{made}\n{mailbox.code}")  # fmt: skip


def open_mailbox(token: TokenSeen | None) -> Remedy:
    """Return the commands that let an application use a mailbox of Exchange Online."""
    return Remedy(
        EXCHANGE, "Open the mailbox to it, then wait up to two hours:",
        f"Add-MailboxPermission -Identity MAILBOX -User {_object_id(token)} `\n"
        "    -AccessRights FullAccess\n"
        "Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled $false",
    )  # fmt: skip


def _object_id(token: TokenSeen | None) -> str:
    """Return the object id of the enterprise application; it came in a token, and goes into a
    command."""
    return token.object_id if token is not None and is_guid(token.object_id) else "OBJECT_ID"


def _command(lines: tuple[str, ...]) -> str:
    return " \\\n    ".join(lines)
