"""Where a token for Azure Resource Manager, or Microsoft Graph, comes from.

In this order: a file, the environment, the Azure CLI (``az account get-access-token``),
azure-identity if it is installed. Nothing is stored.
"""

import json
import logging
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from gatepost.errors import ConfigError
from gatepost.model.secret import Secret

ARM_VARIABLE: Final = "AZURE_ARM_TOKEN"
GRAPH_VARIABLE: Final = "AZURE_GRAPH_TOKEN"
ARM: Final = "https://management.azure.com"
GRAPH: Final = "https://graph.microsoft.com"
_SECONDS: Final = 60
"""Maximum for the Azure CLI, which may ask its server."""
_HOW: Final = (
    "no token: sign in with `az login`, or give a token in a file (--token-file) or in the "
    "environment variable {variable}"
)


def find_token(resource: str, variable: str, environment: Mapping[str, str]) -> Secret:
    """Return a token for a resource. Raises ConfigError that says what to do."""
    if token := environment.get(variable, "").strip():
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise ConfigError(f"{variable} must have the token alone, in one line")
        return Secret(token)
    reasons = []
    for source in (_by_command_line, _by_library):
        try:
            token = source(resource)
        except ConfigError as error:
            reasons.append(str(error))
        else:
            return Secret(token)
    raise ConfigError(f"{_HOW.format(variable=variable)} ({'; '.join(reasons)})")


def _by_library(resource: str) -> str:
    if find_spec("azure") is None or find_spec("azure.identity") is None:
        raise ConfigError("azure-identity is not installed")
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow, and optional

    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # the error says it, too
    try:
        with DefaultAzureCredential() as credential:
            return str(credential.get_token(f"{resource}/.default").token)
    except Exception as error:  # noqa: BLE001 - of the library, whatever it is
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"azure-identity: {reason[:200]}") from None


def _by_command_line(resource: str) -> str:
    program = shutil.which("az")
    if program is None:
        raise ConfigError("the Azure CLI is not installed")
    command = [program, "account", "get-access-token", "--output", "json", "--resource", resource]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"the Azure CLI: {error}") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
        raise ConfigError(f"the Azure CLI: {lines[-1][:200]}")
    try:
        return str(json.loads(done.stdout)["accessToken"])
    except (ValueError, KeyError, TypeError):
        raise ConfigError("the Azure CLI: its answer has no token") from None
