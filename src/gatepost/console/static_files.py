"""Style sheet, scripts and icons, at addresses that change with their content."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def static_files() -> dict[str, bytes]:
    """Return the files by name."""
    paths = sorted(each for each in _FOLDER.iterdir() if each.suffix in _TYPES)
    return {each.name: each.read_bytes() for each in paths}


@cache
def static_prefix() -> str:
    """Return the path below which they are; modules import each other relative to it."""
    digest = hashlib.sha256()
    for name, content in static_files().items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return f"/static/{digest.hexdigest()[:16]}"


def static_route() -> Route:
    """Return the route, which anybody may call: the page to sign in needs it, too."""
    return Route(f"{static_prefix()}/{{name}}", _serve, methods=["GET"])


async def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    content = static_files().get(name)
    if content is None:
        raise HTTPException(404)
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": _TYPES[Path(name).suffix],
    }
    return Response(content, headers=headers)
