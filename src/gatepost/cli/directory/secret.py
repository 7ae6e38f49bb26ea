"""``gatepost secret``: client secrets, whose values are shown once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.call_relay import Document, call_directory
from gatepost.cli.directory.objects import ObjectKind, object_group, parent_option
from gatepost.cli.durations import Lifetime
from gatepost.cli.output import print_document, print_result
from gatepost.cli.secret_file import saved_secret
from gatepost.cli.store_options import options

KIND: Final = ObjectKind(
    "secret",
    "secrets",
    "Client secrets. An application may have several, each with its own expiry.",
    {
        "ID": lambda each: each["id"],
        "APP": lambda each: each["app"] or "-",
        "NAME": lambda each: each["name"] or "-",
        "EXPIRES": lambda each: each["expires_at"][:10],
        "STATE": lambda each: each["state"].replace("_", " "),
    },
    parent="app",
    whole=("ID", "EXPIRES"),
    example="'build server'",
)

secret = object_group(KIND)


class DateTimeParam(click.ParamType[datetime]):
    """A date, or date and time (ISO 8601), by default in UTC."""

    name = "MOMENT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the time with its zone."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date or time such as 2027-01-31T12:00Z", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@secret.command()
@click.argument("name", metavar="[NAME]", default="")
@parent_option("app")
@click.option(
    "--lifetime",
    type=Lifetime("--expires may lie in the past"),
    help="Lifetime, such as 90d or 12h; default: 730d.",
)
@click.option(
    "--expires",
    type=DateTimeParam(),
    help="End of validity; may be in the past, to test with an expired secret.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the value to this file (mode 0600) instead of showing it.",
)
@options
def create(
    data: Path, as_json: bool, save: Path | None, expires: datetime | None, **fields: Any
) -> None:
    """Create a client secret. NAME is a description.

    The value is shown only once. Do not confuse it with the id.

    \b
    Example:
      gatepost secret create server --in billing --lifetime 90d --save billing.secret
    """
    if expires is not None and fields["lifetime"] is not None:
        raise click.UsageError("--lifetime and --expires cannot be used together")
    if expires is not None:
        fields["expires"] = expires.isoformat()
    if save is None:
        print_result(call_directory(data, "secret create", fields), as_json, _tell)
        return
    with saved_secret(save) as write:
        document = call_directory(data, "secret create", fields)
        write(document.pop("value"))
    print_result(document | {"saved": str(save)}, as_json)


def _tell(document: Document) -> None:
    print_document(document)
    click.echo("\nThis value is shown only once: save it now.")
