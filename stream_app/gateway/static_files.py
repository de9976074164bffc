"""The files of the dashboard and of Swagger UI, with a route for each.

One mount at ``/`` would also match every API path called by the wrong method, and answer 404 instead of 405.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import fastapi_offline
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
_PAGES = {"/": "index.html", "/docs": "docs.html"}


def add_static_files(app: Starlette) -> None:
    """Serve the folder's files and subfolders, its pages, and the files of Swagger UI 5, which reads OpenAPI 3.1."""
    files = StaticFiles(directory=STATIC)
    for entry in sorted(STATIC.iterdir()):
        if entry.is_dir():
            app.mount(f"/{entry.name}", StaticFiles(directory=entry))
        else:
            app.add_route(f"/{entry.name}", _serving(files, entry.name), include_in_schema=False)
    for path, name in _PAGES.items():
        app.add_route(path, _serving(files, name), include_in_schema=False)
    app.mount("/docs/files", StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))


def _serving(files: StaticFiles, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return serve
