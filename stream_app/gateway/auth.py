"""Who may call, how often, and what browsers are told: the layer around every route and file of the gateway.

Bound to this machine alone, the gateway needs no keys; it then answers only to this machine's own names, so that no web
page can reach it through a name it made up (DNS rebinding). Bound to anything else it does not start without keys.
A key comes as ``X-API-Key``, as ``Authorization: Bearer``, or, from browsers, which ask their user for it, as the
password of ``Authorization: Basic``.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import time
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.errors import SettingsError
from stream_app.gateway.api_keys import Caller, KeyFile, Role, role_for
from stream_app.gateway.limits import RateLimit
from stream_app.gateway.problem_details import problem, response
from stream_app.settings import GatewaySettings

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class KnownKeys(Protocol):
    """Who is known by which key."""

    def caller(self, key: str) -> Caller | None:
        """Whose key this is; None: nobody's."""


class SecurityMiddleware:
    """Names, keys, roles, rates and headers, in this order, around an app."""

    def __init__(self, app: ASGIApp, keys: KnownKeys | None, per_minute: int) -> None:
        """``keys``: None when none are asked for. ``per_minute``: calls of one key or address, 0 for no limit."""
        self._app, self._keys = app, keys
        self._names = _OWN_NAMES if keys is None else None
        self._rate = RateLimit(per_minute, clock=time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), scope["path"])
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Why this call is not passed on; None: it is."""
        headers = Headers(scope=scope)
        if self._names is not None and host_name(headers.get("host", "")) not in self._names:
            return _refuse(421, "unknown_host", "This gateway answers to localhost alone.", "Call it by that name.")
        caller = self._keys.caller(presented_key(headers)) if self._keys else None
        needed = role_for(scope["path"])
        return self._too_often(caller, scope) or self._not_allowed(caller, needed, headers)

    def _not_allowed(self, caller: Caller | None, needed: Role | None, headers: Headers) -> Response | None:
        if self._keys is None or needed is None:
            return None
        if caller is None:
            told = problem(401, "key_needed", "An API key is needed.", "Send it in the header X-API-Key.")
            return response(told, {"WWW-Authenticate": 'Basic realm="loan stream scorer: any name, a key"'})
        if not caller.may(needed):
            return _refuse(403, "role_needed", f"The key has not the role {needed.value}.", "Ask for one that has.")
        if headers.get("sec-fetch-site") == "cross-site":  # a browser sends Basic along to whatever page asked for it
            return _refuse(403, "cross_site", "Other sites' pages may not call.", "Call from a page of this one.")
        return None

    def _too_often(self, caller: Caller | None, scope: Scope) -> Response | None:
        address = (scope.get("client") or ("",))[0]
        wait_seconds = self._rate.wait_seconds(f"key {caller.name}" if caller else f"address {address}")
        if not wait_seconds:
            return None
        told = problem(429, "too_many_requests", "Too many calls in this minute.", "Call less often.")
        return response(told, {"Retry-After": str(math.ceil(wait_seconds))})


def keys_of(settings: GatewaySettings) -> KeyFile | None:
    """The keys to ask for; None when the gateway is bound to this machine alone and none are set.

    Raises SettingsError when it is bound elsewhere without keys, or their file is not usable.
    """
    if settings.keys is not None:
        return KeyFile(settings.keys)
    if is_own(settings.gateway_host):
        return None
    raise SettingsError(
        f"The gateway would serve customers' decisions to others at {settings.gateway_host} without asking for keys.",
        kept="Nothing was started.",
        do_next="Make keys with `stream-app keys add NAME --role read|request` and name their file in STREAM_APP_KEYS, "
        "or bind it to 127.0.0.1.",
    )


def is_own(host: str) -> bool:
    """Whether this address is one that only this machine reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets."""
    name = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    return name.strip("[]").lower()


def presented_key(headers: Headers) -> str:
    """The key a caller shows, empty without one."""
    kind, _, said = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return said.strip()
    if kind.lower() == "basic":
        return _password(said)
    return headers.get("x-api-key", "")


def _password(said: str) -> str:
    try:
        return base64.b64decode(said, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _add_headers(headers: MutableHeaders, path: str) -> None:
    """What is set by a route stays as it is."""
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if role_for(path):
        headers.setdefault("Cache-Control", "no-store")  # customers' data stays in no cache on the way


def _refuse(status: int, reason: str, detail: str, do_next: str) -> Response:
    return response(problem(status, reason, detail, do_next))
