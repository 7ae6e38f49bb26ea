"""``gatepost doctor``: finds out why a login fails."""

import io
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.client_option import client_option, warn_of_unknown
from gatepost.cli.diagnosis_output import EXIT, check_form, save_evidence, show
from gatepost.cli.doctor_input import is_piped, read_target, standard_input
from gatepost.cli.identity_options import (
    behind_options,
    diagnose_token,
    read_credential,
    read_identity_options,
)
from gatepost.cli.output import OK, print_json, print_trusted
from gatepost.cli.store_options import DEFAULT

if TYPE_CHECKING:  # loaded only when needed
    from gatepost.doctor import Checks
    from gatepost.model.evidence import Evidence
    from gatepost.model.finding import Diagnosis

_NAME: Final = re.compile(r"[^\s<>@\x00-\x1f\x7f]{1,64}")
"""A sender that is not an address, such as the account's name."""
EXAMPLE: Final = """\b
Example:
  gatepost doctor smtp.azurecomm.net --as go-net-smtp
  gatepost doctor mail.example.com:465 --tls implicit --ca-file ca.pem
  gatepost doctor smtp.example.com:587 --username me --password-file -
  gatepost doctor mail.example.com --audit
  gatepost doctor smtp.example.com --save seen.json
  gatepost doctor --evidence seen.json --json
  gatepost doctor "504 5.7.4 Unrecognized authentication type"
  gatepost doctor --clipboard
  gatepost doctor --log mail.log --as nodemailer
  gatepost doctor --watch-log /var/log/mail.log
  gatepost doctor --config .env
  gatepost doctor --token-file token
  gatepost doctor --explain mechanism_not_offered --as nodemailer

\b
Exit: 0 healthy, 1 unknown, 2 finding, 3 unreachable, 64 usage.
"""


@click.command(epilog=EXAMPLE)
@click.argument("target", metavar="[HOST[:PORT]|TEXT|-]", nargs=-1)
@click.option(
    "--tls",
    type=click.Choice(["auto", "starttls", "implicit", "none"]),
    default="auto",
    show_default=True,
    help="The client's setting; auto derives it from the port.",
)
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False),
    help="Authorities to trust, instead of the system's and .gatepost/ca.pem (PEM).",
)
@click.option("--username", help="Sign in under this name.")
@click.option(
    "--password-file",
    type=click.File("rb"),
    help="File with the password, - for standard input; one line end at its end is removed.",
)
@click.option("--from", "mail_from", metavar="ADDRESS", help="Try this sender.")
@click.option(
    "--to", "rcpt_to", metavar="ADDRESS", multiple=True, help="Try this recipient (repeatable)."
)
@client_option("The client's mail library: imitate it, and show its fixes.")
@click.option(
    "--try-all",
    is_flag=True,
    help="Try every mechanism; the password is then sent once for each.",
)
@click.option("--send", is_flag=True, help="Send a short test message, too.")
@click.option(
    "--audit", is_flag=True, help="Look for security holes in the server; nothing is delivered."
)
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Save the evidence as JSON."
)
@click.option("--evidence", type=click.File("rb"), help="Diagnose saved evidence; nothing is sent.")
@click.option(
    "--log",
    type=click.File("rb"),
    help="Diagnose a log: an error line, a traceback, a session; - for standard input.",
)
@click.option(
    "--watch-log",
    type=click.Path(allow_dash=True, path_type=Path),
    multiple=True,
    help="Follow a log, also over its rotation, and report each new cause once (repeatable); "
    "- for standard input.",
)
@click.option("--from-start", is_flag=True, help="With --watch-log: read what is there already.")
@click.option("--clipboard", is_flag=True, help="Diagnose the text in the clipboard.")
@behind_options
@click.option(
    "--server", "log_server", metavar="HOST:PORT", help="The server to which the log belongs."
)
@click.option(
    "--config",
    type=click.File("rb"),
    help="Look for mistakes in a configuration file (.env, settings.py, main.cf, ...); "
    "- for standard input.",
)
@click.option(
    "--explain",
    metavar="ID",
    help="Explain a finding or an AADSTS code, with --as also its fix in a library.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document (--watch-log: one per line)."
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Markdown, for an issue.")
def doctor(target: tuple[str, ...], as_json: bool, as_markdown: bool, **arguments: Any) -> int:
    """Find out why a client cannot sign in or send, and prove it.

    Connects to the server as the client would. Sends no message, and sends a password only if
    one is given: once, and only over TLS with a verified certificate. If Microsoft Entra decides
    about logins and the server replies 535, the secret is also sent once to the tenant's
    authority, to get the reason. Alternatively, the doctor reads an error message (TEXT, or
    standard input, or --clipboard), a client's log (--log), its configuration (--config) or a
    token (--token-file). It never shows secrets found there.
    """
    check_form(as_json=as_json, as_markdown=as_markdown)
    watched, from_start = arguments.pop("watch_log"), arguments.pop("from_start")
    if watched or from_start:
        return _watch(watched, from_start, arguments, as_json=as_json)
    server, text = read_target(target)
    explained, evidence, config = (
        arguments.pop("explain"),
        arguments.pop("evidence"),
        arguments.pop("config"),
    )
    log, log_server = arguments.pop("log"), arguments.pop("log_server") or ""
    alone = arguments["token_file"] if server is None else None
    clipboard = arguments.pop("clipboard") or None
    sources = [server, text, evidence, log, config, explained, alone, clipboard]
    chosen = len(sources) - sources.count(None)
    is_implied = not chosen and is_piped()
    if is_implied:
        text = standard_input()
    elif chosen != 1:
        raise click.UsageError(_WHAT)
    if clipboard:
        text = _clipboard()
    log = text if log is None else log
    if log is None and log_server:
        raise click.UsageError("--server needs --log or a text")
    if explained is not None:
        return _explain(explained, arguments["library"], as_json)
    if server is None and alone is None:
        _forbid(arguments)
    save = arguments.pop("save")
    if server is not None:
        diagnosis = _probe(server, arguments)
    elif alone is not None:
        diagnosis = diagnose_token(arguments)
    else:
        warn_of_unknown(arguments["library"])
        if log is not None:
            diagnosis = _read_log(
                log, log_server or "", arguments["library"], is_implied=is_implied
            )
        else:
            diagnosis = _read_facts(evidence, config, arguments["library"])
    if save is not None:
        save_evidence(diagnosis, save)
    show(diagnosis, as_json=as_json, as_markdown=as_markdown)
    return EXIT[diagnosis.verdict]


_WHAT: Final = (
    "give one of HOST[:PORT], TEXT (an error message), --clipboard, --log FILE, --watch-log FILE, "
    "--config FILE, --token-file FILE, --evidence FILE and --explain ID"
)
_OF_A_WATCH: Final = frozenset({"watch_log", "from_start", "library", "log_server", "as_json"})
_OF_A_VISIT: Final = {
    "ca_file": "--ca-file", "username": "--username",
    "password_file": "--password-file", "mail_from": "--from", "rcpt_to": "--to",
    "try_all": "--try-all", "send": "--send", "audit": "--audit",
}  # fmt: skip


def _forbid(arguments: dict[str, Any]) -> None:
    """Refuse options that only a check of a server uses, so that nobody believes that they had
    an effect."""
    for name, option in _OF_A_VISIT.items():
        if arguments[name]:
            raise click.UsageError(f"{option} needs HOST[:PORT]")


def _watch(
    paths: tuple[Path, ...], from_start: bool, arguments: dict[str, Any], *, as_json: bool
) -> int:
    from gatepost.cli.doctor_watch import watch_logs  # noqa: PLC0415

    if not paths:
        raise click.UsageError("--from-start needs --watch-log")
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE and parameter.name not in _OF_A_WATCH:
            name = parameter.opts[0] if isinstance(parameter, click.Option) else "HOST or TEXT"
            raise click.UsageError(f"--watch-log and {name} cannot be used together")
    client, server = arguments["library"], arguments["log_server"] or ""
    warn_of_unknown(client)
    return watch_logs(paths, from_start=from_start, server=server, client=client, as_json=as_json)


def _clipboard() -> io.BytesIO:
    from gatepost.cli.clipboard import read_clipboard  # noqa: PLC0415

    return io.BytesIO(read_clipboard())


def _explain(id: str, library: str, as_json: bool) -> int:
    from gatepost.doctor.explain import explain, fix_in  # noqa: PLC0415
    from gatepost.errors import ConfigError  # noqa: PLC0415

    try:
        page = explain(id) + (fix_in(id, library) if library else "")
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json({"id": page.partition("\n")[0].removeprefix("# "), "page": page})
    else:
        sys.stdout.write(page)
    return OK


def _probe(server: str, arguments: dict[str, Any]) -> "Diagnosis":
    from gatepost.doctor import Settings, diagnose  # noqa: PLC0415  # not for --help
    from gatepost.errors import ConfigError, TlsError  # noqa: PLC0415

    checks = _checks(arguments)
    authority = _local_authority(server) if arguments["ca_file"] is None else None
    settings = Settings(
        arguments["library"],
        arguments["tls"],
        arguments["ca_file"],
        identity=read_identity_options(arguments),
        local_authority=authority,
    )
    credential = read_credential(arguments)
    try:
        done = diagnose(server, arguments["username"], credential, settings=settings, checks=checks)
    except (ConfigError, TlsError) as error:
        raise click.UsageError(str(error)) from error
    tls = done.evidence.tls.value
    if authority is not None and tls is not None and tls.trust == authority:
        print_trusted(authority)
    return done


def _local_authority(server: str) -> str | None:
    from gatepost.errors import ConfigError  # noqa: PLC0415
    from gatepost.net.dial import parse_server  # noqa: PLC0415
    from gatepost.net.local_authority import find_local_authority  # noqa: PLC0415

    try:
        return find_local_authority(parse_server(server), DEFAULT)
    except ConfigError:  # which the diagnosis will raise again
        return None


def _checks(arguments: dict[str, Any]) -> "Checks":
    from gatepost.doctor import Checks  # noqa: PLC0415
    from gatepost.model.address import parse_address  # noqa: PLC0415

    sender, recipients = arguments["mail_from"] or "", arguments["rcpt_to"]
    if recipients and not sender:
        raise click.UsageError("--to needs --from")
    if arguments["send"] and not recipients:
        raise click.UsageError("--send needs --from and --to")
    is_name = _NAME.fullmatch(sender) is not None  # a client may use it, so try it
    for address in filter(None, ("" if is_name else sender, *recipients)):
        try:
            parse_address(address)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    return Checks(sender, recipients, arguments["try_all"], arguments["send"], arguments["audit"])


def _read_facts(evidence: Any, config: Any, client: str) -> "Diagnosis":
    """Diagnose saved evidence, or a configuration."""
    from gatepost.doctor.client_names import with_client  # noqa: PLC0415
    from gatepost.doctor.conclude import diagnose_evidence  # noqa: PLC0415

    facts = _read_config(config) if evidence is None else _read_evidence(evidence)
    return diagnose_evidence(with_client(facts, client))


def _read_evidence(evidence: Any) -> "Evidence":
    from gatepost.doctor.evidence_document import MAX_DOCUMENT, from_json  # noqa: PLC0415
    from gatepost.errors import ConfigError  # noqa: PLC0415

    try:
        return from_json(evidence.read(MAX_DOCUMENT + 1))
    except ConfigError as error:
        raise click.UsageError(f"{evidence.name}: {error}") from error


def _read_config(config: Any) -> "Evidence":
    from gatepost.doctor.settings_files.read_settings_file import MAX_CONFIG, read_config  # noqa: PLC0415

    name = getattr(config, "name", "<stdin>")
    raw = config.read(MAX_CONFIG + 1)
    if len(raw) > MAX_CONFIG:
        raise click.UsageError(f"{name}: longer than {MAX_CONFIG} octets")
    return read_config(raw, "-" if name == "<stdin>" else name)


def _read_log(log: Any, server: str, client: str, *, is_implied: bool) -> "Diagnosis":
    """Diagnose a log; ``is_implied``: nothing was said about it, so it must not be empty."""
    from gatepost.doctor.conclude import diagnose_log  # noqa: PLC0415
    from gatepost.doctor.logs.read_log import decode_log  # noqa: PLC0415

    try:
        raw, skipped = _last_of(log)
    except OSError:
        if not is_implied:
            raise
        raw, skipped = b"", 0
    if is_implied and not raw.strip():
        raise click.UsageError(f"{_WHAT}; standard input is empty")
    return diagnose_log(decode_log(raw), server, client, skipped=skipped)


_MAX_READ: Final = 256 * 1024 * 1024
"""Octets of a log that are searched for its end."""


def _last_of(log: Any) -> tuple[bytes, int]:
    """Return the log, or the last lines of a long one, which contain the last failure, and the
    number of octets before them."""
    from gatepost.doctor.logs.read_log import MAX_LOG  # noqa: PLC0415

    text: bytes = log.read(MAX_LOG + 1)
    if len(text) <= MAX_LOG:
        return text, 0
    total, name = len(text), getattr(log, "name", "the text")
    while piece := log.read(MAX_LOG):
        total += len(piece)
        text = (text + piece)[-MAX_LOG:]
        if total > _MAX_READ:
            raise click.UsageError(f"{name}: longer than {_MAX_READ} octets")
    text = text[text.find(b"\n") + 1 :]
    return text, total - len(text)
