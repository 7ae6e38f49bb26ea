"""``gatepost up``: the local relay, in the foreground."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from gatepost.cli.env import export_lines, missing_lines
from gatepost.cli.foreground import run_in_foreground
from gatepost.processes.stray_signals import ignore_stray_signals

_NO_PASSWORD = "none: the client secret was deleted or has expired"
_TOKEN_ONLY = "none: this provider takes the token only"
_TLS = {"starttls": "STARTTLS", "implicit": "implicit TLS"}
MAX_PORT = 65_535
_EXCHANGE = """\
The application may send as the mailbox. A token for it, and one step less, to see what happens:

  gatepost exchange token
  gatepost exchange break full-access    # gatepost exchange steps lists the others
"""
EXAMPLE = """\b
Example:
  gatepost up
  gatepost up --data /tmp/mail --smtp 127.0.0.1:0 --https off --json
  gatepost up --smtp 0.0.0.0:2587 --name mail
  gatepost up --strict --set strict.propagation_delay=5 --set directory.reveal_reason=true
"""


class PlaceType(click.ParamType[tuple[str, int] | None]):
    """``HOST:PORT``, ``PORT``, ``[IPV6]:PORT``, or ``off``."""

    name = "HOST:PORT|off"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return (host, port), or None for ``off``."""
        if value is None or isinstance(value, tuple):
            return value
        if value == "off":
            return None
        host, _, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or "localhost"
        if not (port.isascii() and port.isdecimal()) or int(port) > MAX_PORT:
            self.fail(f"{value!r} is not a HOST:PORT", param, ctx)
        return host, int(port)


def _place(option: str, port: int, what: str) -> Callable[[Any], Any]:
    return click.option(
        option,
        type=PlaceType(),
        metavar="HOST:PORT|off",
        default=f"localhost:{port}",
        show_default=True,
        help=f"{what}; port 0 takes a free one, off disables it.",
    )


@click.command(epilog=EXAMPLE)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".gatepost"),
    show_default=True,
    help="Directory for mail, keys and certificates.",
)
@_place("--smtp", 2587, "SMTP with STARTTLS")
@_place("--smtps", 2465, "SMTP under implicit TLS")
@_place("--https", 2443, "HTTPS, for the APIs")
@_place("--http", 2480, "HTTP, for the e-mail API with access keys")
@_place("--console", 8025, "HTTP, for the console in a browser and the mailbox API")
@click.option(
    "--console-host",
    "console_hosts",
    metavar="NAME[:PORT]",
    multiple=True,
    help="A name by which browsers and clients call the console besides localhost and its address, "
    "such as a service's name in Docker Compose. Repeatable.",
)
@click.option(
    "--api-access",
    type=click.Choice(("open", "token")),
    default="open",
    show_default=True,
    help="Whether the mailbox API on loopback needs the api_token of ready.json; elsewhere it "
    "always does.",
)
@click.option(
    "--profile",
    metavar="NAME|FILE.toml",
    default="acs",
    show_default=True,
    help="Provider to imitate, such as acs, gmail or ses, or a file of your own. "
    "`gatepost profile list` lists them all.",
)
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one value of the profile, such as directory.reveal_reason=true. A value of "
    "[strict] applies even without --strict. Repeatable.",
)
@click.option(
    "--name",
    "names",
    metavar="NAME",
    multiple=True,
    help="A name or address by which clients know the server, such as a service's name in Docker "
    "Compose: the certificate is valid for it, too. Repeatable.",
)
@click.option(
    "--failures",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.toml",
    help="Rules of scripted failures; the file is read again whenever it changes.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="Number of front processes; with 0, one process does everything.",
)
@click.option(
    "--strict", is_flag=True, help="Also apply the provider's rates, delays and effective limits."
)
@click.option(
    "--sessions",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Keep the transcripts of the last 1,000 SMTP sessions in memory, without secrets.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def up(context: click.Context, /, as_json: bool, sessions: str, **arguments: Any) -> int:
    """Run a local relay that behaves like a provider, in the foreground.

    Mail to any recipient is accepted and captured, and never sent on. The first start creates a
    certificate authority, a directory, and an application with a secret. The settings for your
    application are printed, and written to DATA/ready.json.
    """
    ignore_stray_signals()
    from gatepost.app.run import run  # noqa: PLC0415 - heavy: not for --help
    from gatepost.config.preset import UpPreset  # noqa: PLC0415

    _check_profile(arguments["profile"], arguments["settings"])
    # Two servers side by side must not need --console: only the first gets its default port.
    may_move = context.get_parameter_source("console") is click.core.ParameterSource.DEFAULT
    read = UpPreset(**arguments, console_may_move=may_move, sessions=sessions == "on").read
    announce = _announce_json if as_json else _announce
    return run_in_foreground(partial(run, read, needs_terminal=True), announce, as_json=as_json)


def _check_profile(name: str, settings: tuple[str, ...]) -> None:
    from gatepost.config.preset import served_profile  # noqa: PLC0415 - as above
    from gatepost.errors import ConfigError  # noqa: PLC0415

    try:
        served_profile(name, strict=True, settings=settings)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def _announce_json(reporter: Any, document: dict[str, Any], _config: Any) -> None:
    keys = ("pid", "data", "smtp", "smtps", "https", "http", "console", "mailbox_api",
            "ca_file", "username", "from", "failures")  # fmt: skip
    reporter("ready", **{key: document[key] for key in keys})


def _announce(reporter: Any, document: dict[str, Any], config: Any) -> None:
    from gatepost.profiles.doctor_command import doctor_command  # noqa: PLC0415 - as above

    reporter.say(start_text(document))
    if config.failures.file:
        seed = document["failures"]["seed"]
        reporter.say(f"Failures are scripted by {config.failures.file}, with the seed {seed}.\n")
    profile = config.emulation.profile
    if profile.directory.kind == "exchange":
        reporter.say(_EXCHANGE)
    if command := doctor_command(profile, document):
        reporter.say(f"To see the fault, {profile.quirk.cause}, run:\n\n  {command}\n")


def start_text(document: dict[str, Any]) -> str:
    """Return the settings for an application."""
    lines = [f"Gatepost is up (process {document['pid']}); Ctrl-C stops it, mail is kept.", ""]
    for name in ("smtp", "smtps"):
        place = document[name]
        if place is not None:
            lines.append(f"  {name:<9} {place['host']}:{place['port']} ({_TLS[place['tls']]})")
    none = _TOKEN_ONLY if document.get("access_token") else _NO_PASSWORD
    lines += [
        f"  username  {document['username']}",
        f"  password  {document['password'] or none}",
        f"  from      {document['from']}",
        f"  CA file   {document['ca_file']}",
    ]
    if document.get("access_token"):
        lines.append(f"  token     {document['access_token']}")
    lines += [
        f"  {name:<9} {document[name]['url']}" for name in ("https", "http") if document[name]
    ]
    if document.get("console_link"):
        lines.append(f"  console   {document['console_link']}")
    if document["env"]:
        lines += ["", "For the libraries of Azure, in the application's shell:", ""]
        lines += [f"  {line}" for line in export_lines(document["env"])]
        lines += [f"  # {line}" for line in missing_lines(document)]
    return "\n".join([*lines, "", f"  as JSON   {document['data']}/ready.json", ""])
