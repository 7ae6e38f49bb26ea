"""``gatepost record``: records and diagnoses a session of an application with its server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from gatepost.cli.client_option import client_option, warn_of_unknown
from gatepost.cli.diagnosis_output import EXIT, check_form, save_evidence, show
from gatepost.cli.output import CommandFailed, print_trusted

if TYPE_CHECKING:  # loaded only when needed
    from gatepost.app.record_session import Ready, RecordOptions

MODES: Final = ("pass", "starttls", "implicit", "none")
EXAMPLE: Final = """\b
Example:
  gatepost record --listen localhost:2525 --to smtp.example.com:587 --tls starttls
  gatepost record --listen localhost:4650 --to smtp.example.com:465 --tls implicit
  gatepost record --listen localhost:2525 --to localhost:2587 --as nodemailer --json

\b
Exit: 0 healthy, 1 unknown, or no application connected, 2 finding, 3 server unreachable, 64 usage.
"""


@click.command(epilog=EXAMPLE)
@click.option(
    "--listen", "place", metavar="HOST:PORT", required=True,
    help="Address for the application to connect to; port 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--to", "server", metavar="HOST:PORT", required=True, help="The application's server."
)
@click.option(
    "--tls", type=click.Choice(MODES), default="pass", show_default=True,
    help="TLS with the application: pass it on encrypted; decrypt it, from STARTTLS or from the "
    "beginning; or use none.",
)  # fmt: skip
@click.option(
    "--server-tls", type=click.Choice(MODES[1:]),
    help="TLS with the server, if it differs from the application's.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path(".gatepost"), show_default=True,
    help="Directory with the authority that the application must trust; as for `gatepost up`.",
)  # fmt: skip
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False),
    help="Authorities for the server's certificate, instead of the system's and --data's (PEM).",
)  # fmt: skip
@client_option("The application's mail library, for its fixes.")
@click.option(
    "--beyond-loopback", is_flag=True, help="Permit an address that other machines can reach."
)
@click.option(
    "--wait", type=click.FloatRange(0.1, 86_400), help="Seconds to wait for the application."
)
@click.option(
    "--idle", type=click.FloatRange(0.1, 3_600), default=300.0, show_default=True,
    help="Seconds of silence until the session is ended.",
)  # fmt: skip
@click.option(
    "--limit", type=click.FloatRange(0.1, 86_400), default=900.0, show_default=True,
    help="Longest duration of the session in seconds.",
)  # fmt: skip
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Save the evidence as JSON."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Markdown, for an issue.")
def record(as_json: bool, as_markdown: bool, save: Path | None, **arguments: Any) -> int:
    """Record one session between an application and its server, and diagnose it.

    Acts as a proxy that passes on every octet. Secrets are removed immediately, and message
    content is not kept. With --tls starttls or implicit, TLS is decrypted, and the application must
    trust the authority that is named on standard error. Otherwise the content of TLS is not seen.
    """
    from gatepost.app.record_session import record as recording  # noqa: PLC0415
    from gatepost.doctor.recording.recorder import NobodyCame  # noqa: PLC0415
    from gatepost.errors import ConfigError, GatepostError, TlsError  # noqa: PLC0415
    from gatepost.processes import event_loop  # noqa: PLC0415 - heavy: not for --help

    check_form(as_json=as_json, as_markdown=as_markdown)
    options = _options(arguments)
    warn_of_unknown(options.client)
    try:
        diagnosis = event_loop.run(recording(options, lambda ready: _announce(ready, options)))
    except NobodyCame as error:
        raise CommandFailed(str(error), "NobodyCame") from None
    except (ConfigError, TlsError) as error:
        raise click.UsageError(str(error)) from error
    except GatepostError as error:
        raise CommandFailed.by(error) from None
    if save is not None:
        save_evidence(diagnosis, save)
    tls = diagnosis.evidence.tls.value
    if options.local_authority and tls is not None and tls.trust == options.local_authority:
        print_trusted(options.local_authority)
    show(diagnosis, as_json=as_json, as_markdown=as_markdown)
    return EXIT[diagnosis.verdict]


def _options(arguments: dict[str, Any]) -> "RecordOptions":
    from gatepost.app.record_session import RecordOptions  # noqa: PLC0415
    from gatepost.config.value_syntax import listening  # noqa: PLC0415
    from gatepost.doctor.recording.forwarding_settings import Leg, RecordingLimits  # noqa: PLC0415
    from gatepost.errors import ConfigError  # noqa: PLC0415
    from gatepost.net.dial import parse_server  # noqa: PLC0415
    from gatepost.net.local_authority import find_local_authority  # noqa: PLC0415

    if arguments["server_tls"] is not None and arguments["tls"] == "pass":
        raise click.UsageError("--server-tls needs --tls starttls, implicit or none")
    try:
        place, server = listening(arguments["place"]), parse_server(arguments["server"])
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    except ValueError as error:
        raise click.UsageError(f"--listen {error}") from error
    mode = cast("Leg", arguments["tls"])
    authority = None
    if arguments["ca_file"] is None:
        authority = find_local_authority(server, arguments["data"])
    return RecordOptions(
        place,
        server,
        mode,
        cast("Leg", arguments["server_tls"] or mode),
        arguments["data"],
        arguments["ca_file"],
        authority,
        arguments["library"].strip()[:200],
        arguments["beyond_loopback"],
        arguments["wait"],
        RecordingLimits(arguments["idle"], arguments["limit"], min(30.0, arguments["idle"])),
    )


def _announce(ready: "Ready", options: "RecordOptions") -> None:
    """Print on standard error where to connect; standard output is for the report."""
    host = f"[{ready.listener.host}]" if ":" in ready.listener.host else ready.listener.host
    lines = [f"Recording one session on {host}:{ready.listener.port}, to {options.server}."]
    if ready.authority is not None:
        lines.append(f"The application must trust {ready.authority}")
    elif options.client_tls == "pass":
        lines.append("TLS is passed on encrypted (--tls starttls or implicit decrypts it).")
    for line in lines:
        click.echo(line, err=True)
