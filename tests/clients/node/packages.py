"""Whether Node.js and its packages are installed; `make test` installs them where npm is."""

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules").is_dir(),
    reason="needs Node.js 20, npm and `npm ci` in tests/clients/node",
)
