"""``GET /openapi.json``: the e-mail API as an OpenAPI 3.1 document, from ``openapi.yaml``."""

from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse


@cache
def description() -> dict[str, Any]:
    """Return the document."""
    import yaml  # noqa: PLC0415 - hardly anybody requests it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = Path(__file__).with_name("openapi.yaml").read_text("utf-8")
    document: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - it is a safe one
    return document


async def openapi(_request: Request) -> JSONResponse:
    """Serve the document."""
    return JSONResponse(description())
