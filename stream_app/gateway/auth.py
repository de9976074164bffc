"""Who may call, how often, and from which pages: the layer around every route and file of the gateway.

Bound to this machine alone, the gateway needs no keys; it then answers only to this machine's own names, so that no web
page can reach it through a name of its own (DNS rebinding). Bound to anything else it does not start without keys.
A key comes as ``X-API-Key``, as ``Authorization: Bearer``, or, from browsers, which ask their user for it, as the
password of ``Authorization: Basic``. With and without keys, what returns data or decides does not answer to pages of
other sites: a browser would send them its user's key, and one without keys decides for whoever asks.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream_app.errors import SettingsError
from stream_app.gateway import problem_details as problems
from stream_app.gateway.api_keys import Caller, KeyFile, Keys, Role, role_for
from stream_app.gateway.limits import RateLimit
from stream_app.gateway.problem_details import problem_response
from stream_app.settings import GatewaySettings

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_NOT_CACHED = (b"cache-control", b"no-store")  # customers' data stays in no cache on the way
_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:([\w.-]*)|\[([\da-f:.]+)\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

RawHeaders = list[tuple[bytes, bytes]]


class SecurityMiddleware:
    """Checks path, host, site, rate, key and role, in this order, and sets the headers that restrict browsers."""

    def __init__(self, app: ASGIApp, keys: Keys | KeyFile | None, per_minute: int) -> None:
        """``keys``: None when none are asked for. ``per_minute``: calls of one key or address, 0 for no limit."""
        self._app, self._keys = app, keys
        self._rate = RateLimit(per_minute, clock=time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_headers(message["headers"], scope["path"])
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Why this call is not passed on; None: it is."""
        if _CONTROL.search(scope["path"]) and not scope["path"].startswith("/decisions/"):
            # The router's patterns end before a last newline: it would serve "/status\n", which has no role.
            return problem_response(problems.BAD_PATH)
        headers = Headers(scope=scope)
        needed = role_for(scope["path"])
        caller = self._keys.caller(presented_key(headers)) if self._keys else None
        return (
            self._wrong_host(headers)
            or (problem_response(problems.CROSS_SITE) if needed and is_cross_site(headers) else None)
            or self._too_often(caller, scope)
            or self._not_allowed(caller, needed)
        )

    def _wrong_host(self, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) > 1 or (name := host_name("".join(hosts))) is None:
            return problem_response(problems.BAD_HOST)
        return problem_response(problems.UNKNOWN_HOST) if self._keys is None and name not in _OWN_NAMES else None

    def _too_often(self, caller: Caller | None, scope: Scope) -> Response | None:
        address = (scope.get("client") or ("",))[0]
        wait_seconds = self._rate.wait_seconds(f"key {caller.name}" if caller else f"address {address}")
        if not wait_seconds:
            return None
        return problem_response(problems.TOO_MANY_REQUESTS, {"Retry-After": str(math.ceil(wait_seconds))})

    def _not_allowed(self, caller: Caller | None, needed: Role | None) -> Response | None:
        if self._keys is None or needed is None:
            return None
        if caller is None:
            return problem_response(
                problems.KEY_NEEDED, {"WWW-Authenticate": 'Basic realm="loan stream scorer: any name, a key"'}
            )
        return None if caller.may(needed) else problem_response(problems.role_needed(needed.value))


def allowed_keys(settings: GatewaySettings) -> KeyFile | None:
    """The keys to ask for; None when the gateway is bound to this machine alone and none are set.

    Raises SettingsError when it is bound elsewhere without keys, or their file is not usable.
    """
    if settings.keys is not None:
        return KeyFile(settings.keys)
    if is_loopback(settings.gateway_host):
        return None
    raise SettingsError(
        f"The gateway would serve customers' decisions to others at {settings.gateway_host} without asking for keys.",
        kept="Nothing was started.",
        do_next="Make keys with `stream-app keys add NAME --role read|request` and name their file in STREAM_APP_KEYS, "
        "or bind it to 127.0.0.1.",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_name(header: str) -> str | None:
    """The name in a Host header, without port and brackets; None when it is no valid host."""
    match = _HOST.fullmatch(header)
    return (match[1] or match[2] or "").lower() if match else None


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser calls for a page of another origin; programs send neither header.

    ``Sec-Fetch-Site`` counts where it is sent (to localhost and over TLS): a proxy may have changed the host since.
    Another port of the same host is another origin: whatever else runs on this machine.
    """
    sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
    if len(sites) > 1 or len(origins) > 1:
        return True  # no browser sends either twice, and which of them counts would be anybody's guess
    if sites:
        return sites[0] not in ("same-origin", "none")
    host = headers.get("host", "").lower()
    return bool(origins) and origins[0].partition("://")[2].lower() != host


def presented_key(headers: Headers) -> str:
    """The key a caller presents, empty without one."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        return _password(credentials)
    return headers.get("x-api-key", "")


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _with_headers(headers: RawHeaders, path: str) -> RawHeaders:
    """What is set by a route stays as it is, but for redirects: the router names the host that the caller sent."""
    present = {name for name, _ in headers}
    added = (*_HEADERS, _NOT_CACHED) if role_for(path) else _HEADERS
    sent = [(name, _relative(value) if name == b"location" else value) for name, value in headers]
    return sent + [header for header in added if header[0] not in present]


def _relative(location: bytes) -> bytes:
    relative = urlsplit(location)._replace(scheme=b"", netloc=b"").geturl()
    return b"/" + relative.lstrip(b"/")
