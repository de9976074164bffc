"""The dashboard's own files, each under its name: nothing else of the address space is theirs.

Mounted as a whole at ``/`` they would answer, with 404, for a route that is called by the wrong method.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"


def add_static_files(app: Starlette, folder: Path = STATIC) -> None:
    """Serve the files and the subfolders of this folder, and its index at ``/``."""
    files = StaticFiles(directory=folder, check_dir=False)
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        if entry.is_dir():
            app.mount(f"/{entry.name}", StaticFiles(directory=entry))
        else:
            app.add_route(f"/{entry.name}", _serving(files, entry.name), include_in_schema=False)
    app.add_route("/", _serving(files, INDEX), include_in_schema=False)


def _serving(files: StaticFiles, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return page
