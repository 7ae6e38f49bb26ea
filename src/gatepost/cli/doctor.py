"""``gatepost doctor``: why does the login fail?"""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatepost.cli.diagnosis_output import EXIT, check_form, save_evidence, show
from gatepost.cli.identity_options import (
    behind_options,
    diagnose_token,
    read_credential,
    read_identity_options,
)
from gatepost.cli.output import OK, print_json

if TYPE_CHECKING:  # loaded only when needed
    from gatepost.doctor import Checks
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
  gatepost doctor --log mail.log --client nodemailer
  gatepost doctor --config .env
  gatepost doctor --token-file token
  gatepost doctor --explain mechanism_not_offered --as nodemailer

\b
Exit: 0 healthy, 1 unknown, 2 finding, 3 unreachable, 64 usage.
"""


@click.command(epilog=EXAMPLE)
@click.argument("server", metavar="[HOST[:PORT]]", required=False)
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
    help="Authorities to trust, instead of the system's (PEM).",
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
@click.option("--as", "library", metavar="LIBRARY", help="Imitate this mail library.")
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
@behind_options
@click.option(
    "--server", "log_server", metavar="HOST:PORT", help="The server to which the log belongs."
)
@click.option("--client", metavar="NAME", help="The library or program that wrote the log.")
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
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Markdown, for an issue.")
def doctor(server: str | None, as_json: bool, as_markdown: bool, **given: Any) -> int:
    """Find out why a client cannot sign in or send, and prove it.

    Connects to the server as the client would. Sends no message, and sends a password only if
    one is given: once, and only over TLS with a verified certificate. If Microsoft Entra decides
    about logins and the server replies 535, the secret is also sent once to the tenant's
    authority, to get the reason. Alternatively, the doctor reads a client's log (--log), its
    configuration (--config) or a token (--token-file). It never shows secrets found there.
    """
    explained, evidence, log = given.pop("explain"), given.pop("evidence"), given.pop("log")
    config = given.pop("config")
    alone = given["token_file"] if server is None else None
    if [server, evidence, log, config, explained, alone].count(None) != 5:
        raise click.UsageError(
            "give one of HOST[:PORT], --log FILE, --config FILE, --token-file FILE, "
            "--evidence FILE and --explain ID"
        )
    about = given.pop("log_server") or "", given.pop("client") or ""
    if log is None and any(about):
        raise click.UsageError("--server and --client need --log")
    check_form(as_json=as_json, as_markdown=as_markdown)
    if explained is not None:
        return _explain(explained, given["library"] or "", as_json)
    if server is None and alone is None:
        _forbid(given, "HOST[:PORT]; for a log, use --client NAME" if log else "HOST[:PORT]")
    save = given.pop("save")
    if server is not None:
        diagnosis = _probe(server, given)
    elif config is not None:
        diagnosis = _read_config(config)
    elif alone is not None:
        diagnosis = diagnose_token(given)
    else:
        diagnosis = _read(evidence) if log is None else _read_log(log, *about)
    if save is not None:
        save_evidence(diagnosis, save)
    show(diagnosis, as_json=as_json, as_markdown=as_markdown)
    return EXIT[diagnosis.verdict]


_OF_A_VISIT: Final = {
    "library": "--as", "ca_file": "--ca-file", "username": "--username",
    "password_file": "--password-file", "mail_from": "--from", "rcpt_to": "--to",
    "try_all": "--try-all", "send": "--send", "audit": "--audit",
}  # fmt: skip


def _forbid(given: dict[str, Any], what: str) -> None:
    """Refuse options that only a check of a server uses, so that nobody believes they had an
    effect."""
    for name, option in _OF_A_VISIT.items():
        if given[name]:
            raise click.UsageError(f"{option} needs {what}")


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


def _probe(server: str, given: dict[str, Any]) -> "Diagnosis":
    from gatepost.doctor import Settings, diagnose  # noqa: PLC0415  # not for --help
    from gatepost.errors import ConfigError, TlsError  # noqa: PLC0415

    checks = _checks(given)
    settings = Settings(
        given["library"] or "",
        given["tls"],
        given["ca_file"],
        identity=read_identity_options(given),
    )
    credential = read_credential(given)
    try:
        return diagnose(server, given["username"], credential, settings=settings, checks=checks)
    except (ConfigError, TlsError) as error:
        raise click.UsageError(str(error)) from error


def _checks(given: dict[str, Any]) -> "Checks":
    from gatepost.doctor import Checks  # noqa: PLC0415
    from gatepost.model.address import parse_address  # noqa: PLC0415

    sender, recipients = given["mail_from"] or "", given["rcpt_to"]
    if recipients and not sender:
        raise click.UsageError("--to needs --from")
    if given["send"] and not recipients:
        raise click.UsageError("--send needs --from and --to")
    is_name = _NAME.fullmatch(sender) is not None  # a client may use it, so try it
    for address in filter(None, ("" if is_name else sender, *recipients)):
        try:
            parse_address(address)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    return Checks(sender, recipients, given["try_all"], given["send"], given["audit"])


def _read(evidence: Any) -> "Diagnosis":
    from gatepost.doctor.conclude import diagnose_evidence  # noqa: PLC0415
    from gatepost.doctor.evidence_document import MAX_DOCUMENT, from_json  # noqa: PLC0415
    from gatepost.errors import ConfigError  # noqa: PLC0415

    try:
        return diagnose_evidence(from_json(evidence.read(MAX_DOCUMENT + 1)))
    except ConfigError as error:
        raise click.UsageError(f"{evidence.name}: {error}") from error


def _read_config(config: Any) -> "Diagnosis":
    from gatepost.diagnosis.diagnose import diagnose  # noqa: PLC0415
    from gatepost.doctor.lint import MAX_CONFIG, read_config  # noqa: PLC0415

    name = getattr(config, "name", "<stdin>")
    raw = config.read(MAX_CONFIG + 1)
    if len(raw) > MAX_CONFIG:
        raise click.UsageError(f"{name}: longer than {MAX_CONFIG} octets")
    return diagnose(read_config(raw, "-" if name == "<stdin>" else name))


def _read_log(log: Any, server: str, client: str) -> "Diagnosis":
    from gatepost.doctor.conclude import diagnose_evidence  # noqa: PLC0415
    from gatepost.doctor.logs import decode_log, read_log  # noqa: PLC0415

    return diagnose_evidence(read_log(decode_log(_last_of(log)), server, client))


_MAX_READ: Final = 256 * 1024 * 1024
"""Octets of a log that are searched for its end."""


def _last_of(log: Any) -> bytes:
    """Return the log, or the last lines of a long one, which contain the last failure."""
    from gatepost.doctor.logs import MAX_LOG  # noqa: PLC0415

    text: bytes = log.read(MAX_LOG + 1)
    if len(text) <= MAX_LOG:
        return text
    total = len(text)
    while piece := log.read(MAX_LOG):
        total += len(piece)
        text = (text + piece)[-MAX_LOG:]
        if total > _MAX_READ:
            raise click.UsageError(f"{log.name}: longer than {_MAX_READ} octets")
    click.echo(f"{log.name}: {total} octets; read are the last {MAX_LOG}", err=True)
    return text[text.find(b"\n") + 1 :][-MAX_LOG:]
