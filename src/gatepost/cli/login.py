"""``gatepost login``: a person signs in, and a relay gets the refresh token."""

import asyncio
import json
import os
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.command_group import Group
from gatepost.cli.output import CommandFailed, print_document, print_result
from gatepost.cli.read_ready_json import read_ready
from gatepost.cli.secret_file import read_token

if TYPE_CHECKING:
    from gatepost.client.tokens.person_sign_in import PersonClient, PersonTokens
    from gatepost.net.http_client import Http

PATIENCE: Final = 900.0
"""Seconds for somebody to sign in."""
SCOPES: Final[Mapping[str, str]] = {
    "smtp": "https://outlook.office.com/SMTP.Send offline_access",
    "hve": "https://outlook.office.com/.default offline_access",
}
_AUTHORITY: Final = "https://login.microsoftonline.com"
_GOOGLE: Final = "https://accounts.google.com/o/oauth2/v2/auth"
_GOOGLE_TOKEN: Final = "https://oauth2.googleapis.com/token"
_GOOGLE_SCOPE: Final = "https://mail.google.com/"


@click.group(cls=Group)
def login() -> None:
    """Sign in to a mailbox once, for a relay that sends as it.

    The refresh token is written to a file, and the lines for the configuration are printed. A
    running relay takes a new token of the same file at its next request.

    \b
    Example:
      gatepost login microsoft --tenant contoso.com --client-id 5b416dd7-226b-464e-a02d-f2e20c718d6f
      gatepost login google --client-id ID --client-secret-file google-client-secret
    """


def _common(command: Any) -> Any:
    for option in (
        click.option("--client-id", metavar="ID", help="The id of your own registration."),
        click.option(
            "--client-secret-file",
            "secret_file",
            type=click.File("rb"),
            help="File with the application's secret; - for standard input.",
        ),
        click.option("--username", default="", help="Who is going to sign in."),
        click.option(
            "--save",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Where the refresh token goes (mode 0600), in place of an older one.  "
            "[default: PROVIDER-refresh-token]",
        ),
        click.option("--no-browser", is_flag=True, help="Print the address; do not open it."),
        click.option(
            "--ca-file",
            type=click.Path(exists=True, dir_okay=False),
            help="Authorities to trust, instead of the system's (PEM).",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ):
        command = option(command)
    return command


@login.command()
@_common
@click.option("--tenant", help="The tenant's id or domain.")
@click.option(
    "--service",
    type=click.Choice(tuple(SCOPES)),
    default="smtp",
    show_default=True,
    help="smtp: client submission, SMTP.Send; hve: High Volume Email, Mail.Send.",
)
@click.option("--device", is_flag=True, help="Show a code to enter on another machine.")
@click.option("--authority", default=_AUTHORITY, show_default=True, help="URL of Entra.")
@click.option(
    "--local", is_flag=True, help="Sign in to `gatepost up --profile microsoft365` in --data."
)
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path(".gatepost"), show_default=True,
    help="With --local: the relay's directory.",
)  # fmt: skip
def microsoft(
    tenant: str | None, service: str, authority: str, *, device: bool, local: bool, data: Path,
    **options: Any,
) -> None:  # fmt: skip
    """Sign in at Microsoft Entra, in a browser or with a device code.

    The registration needs the redirect URI http://localhost (mobile and desktop applications), and
    "Allow public client flows" unless it has a secret. For a shared mailbox, its delegate signs in.

    \b
    Example:
      gatepost login microsoft --tenant contoso.com --client-id 5b416dd7-226b-464e-a02d-f2e20c718d6f
      gatepost login microsoft --local --device
    """
    from gatepost.client.tokens.person_sign_in import PersonClient  # noqa: PLC0415 - not for --help

    if local:
        ready = read_ready(data)
        if not ready.get("authority"):
            raise CommandFailed("this relay has no Entra: start it with --https")
        authority, tenant = ready["authority"], tenant or ready["tenant_id"]
        options["client_id"] = options["client_id"] or ready["client_id"]
        options["ca_file"] = options["ca_file"] or ready["ca_file"]
    if not tenant or not options["client_id"]:
        raise click.UsageError("--tenant and --client-id are needed, or --local")
    base = f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0"
    client = PersonClient(
        f"{base}/authorize",
        f"{base}/token",
        f"{base}/devicecode",
        options["client_id"],
        SCOPES[service],
        _secret_of(options),
    )
    _run("microsoft", client, options, device=device)


@login.command()
@_common
def google(**options: Any) -> None:
    """Sign in at Google, in a browser.

    The client is a desktop application of yours, whose secret must be given, although it is not
    secret. There is no device code: Google gives none for mail.

    \b
    Example:
      gatepost login google --client-id ID --client-secret-file google-client-secret
    """
    from gatepost.client.tokens.person_sign_in import PersonClient  # noqa: PLC0415 - as above

    if not options["client_id"]:
        raise click.UsageError("--client-id is needed")
    client = PersonClient(
        _GOOGLE,
        _GOOGLE_TOKEN,
        "",
        options["client_id"],
        _GOOGLE_SCOPE,
        _secret_of(options),
        {"access_type": "offline", "prompt": "consent"},
    )
    _run("google", client, options, device=False)


def _secret_of(options: Mapping[str, Any]) -> Any:
    from gatepost.model.secret import Secret  # noqa: PLC0415 - as above

    file = options["secret_file"]
    return None if file is None else Secret(read_token(file, "client secret"))


def _run(
    provider: str, client: "PersonClient", options: Mapping[str, Any], *, device: bool
) -> None:
    from gatepost.diagnosis.client_errors import explain, fix_of  # noqa: PLC0415 - as above
    from gatepost.diagnosis.entra import access_tokens  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415
    from gatepost.net.atomic_files import write_file  # noqa: PLC0415

    path = options["save"] or Path(f"{provider}-refresh-token")
    if not os.access(path.parent, os.W_OK):  # before somebody signs in for nothing
        raise CommandFailed(f"cannot save to {path}: its directory does not exist, or is read-only")
    try:
        tokens = asyncio.run(_sign_in(client, options, device=device))
    except GatepostError as error:
        explain(error)
        fix = fix_of(error)
        raise CommandFailed(f"{error}. {fix}".rstrip(". "), error.slug) from None
    try:
        write_file(path, f"{tokens.refresh_token.reveal()}\n".encode())
    except OSError as error:
        raise CommandFailed(f"cannot save to {path}: {error.strerror}") from None
    person = access_tokens.read_token(tokens.access_token.reveal()).username or options["username"]
    document = {"username": person, "saved": str(path), "client_id": client.client_id,
                "token_endpoint": client.token_endpoint, "scope": client.scope}  # fmt: skip
    print_result(document, options["as_json"], lambda each: _tell(provider, each, client))


async def _sign_in(
    client: "PersonClient", options: Mapping[str, Any], *, device: bool
) -> "PersonTokens":
    from gatepost.net.http_client import HttpClient  # noqa: PLC0415 - as above

    http = HttpClient(ca_file=options["ca_file"])
    try:
        return await (_by_device(http, client) if device else _by_browser(http, client, options))
    finally:
        await http.close()


async def _by_device(http: "Http", client: "PersonClient") -> "PersonTokens":
    from gatepost.client.tokens.person_sign_in import begin_device, finish_device  # noqa: PLC0415

    request = await begin_device(http, client)
    click.echo(f"Open {request.where} and enter the code {request.user_code}", err=True)
    return await finish_device(http, client, request, asyncio.sleep)


async def _by_browser(
    http: "Http", client: "PersonClient", options: Mapping[str, Any]
) -> "PersonTokens":
    from gatepost.client.tokens.person_sign_in import begin_browser, finish_browser  # noqa: PLC0415
    from gatepost.net.redirect_listener import listen_for_redirect  # noqa: PLC0415

    state: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with listen_for_redirect(state) as redirect:
        where = f"http://localhost:{redirect.port}"
        request = begin_browser(client, where, options["username"])
        state.set_result(request.state)
        click.echo(f"Open {request.url}", err=True)
        if not options["no_browser"]:
            webbrowser.open(request.url)
        answer = await redirect.wait(PATIENCE)
    return await finish_browser(http, client, request, answer)


def _tell(provider: str, document: dict[str, Any], client: "PersonClient") -> None:
    print_document({"username": document["username"], "saved": document["saved"]})
    values = {
        "kind": '"refresh-token"',
        "username": _quote(document["username"] or "ADDRESS"),
        "token_endpoint": _quote(document["token_endpoint"]),
        "client_id": _quote(document["client_id"]),
        **({"client_secret": '{ file = "FILE" }'} if client.secret is not None else {}),
        "refresh_token": f"{{ file = {_quote(document['saved'])} }}",
        "scope": _quote(document["scope"]),
    }
    click.echo(f"\n[credentials.{provider}]")
    for name, value in values.items():
        click.echo(f"{name} = {value}")


def _quote(text: str) -> str:
    """Return a string of TOML."""
    return json.dumps(text, ensure_ascii=False)
