"""The running ``gatepost up`` of a directory, as commands know it: its ready.json."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gatepost.cli.output import CommandFailed

if TYPE_CHECKING:  # not for --help
    from gatepost.client.connection import Password

_BY_TOKEN: Final = frozenset({"XOAUTH2", "OAUTHBEARER"})


def read_ready(data: Path) -> dict[str, Any]:
    """Return the ready.json of the local relay in ``data``; without one, raise CommandFailed."""
    try:
        document = json.loads((data / "ready.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise CommandFailed(f"no relay is up in {data}: start one with `gatepost up`") from None
    except ValueError as error:
        raise CommandFailed(f"{data / 'ready.json'} is damaged: {error}") from None
    if not isinstance(document, dict):
        raise CommandFailed(f"{data / 'ready.json'} is damaged: it is not an object")
    if "env" not in document:
        raise CommandFailed(
            "that is a relay of `gatepost serve`; this command needs one of `gatepost up`"
        )
    return document


def fill_in(arguments: dict[str, Any], data: Path) -> None:
    """Add to the options of `gatepost send` what is not given and the local relay in ``data`` has.

    Its password or token is in ``local_secret`` then. Raises CommandFailed.
    """
    ready = read_ready(data)
    if arguments["server"] is None:
        listener = ready.get("smtp") or ready.get("smtps")
        if listener is None:
            raise CommandFailed("that relay takes no mail by SMTP: it was started with --smtp off")
        arguments["server"] = f"[{listener['host']}]:{listener['port']}"
        arguments["tls"] = arguments["tls"] or listener["tls"]
        arguments["in_clear"] = listener["tls"] == "none"  # its profile is about that
    arguments["ca_file"] = arguments["ca_file"] or Path(ready["ca_file"])
    if arguments["eml"] is None:
        arguments["sender"] = arguments["sender"] or ready["from"]
    if arguments["certificate"] is None:
        arguments["username"] = arguments["username"] or ready["username"]
        arguments["local_secret"] = secret = _secret(ready, arguments["mechanism"] or "")
        if (
            secret is None
            and arguments["password_file"] is None
            and arguments["token_file"] is None
        ):
            raise CommandFailed(
                "that relay's client secret was deleted or has expired; give another one with "
                "--password-file"
            )


def _secret(ready: dict[str, Any], mechanism: str) -> "Password | None":
    from gatepost.client.settings import Token  # noqa: PLC0415

    token, password = ready.get("access_token"), ready.get("password")
    if token and (not password or mechanism.upper() in _BY_TOKEN):
        return Token(token)
    if not password:
        return None
    return str(password)
