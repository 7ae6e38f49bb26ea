"""What a reload of the configuration cannot change."""

from typing import Final

from gatepost.config.settings import AzureDirectorySettings, Configuration
from gatepost.errors import ConfigError

_FIXED: Final = {
    "storage": "storage",
    "health": "health",
    "apis": "api",
    "ca_file": "ca_file",
    "reports": "events of the profile",
    "events": "events",
    "records_sessions": "sessions.record",
}
"""Fields of a configuration that a reload cannot change, and their names for the operator."""


def check_reloadable(before: Configuration, after: Configuration) -> None:
    """Raise ConfigError if only a restart can change ``before`` into ``after``."""
    for name, key in _FIXED.items():
        if getattr(before, name) != getattr(after, name):
            raise ConfigError(f"{key} cannot change without a restart")
    if after.emulation is None and after.apis and _azure_of(before) != _azure_of(after):
        raise ConfigError(
            "the azure directory, which [api] serves, cannot change without a restart"
        )
    if bool(before.workers) != bool(after.workers):
        raise ConfigError("a change of workers from or to 0 needs a restart")
    if (before.failures is None) != (after.failures is None):
        raise ConfigError("failures.allow cannot change without a restart")


def _azure_of(config: Configuration) -> list[AzureDirectorySettings]:
    return [each for each in config.directories if isinstance(each, AzureDirectorySettings)]
