"""Options of the doctor about what is behind a server: tokens, authorities, their APIs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gatepost.cli.secret_file import read_secret, read_token

if TYPE_CHECKING:  # not for --help
    from gatepost.client.settings import Token
    from gatepost.doctor.probe_settings import IdentityOptions
    from gatepost.model.finding import Diagnosis

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option(
        "--token-file",
        type=click.File("rb"),
        help="Sign in with this access token (XOAUTH2); without HOST, only examine it.",
    ),
    click.option(
        "--authority",
        metavar="URL",
        help="URL of Microsoft Entra; default: AZURE_AUTHORITY_HOST, or the public cloud's.",
    ),
    click.option(
        "--arm-url",
        metavar="URL",
        help="URL of Azure Resource Manager; default: GATEPOST_ARM_URL, or that of the cloud.",
    ),
    click.option(
        "--email-url",
        metavar="URL",
        help="URL of the e-mail API, {resource} for the name; default: GATEPOST_EMAIL_URL.",
    ),
    click.option(
        "--arm-token-file",
        type=click.File("rb"),
        help="A token for Resource Manager, to look up roles and SMTP user names.",
    ),
    click.option(
        "--stands-for",
        metavar="NAME",
        help="RESOURCE.APPLICATION.TENANT of the user name, if it is an SMTP user name.",
    ),
    click.option(
        "--smtp-only",
        is_flag=True,
        help="Ask only the mail server, even if it refuses the password.",
    ),
)


def behind_options(command: F) -> F:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_credential(arguments: dict[str, Any]) -> "str | Token | None":
    """Return the password or the token. Raises UsageError."""
    username, password, token = (
        arguments["username"],
        arguments["password_file"],
        arguments["token_file"],
    )
    if password is not None and token is not None:
        raise click.UsageError("--password-file and --token-file cannot be used together")
    if (username is None) != (password is None and token is None):
        raise click.UsageError("--username needs --password-file or --token-file")
    if token is None:
        return None if password is None else read_secret(password, "password")
    from gatepost.client.settings import Token  # noqa: PLC0415

    return Token(read_secret(token, "token"))


def read_identity_options(arguments: dict[str, Any]) -> "IdentityOptions":
    """Return the options for looking behind the server."""
    from gatepost.doctor.probe_settings import IdentityOptions, IdentityUrls  # noqa: PLC0415
    from gatepost.model.secret import Secret  # noqa: PLC0415

    urls = (arguments["authority"] or "", arguments["arm_url"] or "", arguments["email_url"] or "")
    file = arguments["arm_token_file"]
    token = "" if file is None else read_token(file, "token")
    return IdentityOptions(
        IdentityUrls(*urls),
        arguments["stands_for"] or "",
        Secret(token) if token else None,
        arguments["smtp_only"],
    )


def diagnose_token(arguments: dict[str, Any]) -> "Diagnosis":
    """Diagnose a token by itself; no server is asked."""
    from gatepost.doctor.conclude import diagnose_evidence  # noqa: PLC0415
    from gatepost.doctor.identity.token_claims import examine_token  # noqa: PLC0415
    from gatepost.net.clock import SystemClock  # noqa: PLC0415

    text = read_secret(arguments["token_file"], "token")
    evidence = examine_token(text, arguments["username"] or "", SystemClock().now())
    return diagnose_evidence(evidence)
