"""``gatepost send``: sends a message through a submission server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.output import FAILED, OK, UNREACHABLE, print_trusted
from gatepost.cli.secret_file import read_secret
from gatepost.cli.store_options import DEFAULT

if TYPE_CHECKING:  # loaded only when needed
    from gatepost.client.connection import Password, Receipt
    from gatepost.client.message import PreparedMessage
    from gatepost.errors import GatepostError

EXAMPLE: Final = """\b
Example:
  gatepost send --server smtp.example.com:587 --username ann --password-file pw.txt \\
    --from ann@example.com --to bob@example.net --subject Hello --text "Hi Bob"
  gatepost send --server relay.example.com --certificate own.pem --auth EXTERNAL --eml a.eml
  gatepost send --local --to bob@example.net --subject Hello --text "Hi Bob"
  gatepost send --server [::1]:2465 --ca-file .gatepost/ca.pem --eml message.eml

\b
Exit: 0 sent, 1 failed, 3 unreachable, 64 usage.
"""

A_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=EXAMPLE)
@click.option("--server", metavar="HOST:PORT", help="The server; default port: 587.")
@click.option(
    "--local",
    is_flag=True,
    help="The server of `gatepost up`, with its CA, user name, password and sender; other options "
    "replace single ones.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of that server.  [default: .gatepost]",
)
@click.option(
    "--tls",
    type=click.Choice(["auto", "starttls", "implicit", "none"]),
    help="auto (default): implicit TLS on ports 465 and 2465, otherwise STARTTLS (required).",
)
@click.option(
    "--ca-file",
    type=A_FILE,
    help="Authorities to trust, instead of the system's and .gatepost/ca.pem (PEM).",
)
@click.option("--certificate", type=A_FILE, help="A client certificate (PEM); see --auth EXTERNAL.")
@click.option("--key", type=A_FILE, help="The key of the certificate, if it is in another file.")
@click.option("--username", help="Sign in under this name.")
@click.option(
    "--password-file",
    type=click.File("rb"),
    help="File with the password, - for standard input; one line end at its end is removed.",
)
@click.option(
    "--token-file",
    type=click.File("rb"),
    help="File with an OAuth access token, instead of a password.",
)
@click.option("--auth", "mechanism", metavar="MECH", help="Use this SASL mechanism and no other.")
@click.option(
    "--from", "sender", metavar="ADDRESS", help="The sender, with or without a display name."
)
@click.option("--to", metavar="ADDRESS", multiple=True, help="A recipient (repeatable).")
@click.option("--cc", metavar="ADDRESS", multiple=True, help="A Cc recipient (repeatable).")
@click.option("--bcc", metavar="ADDRESS", multiple=True, help="A Bcc recipient (repeatable).")
@click.option("--subject", help="The subject.")
@click.option("--text", help="The text.")
@click.option("--html", type=A_FILE, help="A file with the text as HTML.")
@click.option("--attach", type=A_FILE, multiple=True, help="A file to attach (repeatable).")
@click.option(
    "--eml",
    type=A_FILE,
    help="Send this message. --from and --to then affect only the envelope. Line ends become CRLF, "
    "a missing Date and Message-ID are added, and Bcc is removed.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Seconds for all of it; default: several minutes for each reply, as in RFC 5321 4.5.3.2.",
)
@click.option("--verbose", "-v", is_flag=True, help="Show the SMTP dialogue without secrets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def send(verbose: bool, as_json: bool, **arguments: Any) -> int:
    """Send one message, using the best login that the server offers.

    The certificate is verified, secrets are sent over TLS only, and a refused password is not
    tried again. Errors show the reply of the server.
    """
    from gatepost.cli import send_report  # noqa: PLC0415  # not for --help
    from gatepost.errors import ConfigError, GatepostError  # noqa: PLC0415

    _find_server(arguments)
    message = _message(arguments)
    password = _secret(arguments)
    try:
        receipt = _submit(message, password, arguments)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    except GatepostError as error:
        send_report.print_failure(error, as_json=as_json, verbose=verbose)
        return _exit_code(error)
    send_report.print_receipt(receipt, as_json=as_json, verbose=verbose)
    return OK


def _find_server(arguments: dict[str, Any]) -> None:
    data = arguments.pop("data")
    if arguments.pop("local"):
        from gatepost.cli.read_ready_json import fill_in  # noqa: PLC0415

        fill_in(arguments, data or DEFAULT)
    elif data is not None:
        raise click.UsageError("--data is for --local")
    elif arguments["server"] is None:
        raise click.UsageError("give the server with --server HOST:PORT, or --local")


def _exit_code(error: "GatepostError") -> int:
    return UNREACHABLE if error.phase in ("resolve", "connect") else FAILED


def _submit(
    message: "PreparedMessage", password: "Password | None", arguments: dict[str, Any]
) -> "Receipt":
    from gatepost.client.connection import Connection, make_login, time_limit  # noqa: PLC0415
    from gatepost.client.settings import Options, Tls  # noqa: PLC0415
    from gatepost.net.local_authority import (  # noqa: PLC0415
        find_local_authority,
        is_issued_by,
        trust_also,
    )

    ca_file, certificate, key = [
        str(arguments[each]) if arguments[each] is not None else None
        for each in ("ca_file", "certificate", "key")
    ]
    tls = Tls(
        arguments["tls"] or "auto",
        ca_file=ca_file,
        certificate=certificate,
        key=key,
        reveal_anyway=arguments.get("in_clear", False),
    )
    options = Options(mechanism=arguments["mechanism"] or "")
    login = make_login(arguments["server"], arguments["username"], password, tls, options)
    authority = find_local_authority(login.server, DEFAULT) if ca_file is None else None
    trust_also(login.context, authority)
    with Connection(login, time_limit(arguments["timeout"])) as ready:
        facts = ready.session.facts
        if authority is not None and facts is not None and is_issued_by(facts.chain, authority):
            print_trusted(authority)
        return ready.deliver(message)


def _message(arguments: dict[str, Any]) -> "PreparedMessage":
    from gatepost.errors import LocalProtocolError  # noqa: PLC0415

    try:
        return _read_message(arguments) if arguments["eml"] is not None else _compose(arguments)
    except LocalProtocolError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(str(error)) from error


def _compose(arguments: dict[str, Any]) -> "PreparedMessage":
    from gatepost.client.compose_message import Draft, compose  # noqa: PLC0415
    from gatepost.client.message import prepare  # noqa: PLC0415

    if not arguments["sender"] or not (arguments["to"] or arguments["cc"] or arguments["bcc"]):
        raise click.UsageError("a message needs --from and --to, or give it with --eml")
    html = arguments["html"]
    draft = Draft(
        arguments["sender"],
        arguments["to"],
        arguments["cc"],
        arguments["bcc"],
        arguments["subject"] or "",
        arguments["text"],
        html.read_text("utf-8") if html is not None else None,
        arguments["attach"],
    )
    return prepare(compose(draft))


def _read_message(arguments: dict[str, Any]) -> "PreparedMessage":
    from gatepost.client.message import prepare, with_envelope  # noqa: PLC0415

    extra = [name for name in ("subject", "text", "html", "attach") if arguments[name]]
    if extra:
        raise click.UsageError(f"--{extra[0]} cannot be used with --eml")
    raw = arguments["eml"].read_bytes()
    recipients = (*arguments["to"], *arguments["cc"], *arguments["bcc"])
    return with_envelope(raw, arguments["sender"], recipients) if recipients else prepare(raw)


def _secret(arguments: dict[str, Any]) -> "Password | None":
    from gatepost.client.settings import Token  # noqa: PLC0415

    password_file, token_file = arguments["password_file"], arguments["token_file"]
    if password_file is not None and token_file is not None:
        raise click.UsageError("--password-file and --token-file cannot be used together")
    if arguments["key"] is not None and arguments["certificate"] is None:
        raise click.UsageError("--key needs --certificate")
    local = arguments.get("local_secret")
    has_none = password_file is None and token_file is None and local is None
    if (arguments["username"] is None) != has_none and not (has_none and arguments["certificate"]):
        raise click.UsageError(
            "--username and --password-file (or --token-file) must be given together"
        )
    if token_file is not None:
        return Token(read_secret(token_file, "token"))
    return local if password_file is None else read_secret(password_file, "password")
