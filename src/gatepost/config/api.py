"""``[api]``: the HTTPS address where the Azure directory is managed and issues tokens."""

from collections.abc import Sequence

from gatepost.config import values
from gatepost.config.reading import TableReader
from gatepost.config.settings import ApiSettings, AzureDirectorySettings, DirectorySettings


def read_api(root: TableReader, directories: Sequence[DirectorySettings]) -> ApiSettings | None:
    """Return the settings; None if the file has none, or there is no Azure directory."""
    if not root.has("api"):
        root.table("api")
        return None
    table = root.table("api")
    host, port = table.need("address", values.listening, values.ListenAddress("127.0.0.1", 0))
    api = ApiSettings(
        host,
        port,
        table.need("certificate", values.path, ""),
        table.take("key", values.optional_path, ""),
    )
    table.finish()
    is_managed = any(isinstance(each, AzureDirectorySettings) for each in directories)
    if not is_managed and root.is_clear(("directory", "kind")):
        table.fault(None, '[api] manages the directory of kind "azure", but there is none')
    return api
