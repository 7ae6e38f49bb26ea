"""``gatepost talk``: an interactive SMTP client with STARTTLS."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.output import FAILED, OK, UNREACHABLE, print_json
from gatepost.model.unprintable import replace_unprintable

EXAMPLE: Final = """\b
Type SMTP commands. STARTTLS starts TLS, and a line with a single dot ends DATA. Also:
  /b64 TEXT     send TEXT in base64
  /password     prompt for a secret without echo, and send it in base64

\b
Example:
  gatepost talk smtp.example.com:587
  printf 'EHLO me\\nSTARTTLS\\nEHLO me\\nQUIT\\n' | gatepost talk localhost:2587 --ca-file ca.pem

\b
Exit: 0 done, 1 failed, 3 unreachable, 64 usage.
"""


@click.command(epilog=EXAMPLE)
@click.argument("server", metavar="HOST[:PORT]")
@click.option(
    "--tls",
    type=click.Choice(["auto", "implicit", "none"]),
    default="auto",
    show_default=True,
    help="auto: implicit TLS on ports 465 and 2465, otherwise no TLS until STARTTLS.",
)
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Authorities to trust, instead of the system's and .gatepost/ca.pem (PEM).",
)
@click.option(
    "--insecure", is_flag=True, help="Accept any certificate. Do not type a password then."
)
@click.option(
    "--timeout", type=float, default=60.0, show_default=True, help="Seconds to wait for a reply."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
def talk(server: str, as_json: bool, **arguments: Any) -> int:
    """Speak SMTP with a server by hand, also over TLS."""
    from gatepost.cli.talk_loop import TalkSession, open_talk  # noqa: PLC0415  # not for --help
    from gatepost.errors import ConfigError, GatepostError  # noqa: PLC0415

    show: Callable[[str], None] = _ignore if as_json else click.echo
    talking: TalkSession | None = None
    outcome = OK
    try:
        talking = open_talk(server, arguments, show)
        talking.greet()
        for line in sys.stdin:
            talking.run(line.rstrip("\r\n"))
            if not talking.session.is_usable:
                break
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    except GatepostError as error:
        click.echo(replace_unprintable(f"{error.phase or 'failed'}: {error}"), err=True)
        outcome = UNREACHABLE if error.phase in ("resolve", "connect") else FAILED
    finally:
        if talking is not None:
            talking.close()
    if as_json:
        from gatepost.cli.send_report import transcript_document  # noqa: PLC0415

        transcript = talking.session.transcript if talking is not None else None
        print_json({"server": server, "transcript": transcript_document(transcript)})
    return outcome


def _ignore(_line: str) -> None:
    pass
