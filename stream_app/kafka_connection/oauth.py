"""Access tokens for SASL/OAUTHBEARER: OAuth 2.0 client credentials (RFC 6749, section 4.4) from a token endpoint."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

REQUEST_SECONDS = 10.0
RENEWED_AT = 0.8
"""Share of its life after which a token is replaced: a broker closes a connection whose token expired."""
_UNSTATED_SECONDS = 300.0


class TokenRefused(OSError):
    """The token endpoint gave no token. An OSError, which Kafka clients take as a connection that failed for now."""


@dataclass
class Tokens:
    """The current token, asked for when the one before is near its end. Thread-safe; ``clock`` in seconds."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._token, self._renew_at = "", 0.0
        self._lock = threading.Lock()

    def current(self) -> str:
        """A token with at least a fifth of its life before it. Raises TokenRefused; waits for the endpoint."""
        with self._lock:
            if not self._token or self.clock() >= self._renew_at:
                answer = self._ask()
                lives_seconds = float(answer.get("expires_in", _UNSTATED_SECONDS))
                self._token, self._renew_at = str(answer["access_token"]), self.clock() + RENEWED_AT * lives_seconds
            return self._token

    def _ask(self) -> dict[str, Any]:
        form = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
        secret = f"{urllib.parse.quote(self.client_id, '')}:{urllib.parse.quote(self.client_secret, '')}"
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
            self.url,
            urllib.parse.urlencode(form).encode(),
            {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode(), "Accept": "application/json"},
        )
        context = self.context() if self.url.startswith("https:") else None
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=context) as response:  # noqa: S310
                answer = json.load(response)
        except urllib.error.HTTPError as fault:
            raise TokenRefused(f"The token endpoint {self.url} answered {fault.code}.") from None
        except (OSError, ValueError) as fault:
            raise TokenRefused(f"The token endpoint {self.url} cannot be asked ({type(fault).__name__}).") from None
        if not isinstance(answer, dict) or not answer.get("access_token"):
            raise TokenRefused(f"The token endpoint {self.url} gave no access_token.")
        return answer

    def for_aiokafka(self) -> Any:
        from aiokafka.abc import AbstractTokenProvider  # noqa: PLC0415 - a Kafka client is imported when it is used

        tokens = self

        class Provider(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
            async def token(self) -> str:
                return await asyncio.get_running_loop().run_in_executor(None, tokens.current)

        return Provider()

    def for_kafka_python(self) -> Any:
        from kafka.net.sasl.oauth import AbstractTokenProvider  # noqa: PLC0415

        tokens = self

        class Provider(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python ships no types
            def token(self) -> str:
                return tokens.current()

            def extensions(self) -> dict[str, str]:
                return {}

        return Provider()
