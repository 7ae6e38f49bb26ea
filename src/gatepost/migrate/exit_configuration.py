"""Writes the configuration of a relay that stays where ACS Email was, with comments. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatepost.migrate.carried_webhooks import ExitWebhook
from gatepost.model.unprintable import replace_unprintable

_ALSO: Final = '["inside", "outside"]: outside, too, what HVE never takes, such as 10 MB or more'
MANAGED: Final = "*.azurecomm.net"
"""Senders of Azure-managed domains, which are Microsoft's."""
_LIMITS: Final = """\
# Those of ACS, so that applications are refused what they were refused there.
[limits]
message_size = 31_457_280
recipients = 50
"""


@dataclass(frozen=True, slots=True)
class ExitApplication:
    """An application of Entra that signs in today, and the senders that it may use."""

    id: str
    senders: tuple[str, ...]
    usernames: tuple[str, ...] = ()
    """Its SMTP user names, besides RESOURCE.APPLICATION.TENANT."""
    tenant: str = ""
    name: str = ""
    """For a comment."""


@dataclass(frozen=True, slots=True)
class ExitTarget:
    """A way out: the keys of its target, and of its credential."""

    name: str
    about: str
    """For a comment."""
    keys: Mapping[str, Any]
    credential: Mapping[str, Any] = field(default_factory=dict)
    """Empty: there is none."""


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """What the configuration says."""

    hostname: str
    listen: str
    storage: str
    tenants: tuple[str, ...]
    applications: tuple[ExitApplication, ...]
    outside: ExitTarget
    inside: ExitTarget | None = None
    """For recipients in ``accepted_domains``."""
    accepted_domains: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    api: str = ""
    """Where the e-mail API listens; empty: it is not served."""
    authority: str = ""
    """Of Entra; empty: the public one."""
    ca_file: str = ""
    senders: tuple[str, ...] = ()
    """Of every other application of the tenants; empty: no other may sign in."""
    topic: str = ""
    """The id of the ACS resource, for delivery events; empty: there are none."""
    webhooks: tuple[ExitWebhook, ...] = ()
    """Who gets these."""


def exit_configuration(plan: ExitPlan) -> str:
    """Return the text of the file."""
    parts = [_head(plan), _listener(plan), _LIMITS, _directory(plan)]
    if plan.api:
        parts.append(_api(plan))
    parts += [_target(each) for each in (plan.inside, plan.outside) if each is not None]
    parts.append(_routes(plan))
    if plan.topic:
        parts.append(_events(plan))
    parts.append(f"[storage]\ndirectory = {_value(plan.storage)}\n")
    return "\n".join(parts)


def _head(plan: ExitPlan) -> str:
    lines = [
        "# Stays where ACS Email was: applications keep their user names, secrets and keys.",
        "# Check it with `gatepost check`, and run it with `gatepost serve`.",
        "",
        f"hostname = {_value(plan.hostname)}",
    ]
    if plan.ca_file:
        lines += ["# Authorities for outgoing HTTPS.", f"ca_file = {_value(plan.ca_file)}"]
    return "\n".join([*lines, ""])


def _listener(plan: ExitPlan) -> str:
    lines = [
        "# In each application, the host of this listener replaces smtp.azurecomm.net.",
        "[[listener]]",
        'name = "submission"',
        f"address = {_value(plan.listen)}",
        'replies = "acs"  # the codes and texts of refusals',
    ]
    return "\n".join([*lines, *_certificate(plan), ""])


def _certificate(plan: ExitPlan) -> Iterator[str]:
    if not plan.certificate:
        yield 'tls = "none"  # possible on this machine only; otherwise certificate = "..."'
        return
    yield f"certificate = {_value(plan.certificate)}"
    if plan.key:
        yield f"key = {_value(plan.key)}"


def _directory(plan: ExitPlan) -> str:
    lines = [
        "# Entra goes on checking the client secrets that applications have as their passwords.",
        "# What `gatepost migrate acs` reads is in the directory of this relay: domains, access",
        "# keys, suppression lists.",
        "[directory]",
        'kind = ["entra", "azure"]',
        f"tenants = {_value(list(plan.tenants))}",
    ]
    if plan.senders:
        lines.append(f"senders = {_value(list(plan.senders))}")
    if plan.authority:
        lines.append(f"authority = {_value(plan.authority)}")
    for each in plan.applications:
        lines += ["", *([_comment(each.name)] if each.name else []), "[[directory.application]]"]
        lines += [f"id = {_value(each.id)}", f"senders = {_value(list(each.senders))}"]
        if each.usernames:
            lines.append(f"usernames = {_value(list(each.usernames))}")
        if each.tenant and len(plan.tenants) > 1:
            lines.append(f"tenant = {_value(each.tenant)}")
    return "\n".join([*lines, ""])


def _api(plan: ExitPlan) -> str:
    lines = [
        "# The e-mail API: in connection strings only the endpoint changes.",
        "[api]",
        f"address = {_value(plan.api)}",
        f"certificate = {_value(plan.certificate)}",
        *([f"key = {_value(plan.key)}"] if plan.key else []),
    ]
    return "\n".join([*lines, ""])


def _target(target: ExitTarget) -> str:
    lines: list[str] = [f"# {target.about}"]
    if target.credential:
        lines += [f"[credentials.{target.name}]", *_keys(target.credential), ""]
    lines += [f"[target.{target.name}]", *_keys(target.keys)]
    if target.credential:
        lines.append(f"credential = {_value(target.name)}")
    return "\n".join([*lines, ""])


def _routes(plan: ExitPlan) -> str:
    lines = [
        "# Bounces of this relay have no sender, which providers do not accept: they stay here.",
        "[target.bounces]",
        'kind = "capture"',
        "",
        "[[route]]",
        'senders = ["<>"]',
        'to = "bounces"',
    ]
    if plan.inside is not None:
        lines += [
            "",
            "# One message to recipients inside and outside is split; each target gets its own.",
            "[[route]]",
            f"recipients = {_value(list(plan.accepted_domains))}",
            f"to = {_value(plan.inside.name)}  # {_ALSO}",
        ]
    return "\n".join([*lines, "", "[[route]]", f"to = {_value(plan.outside.name)}", ""])


def _events(plan: ExitPlan) -> str:
    lines = [
        "# Delivery events with the old topic, by which subscribers may filter. Say where else",
        "# they go with `gatepost webhook create URL`.",
        "[events]",
        f"topic = {_value(plan.topic)}",
    ]
    for each in plan.webhooks:
        lines += ["", "[[events.webhook]]", f"name = {_value(each.name)}",
                  f"url = {_value({'file': each.file})}", *_keys(each.keys)]  # fmt: skip
    return "\n".join([*lines, ""])


def _comment(text: str) -> str:
    """Return text that others wrote as a comment of one line."""
    return f"# {replace_unprintable(' '.join(text.split()))}"


def _keys(keys: Mapping[str, Any]) -> Iterator[str]:
    for key, value in keys.items():
        yield f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    """Return a value in TOML; for strings, numbers and lists of them that is JSON."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
