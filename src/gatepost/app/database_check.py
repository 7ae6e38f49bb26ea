"""What ``gatepost check`` finds in the database of a configuration."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gatepost.config.settings import Configuration
from gatepost.errors import ConfigError, QueueError

if TYPE_CHECKING:
    from gatepost.store.postgres import Examination


def check_database(config: Configuration) -> "tuple[Configuration, Examination | None]":
    """Examine the database, if mail is stored in one. Returns the configuration with a warning for
    each thing to change, and what was found; None if it cannot be reached, which is a warning, too:
    a configuration may be checked elsewhere."""
    database = config.storage.database
    if database is None:
        return config, None
    from gatepost.store import postgres  # noqa: PLC0415 - only with PostgreSQL

    settings = postgres.PostgresSettings(lambda: database.url.read().reveal(), database.schema)
    connector = postgres.Connector(settings.url, settings.schema, "gatepost check")
    examination: Examination | None = None
    try:
        examination = postgres.examine(connector, settings.connections)
        reasons = examination.warnings
    except QueueError as error:
        reasons = (str(error),)
    warnings = [ConfigError(each, where="storage.url") for each in reasons]
    return replace(config, warnings=(*config.warnings, *warnings)), examination
