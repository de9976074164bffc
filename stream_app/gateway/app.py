"""The composition root of the gateway: settings to an ASGI app. ``stream-app gateway`` serves it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from stream_app.errors import StreamAppError, trace_of
from stream_app.gateway.auth import SecurityMiddleware, keys_of
from stream_app.gateway.dependencies import Dependencies, build_dependencies
from stream_app.gateway.limits import BodyLimitMiddleware
from stream_app.gateway.openapi import document_of
from stream_app.gateway.problem_details import ErrorMiddleware, ProblemError, of_http_fault, of_stream_fault, response
from stream_app.gateway.routes import dashboard, decisions, docs, predict, requests, status
from stream_app.gateway.static_files import add_pages
from stream_app.runtime.log_throttle import LogThrottle
from stream_app.settings import GatewaySettings

log = logging.getLogger(__name__)

_DESCRIPTION = (
    "Decisions on loan requests, from the stream. Probabilities are of default: **higher is riskier**. Every error is "
    "a problem body (RFC 9457) with a stable `reason` and what to do next."
)


def create_app(settings: GatewaySettings) -> FastAPI:
    """Wire the whole gateway. Raises BundleError or SettingsError; connects to nothing before it is started."""
    return app_of(build_dependencies(settings))


def app_of(parts: Dependencies) -> FastAPI:
    """The app on these parts."""
    app = FastAPI(
        title="Loan stream scorer",
        version="1.0.0",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        default_response_class=Response,
    )
    app.state.parts = parts
    for routes in (predict, requests, decisions, status, dashboard, docs):
        app.include_router(routes.router)
    app.mount("/docs/files", docs.swagger_files)
    add_pages(app)
    app.openapi = document_of(app, parts.bundle.contract)  # type: ignore[method-assign]  # as FastAPI's manual says
    app.add_exception_handler(ProblemError, _on_refused)
    app.add_exception_handler(StreamAppError, _stream_faults(LogThrottle()))
    app.add_exception_handler(HTTPException, _on_http_fault)
    settings = parts.settings
    app.add_middleware(BodyLimitMiddleware, most_bytes=settings.max_body_bytes)
    app.add_middleware(SecurityMiddleware, keys=keys_of(settings), per_minute=settings.rate_per_minute)
    app.add_middleware(ErrorMiddleware)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Dependencies = app.state.parts
    await parts.start()
    try:
        yield
    finally:
        await parts.stop()


async def _on_refused(_request: Request, fault: Exception) -> Response:
    return response(fault.problem, fault.headers) if isinstance(fault, ProblemError) else _unexpected(fault)


async def _on_http_fault(_request: Request, fault: Exception) -> Response:
    return of_http_fault(fault) if isinstance(fault, HTTPException) else _unexpected(fault)


def _stream_faults(told: LogThrottle) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A store or broker that is away fails every call alike: its trace once a second says as much."""

    async def answer(_request: Request, fault: Exception) -> Response:
        if not isinstance(fault, StreamAppError):
            return _unexpected(fault)
        if (more := told.now(fault.reason)) is not None:
            log.warning("a call was refused (%s, %d more times before): %s", fault.reason, more, trace_of(fault))
        return of_stream_fault(fault)

    return answer


def _unexpected(fault: Exception) -> Response:
    raise fault
