"""The composition root of the gateway: settings to an ASGI app. ``stream-app gateway`` serves it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from stream_app.errors import StoreOutdated, StreamAppError, trace_of
from stream_app.gateway import problem_details as problems
from stream_app.gateway.auth import SecurityMiddleware, allowed_keys
from stream_app.gateway.dependencies import Dependencies, MakeBroker
from stream_app.gateway.kafka_client import KafkaClient
from stream_app.gateway.limits import BodyLimitMiddleware
from stream_app.gateway.openapi import openapi_of
from stream_app.gateway.problem_details import ErrorMiddleware, ProblemError
from stream_app.gateway.responses import HeadMiddleware
from stream_app.gateway.routes import dashboard, decisions, status
from stream_app.gateway.static_files import add_static_files
from stream_app.gateway.tracing import TraceMiddleware
from stream_app.runtime.log_throttle import LogThrottle
from stream_app.settings import GatewaySettings

log = logging.getLogger(__name__)

_DESCRIPTION = (
    "Decisions on loan requests, from the stream. Probabilities are of default: **higher is riskier**. Every error is "
    "a problem body (RFC 9457) with a stable `reason` and what to do next."
)


def create_app(settings: GatewaySettings, make_broker: MakeBroker = KafkaClient) -> FastAPI:
    """Wire the whole gateway. Raises BundleError or SettingsError; connects to nothing before it is started."""
    dependencies = Dependencies(settings, make_broker)
    app = FastAPI(
        title="Loan stream scorer",
        version="1.0.0",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.dependencies = dependencies
    for routes in (decisions, status, dashboard):
        app.include_router(routes.router)
    add_static_files(app)
    app.openapi = openapi_of(app, dependencies.bundle.contract)  # type: ignore[method-assign]  # as in FastAPI's manual
    _add_exception_handlers(app)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    app.add_middleware(TraceMiddleware, tracing=dependencies.tracing)
    app.add_middleware(SecurityMiddleware, keys=allowed_keys(settings), per_minute=settings.rate_per_minute)
    app.add_middleware(ErrorMiddleware)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    dependencies: Dependencies = app.state.dependencies
    asyncio.get_running_loop().set_exception_handler(_log_loop_fault)
    await dependencies.start()
    try:
        yield
    finally:
        await dependencies.stop()


def _log_loop_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Without the text of the exception, which asyncio would log: it may hold a customer's data."""
    fault = context.get("exception")
    log.error("%s: %s", context["message"], trace_of(fault) if fault else "no exception")


def _add_exception_handlers(app: FastAPI) -> None:
    throttle = LogThrottle()

    def of_logged_stream_error(fault: StreamAppError) -> Response:
        """A store or broker that is away fails every call alike: one trace a second is enough."""
        if (suppressed := throttle.now(fault.reason)) is not None:
            why = str(fault) if isinstance(fault, StoreOutdated) else trace_of(fault)
            log.warning("a call failed (%s, and %d before): %s", fault.reason, suppressed, why)
        return problems.of_stream_error(fault)

    def handler(respond: Callable[[Any], Response]) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def handle(_request: Request, fault: Exception) -> Response:
            return respond(fault)

        return handle

    app.add_exception_handler(
        ProblemError, handler(lambda fault: problems.problem_response(fault.problem, fault.headers))
    )
    app.add_exception_handler(StreamAppError, handler(of_logged_stream_error))
    app.add_exception_handler(HTTPException, handler(problems.of_http_error))
    app.add_exception_handler(RequestValidationError, handler(problems.of_validation_error))
