"""The running ``gatepost up`` of a directory, as commands know it: its ready.json."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gatepost.cli.output import Failed

if TYPE_CHECKING:  # not for --help
    from gatepost.client.connection import Password

_BY_TOKEN: Final = frozenset({"XOAUTH2", "OAUTHBEARER"})


def read_ready(data: Path) -> dict[str, Any]:
    """Return the ready.json of the local relay in ``data``. Raises Failed if none runs there."""
    try:
        document = json.loads((data / "ready.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise Failed(f"no relay is up in {data}: start one with `gatepost up`") from None
    except ValueError as error:
        raise Failed(f"{data / 'ready.json'} is damaged: {error}") from None
    if not isinstance(document, dict):
        raise Failed(f"{data / 'ready.json'} is damaged: it is not an object")
    if "env" not in document:
        raise Failed("that is a relay of `gatepost serve`; this command needs one of `gatepost up`")
    return document


def fill_in(given: dict[str, Any], data: Path) -> None:
    """Add to the options of `gatepost send` what is not given and the local relay in ``data`` has.

    Its password or token is in ``local_secret`` then. Raises Failed.
    """
    ready = read_ready(data)
    if given["server"] is None:
        listener = ready.get("smtp") or ready.get("smtps")
        if listener is None:
            raise Failed("that relay takes no mail by SMTP: it was started with --smtp off")
        given["server"] = f"[{listener['host']}]:{listener['port']}"
        given["tls"] = given["tls"] or listener["tls"]
        given["in_clear"] = listener["tls"] == "none"  # its profile is about that
    given["ca_file"] = given["ca_file"] or Path(ready["ca_file"])
    if given["eml"] is None:
        given["sender"] = given["sender"] or ready["from"]
    if given["certificate"] is None:
        given["username"] = given["username"] or ready["username"]
        given["local_secret"] = secret = _secret(ready, given["mechanism"] or "")
        if secret is None and given["password_file"] is None and given["token_file"] is None:
            raise Failed(
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
