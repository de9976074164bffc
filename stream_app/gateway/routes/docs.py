"""``/docs``: Swagger UI on the OpenAPI document. All its files are served from here; it works without the internet."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

# No inline script: the page's content policy forbids them.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Loan stream scorer: the API</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/docs/files/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true});
"""

swagger_files = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")
"""Swagger UI 5, the first that reads OpenAPI 3.1. To be mounted at ``/docs/files``."""


@router.get("/docs")
async def docs() -> Response:
    """The page."""
    return HTMLResponse(_PAGE)


@router.get("/docs/start.js")
async def start() -> Response:
    """What starts it."""
    return Response(_START, media_type="text/javascript")
