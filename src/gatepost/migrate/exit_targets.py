"""The ways out that ``init acs-exit`` and ``migrate acs`` write, from what the user says. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from gatepost.errors import ConfigError
from gatepost.migrate.exit_configuration import MANAGED, ExitTarget

HVE_SERVER: Final = "smtp.hve.mx.microsoft:587"
EXCHANGE_SERVER: Final = "smtp.office365.com:587"
HVE_RECIPIENTS: Final = 50
_OUTLOOK_SCOPE: Final = "https://outlook.office.com/.default"
HTTP_APIS: Final = ("ses", "mailgun", "sparkpost", "infobip")
OUTSIDE: Final = (*HTTP_APIS, "exchange", "graph")
"""Names that ``--outside`` knows; anything else is HOST:PORT of a server for SMTP."""
Choices = Mapping[str, Any]
"""Options by name; what was not given is empty or missing."""


def inside_target(choices: Choices) -> ExitTarget:
    """Return High Volume Email, which takes mail of its own account only."""
    account = _need(choices, "hve_account", "the address of the HVE account")
    keys = {
        "kind": "smarthost",
        "servers": [choices.get("hve_server") or HVE_SERVER],
        **_optional(choices, "ca_file"),
        "recipients_per_message": HVE_RECIPIENTS,
        "send_as": account,
    }
    about = "Microsoft 365 High Volume Email: recipients in your organisation, 10 MB a message."
    if choices.get("hve_password_file"):
        _refuse_both(choices, "hve_password_file", "hve_secret_file", "hve_client_id", "hve_tenant")
        credential = _password(account, choices["hve_password_file"])
    else:
        credential = {**_application(choices, "hve"), "username": account, "scope": _OUTLOOK_SCOPE}
    return ExitTarget("inside", about, keys, credential)


def outside_target(choices: Choices, *, has_managed_domain: bool = False) -> ExitTarget:
    """Return the provider for everybody else. ``has_managed_domain``: some mail has a sender of
    Microsoft's, which no other provider accepts. Raises ConfigError for what is missing."""
    name = _need(choices, "outside", f"one of {', '.join(OUTSIDE)}, or HOST:PORT")
    if choices.get("settings") and name not in HTTP_APIS:
        raise ConfigError(f"--set is for {', '.join(HTTP_APIS)}, and not for {name}")
    if name in HTTP_APIS:
        target = _http_api(name, choices)
    elif name == "graph":
        keys = {"kind": "graph", **_optional(choices, "endpoint"), **_optional(choices, "mailbox")}
        about = "Microsoft Graph: counts towards the tenant's daily limit of recipients outside."
        target = ExitTarget("outside", about, keys, _application(choices, "outside"))
    elif name == "exchange":
        keys = {"kind": "smarthost", "servers": [EXCHANGE_SERVER], "rate": "30/m", "connections": 3}
        mailbox = _need(choices, "mailbox", "the mailbox that signs in")
        about = "Exchange Online: counts towards the tenant's daily limit of recipients outside."
        credential = {**_application(choices, "outside"), "username": mailbox}
        target = ExitTarget("outside", about, keys, credential)
    elif ":" not in name:
        raise ConfigError(f"--outside {name}: must be {', '.join(OUTSIDE)}, or HOST:PORT")
    else:
        keys = {"kind": "smarthost", "servers": [name], **_optional(choices, "ca_file")}
        credential = {}
        if username := choices.get("outside_username"):
            file = _need(choices, "outside_password_file", "the file with its password")
            credential = _password(username, file)
        target = ExitTarget("outside", "Everybody else.", keys, credential)
    if not has_managed_domain:
        return target
    sender = _need(choices, "managed_sender", "the sender that replaces those of azurecomm.net")
    rewritten = {**target.keys, "send_as": sender, "send_as_for": [MANAGED]}
    return ExitTarget(target.name, target.about, rewritten, target.credential)


def _http_api(name: str, choices: Choices) -> ExitTarget:
    settings = dict(choices.get("settings") or {})
    keys = {"kind": "http-api", "provider": name, **settings, **_optional(choices, "endpoint")}
    about = f"Everybody else: the API of the provider {name}, which must know your domain."
    if name != "ses":
        key = {"file": _need(choices, "api_key_file", "the file with the API key")}
        return ExitTarget("outside", about, keys, {"kind": "api-key", "key": key})
    if "region" not in settings:
        raise ConfigError("missing: the region of SES (--set region=eu-west-1)")
    file = _need(choices, "secret_access_key_file", "the file with the secret access key")
    credential = {
        "kind": "aws-access-key",
        "access_key_id": _need(choices, "access_key_id", "the access key id of SES"),
        "secret_access_key": {"file": file},
    }
    return ExitTarget("outside", about, keys, credential)


def _application(choices: Choices, whose: str) -> dict[str, Any]:
    """Return the credential of an application of Entra."""
    tenant = choices.get(f"{whose}_tenant") or (choices.get("tenants") or [""])[0]
    if not tenant:
        raise ConfigError("missing: the tenant (--tenant)")
    file = _need(choices, f"{whose}_secret_file", "the file with the application's client secret")
    return {
        "kind": "entra",
        "tenant": tenant,
        "client_id": _need(choices, f"{whose}_client_id", "the client id of the application"),
        "secret": {"file": file},
        **({"authority": choices["authority"]} if choices.get("authority") else {}),
    }


def _refuse_both(choices: Choices, key: str, *others: str) -> None:
    for other in others:
        if choices.get(other):
            names = " and ".join(f"--{each.replace('_', '-')}" for each in (key, other))
            raise ConfigError(f"{names} cannot be used together")


def _password(username: str, file: str) -> dict[str, Any]:
    return {"kind": "password", "username": username, "password": {"file": file}}


def _optional(choices: Choices, key: str) -> dict[str, Any]:
    return {key: choices[key]} if choices.get(key) else {}


def _need(choices: Choices, key: str, what: str) -> str:
    value = choices.get(key)
    if not value:
        raise ConfigError(f"missing: {what} (--{key.replace('_', '-')})")
    return str(value)
