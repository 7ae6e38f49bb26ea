"""What somebody has at ACS, in an emulated one: tokens, a domain, a sender."""

import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen


def token_of(ready: Mapping[str, Any], application: Mapping[str, Any], scope: str) -> str:
    """Return an access token for an application of the emulated Entra.

    ``ready`` is the emulator's ready.json, ``application`` a table with a ``client_id`` and a
    ``client_secret``, such as its ``admin``.
    """
    form = {
        "client_id": application["client_id"],
        "client_secret": application["client_secret"],
        "grant_type": "client_credentials",
        "scope": scope,
    }
    url = f"{ready['authority']}/{ready['tenant_id']}/oauth2/v2.0/token"
    trust = ssl.create_default_context(cafile=ready["ca_file"])
    with urlopen(url, urlencode(form).encode(), 60, context=trust) as answer:
        return str(json.load(answer)["access_token"])


def furnish(run: Callable[..., object], data: Path, sender: str, *options: str) -> None:
    """Link a verified domain, contoso.com, and a sender of it to the resource.

    ``run`` runs a command of Gatepost; ``options`` are the sender's.
    """
    there = ("--json", "--data", str(data))
    run("domain", "create", "contoso.com", *there)
    run("domain", "verify", "contoso.com", *there)
    run("sender", "create", sender, "--in", "contoso.com", *options, *there)
    run("resource", "link", "gatepost", "contoso.com", *there)
