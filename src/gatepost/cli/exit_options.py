"""The options that say what replaces ACS Email, and the questions for those that are missing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from gatepost.cli.output import CommandFailed

if TYPE_CHECKING:
    from gatepost.migrate.exit_configuration import ExitPlan

Command = Callable[..., Any]
Choices = dict[str, Any]

# fmt: off
_OPTIONS: Final = (
    ("listen", "ADDRESS:PORT", "Where applications connect; default: 127.0.0.1:2587."),
    ("certificate", "FILE", "The relay's certificate (PEM), for TLS and the e-mail API."),
    ("key", "FILE", "Its key, if that is in another file."),
    ("api", "ADDRESS:PORT", "Where the e-mail API listens; default: it is not served."),
    ("topic", "ID", "The id of the ACS resource, for delivery events; default: there are none."),
    ("hostname", "NAME", "The relay's name; default: this machine's."),
    ("storage", "DIR", "Where the relay stores mail; default: relay."),
    ("authority", "URL", "Entra's token endpoints; default: the public cloud's."),
    ("ca-file", "FILE", "Authorities to trust for outgoing connections, instead of the system's."),
    ("hve-account", "ADDRESS", "The HVE account, which replaces the senders there."),
    ("hve-client-id", "ID", "The application that sends as the HVE account."),
    ("hve-tenant", "ID", "Its tenant, if it is another one."),
    ("hve-secret-file", "FILE", "File with its client secret."),
    ("hve-password-file", "FILE", "Instead: file with the password of the account."),
    ("hve-server", "HOST:PORT", "Default: smtp.hve.mx.microsoft:587."),
    ("outside", "PROVIDER", ("Who gets everybody else's mail: ses, mailgun, sparkpost, infobip, "
                            "exchange, graph, or HOST:PORT of a server.")),
    ("endpoint", "URL", "Another server with the provider's API."),
    ("access-key-id", "ID", "Of SES."),
    ("secret-access-key-file", "FILE", "Of SES."),
    ("api-key-file", "FILE", "Of other providers' APIs."),
    ("mailbox", "ADDRESS", "Of Exchange Online or Graph: the mailbox that sends."),
    ("outside-client-id", "ID", "Of Exchange Online or Graph: the application that sends."),
    ("outside-tenant", "ID", "Its tenant, if it is another one."),
    ("outside-secret-file", "FILE", "File with its client secret."),
    ("outside-username", "NAME", "Of a server: the user name."),
    ("outside-password-file", "FILE", "Of a server: file with the password."),
    ("managed-sender", "ADDRESS",
     "The sender that replaces those of azurecomm.net, which are Microsoft's."),
)
# fmt: on
_REPEATABLE: Final = (
    click.option(
        "--accepted-domain",
        "accepted_domains",
        metavar="DOMAIN",
        multiple=True,
        help="A domain whose recipients get mail through HVE (repeatable).",
    ),
    click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        help="A key of the provider, such as region=eu-west-1 (repeatable).",
    ),
)  # fmt: skip


def exit_options(command: Command) -> Command:
    """Add the options that say what replaces ACS Email."""
    for option in _REPEATABLE:
        command = option(command)
    for name, metavar, text in reversed(_OPTIONS):
        command = click.option(f"--{name}", metavar=metavar, help=text)(command)
    return command


class Question(NamedTuple):
    """What to ask for if an option is missing."""

    key: str
    text: str
    is_asked: Callable[[Mapping[str, Any]], bool] = lambda _: True
    default: str | None = None
    """None: it is required; empty: it may be left out."""
    is_list: bool = False


def _is(*providers: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda choices: choices.get("outside") in providers


def _has_hve(choices: Mapping[str, Any]) -> bool:
    return bool(choices.get("accepted_domains"))


QUESTIONS: Final = (
    Question("tenants", "Entra tenant, the last part of SMTP user names (id)", is_list=True),
    Question("senders", "Senders that applications may use: addresses or @domains", is_list=True,
             is_asked=lambda choices: not choices.get("has_applications")),
    Question("accepted_domains", "Domains of your organisation, for HVE (empty: none)",
             default="", is_list=True),
    Question("hve_account", "Address of the HVE account", _has_hve),
    Question("hve_client_id", "Client id of the application that sends as it", lambda choices:
             _has_hve(choices) and not choices.get("hve_password_file")),
    Question("hve_secret_file", "File with that application's client secret", lambda choices:
             _has_hve(choices) and not choices.get("hve_password_file")),
    Question("outside", "Provider for everybody else (ses, mailgun, sparkpost, infobip, exchange, "
             "graph, or HOST:PORT)"),
    Question("region", "Region of SES", _is("ses")),
    Question("access_key_id", "Access key id of SES", _is("ses")),
    Question("secret_access_key_file", "File with the secret access key", _is("ses")),
    Question("domain", "Your domain at Mailgun", _is("mailgun")),
    Question("account", "Account at Infobip: x of https://x.api.infobip.com", _is("infobip")),
    Question("api_key_file", "File with the API key", _is("mailgun", "sparkpost", "infobip")),
    Question("mailbox", "Mailbox that sends", _is("exchange")),
    Question("outside_client_id", "Client id of the application", _is("exchange", "graph")),
    Question("outside_secret_file", "File with its client secret", _is("exchange", "graph")),
    Question("outside_username", "User name there (empty: no login)",
             lambda choices: ":" in str(choices.get("outside")), ""),
    Question("outside_password_file", "File with the password",
             lambda choices: bool(choices.get("outside_username"))),
    Question("managed_sender", "Sender that replaces those of azurecomm.net",
             lambda choices: bool(choices.get("has_managed_domain"))),
)  # fmt: skip
_SETTINGS: Final = ("region", "domain", "account")
"""Answers that are keys of a provider."""


def read_settings(choices: Choices) -> None:
    """Turn ``KEY=VALUE`` into keys of the provider. Raises UsageError."""
    settings: dict[str, str] = {}
    for each in choices.get("settings") or ():
        key, equals, value = each.partition("=")
        if not equals:
            raise click.UsageError(f"--set {each}: not KEY=VALUE")
        settings[key] = value
    choices["settings"] = settings


def ask_for_missing(choices: Choices) -> None:
    """Ask for what is missing, in order: each question depends on earlier answers."""
    for each in QUESTIONS:
        known = choices.get(each.key) or choices["settings"].get(each.key)
        if known or not each.is_asked(choices):
            continue
        answer = click.prompt(each.text, default=each.default, show_default=False, type=str).strip()
        if each.key in _SETTINGS:
            choices["settings"][each.key] = answer
        else:
            choices[each.key] = answer.replace(",", " ").split() if each.is_list else answer


def plan_of(choices: Choices) -> "ExitPlan":
    """Return the plan. Raises ConfigError for what is missing."""
    from gatepost.errors import ConfigError  # noqa: PLC0415 - not for --help
    from gatepost.migrate.exit_configuration import ExitApplication, ExitPlan  # noqa: PLC0415
    from gatepost.migrate.exit_targets import inside_target, outside_target  # noqa: PLC0415
    from gatepost.net.dial import host_name  # noqa: PLC0415

    if not choices.get("tenants"):
        raise ConfigError("missing: the Entra tenant (--tenant)")
    if choices.get("api") and not choices.get("certificate"):
        raise ConfigError("missing: the certificate of the e-mail API (--certificate)")
    if choices.get("key") and not choices.get("certificate"):
        raise ConfigError("missing: the certificate that the key is of (--certificate)")
    applications: list[ExitApplication] = list(choices.get("applications") or ())
    accepted = tuple(choices.get("accepted_domains") or ())
    if not accepted and any(choices.get(each) for each in choices if each.startswith("hve_")):
        raise ConfigError("missing: the domains whose mail HVE gets (--accepted-domain)")
    managed = bool(choices.get("has_managed_domain") or choices.get("managed_sender"))
    return ExitPlan(
        choices.get("hostname") or host_name(),
        choices.get("listen") or "127.0.0.1:2587",
        choices.get("storage") or "relay",
        tuple(choices["tenants"]),
        tuple(applications),
        outside_target(choices, has_managed_domain=managed),
        inside_target(choices) if accepted else None,
        accepted,
        choices.get("certificate") or "",
        choices.get("key") or "",
        choices.get("api") or "",
        choices.get("authority") or "",
        choices.get("ca_file") or "",
        tuple(choices.get("senders") or ()),
        choices.get("topic") or "",
        tuple(choices.get("webhooks") or ()) if choices.get("topic") else (),
    )


def write_configuration(path: Path, text: str, *, overwrite: bool = False) -> str:
    """Write the file, and return what was done: ``written``, ``unchanged`` or ``kept``: it is
    another one, which is kept unless it is to be overwritten. Raises CommandFailed."""
    octets = text.encode()
    try:
        before = path.read_bytes() if path.exists() else None
        if before == octets:
            return "unchanged"
        if before is not None and not overwrite:
            return "kept"
        path.write_bytes(octets)
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror or error}") from None
    return "written"
