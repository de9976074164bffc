"""A small OIDC token endpoint: client credentials in, signed access tokens out, its keys at ``/jwks``."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "scorer-app", "client secret"
AUDIENCE, ISSUER = "kafka", "https://issuer.example"


class TokenServer(ThreadingHTTPServer):
    """``url`` of the token endpoint, ``jwks_url`` of the keys; ``issued`` counts tokens, which live ``seconds``."""

    def __init__(self, seconds: int = 300) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key, self.seconds, self.issued = RSAKey.generate_key(2048, parameters={"kid": "test"}), seconds, 0
        self.url = f"http://127.0.0.1:{self.server_port}/token"
        self.jwks_url = f"http://127.0.0.1:{self.server_port}/jwks"

    def token(self) -> str:
        self.issued += 1
        now = int(time.time())
        claims = {"sub": CLIENT_ID, "aud": AUDIENCE, "iss": ISSUER, "iat": now, "exp": now + self.seconds}
        return jwt.encode({"alg": "RS256", "kid": "test"}, claims, self.key)


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_GET(self) -> None:
        self._answer(200, {"keys": [self.server.key.as_dict(private=False, use="sig", alg="RS256")]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        wanted = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '%20')}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {wanted}":
            self._answer(401, {"error": "invalid_client"})
            return
        self._answer(200, {"access_token": self.server.token(), "expires_in": self.server.seconds})

    def _answer(self, status: int, body: Any) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@contextlib.contextmanager
def token_server(seconds: int = 300) -> Iterator[TokenServer]:
    with TokenServer(seconds) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
