"""DIR/ca-bundle.pem: the system's authorities and ours, for variables such as SSL_CERT_FILE, which
replace the system's."""

from pathlib import Path
from typing import Final

from gatepost.net.atomic_files import PUBLIC, write_file
from gatepost.net.tls import system_authorities

FILE: Final = "ca-bundle.pem"


def write_bundle(data: Path, ca_file: Path) -> Path:
    """Write the file if its content has changed, and return its path. Raises OSError."""
    path = data / FILE
    ours = ca_file.read_bytes()
    # The system's may be this file, if a relay is started where `gatepost env` was evaluated.
    others = [each for each in system_authorities() if each.strip() != ours.strip()]
    content = b"".join([ours, *others])
    if not path.exists() or path.read_bytes() != content:
        write_file(path, content, mode=PUBLIC)
    return path
