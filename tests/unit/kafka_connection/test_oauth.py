"""Access tokens: asked for with client credentials, kept while they live, refused in plain words without the secret."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from stream_app.kafka_connection.oauth import TokenRefused, Tokens


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Gives a numbered token for the secret ``s:e cret``."""

    asked: list[tuple[str, str]]
    answer: Any = None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append((base64.b64decode(self.headers["Authorization"].split()[1]).decode(), body))
        good = {"access_token": f"token-{len(self.asked)}", "expires_in": 100}
        sent = json.dumps(good if self.answer is None else self.answer).encode()
        self.send_response(200 if self.asked[-1][0] == "id:s%3Ae%20cret" else 401)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[Endpoint]]]:
    handler = type("Handler", (Endpoint,), {"asked": []})
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/token", handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_token_is_kept_for_four_fifths_of_its_life(endpoint: tuple[str, type[Endpoint]]) -> None:
    now = 0.0
    tokens = Tokens(endpoint[0], "id", "s:e cret", "kafka", clock=lambda: now)
    assert [tokens.current(), tokens.current()] == ["token-1", "token-1"]
    now = 79.9
    assert tokens.current() == "token-1"
    now = 80.0
    assert tokens.current() == "token-2"
    assert endpoint[1].asked[0] == ("id:s%3Ae%20cret", "grant_type=client_credentials&scope=kafka")


def test_a_wrong_secret_is_refused_without_repeating_it(endpoint: tuple[str, type[Endpoint]]) -> None:
    with pytest.raises(TokenRefused, match="answered 401") as refused:
        Tokens(endpoint[0], "id", "wrong secret").current()
    assert "wrong secret" not in str(refused.value)


@pytest.mark.parametrize("answer", [{}, [], "token", {"access_token": ""}])
def test_an_answer_without_a_token_is_refused(endpoint: tuple[str, type[Endpoint]], answer: object) -> None:
    endpoint[1].answer = answer
    with pytest.raises(TokenRefused, match="no access_token"):
        Tokens(endpoint[0], "id", "s:e cret").current()


def test_an_endpoint_that_is_away_is_named() -> None:
    with pytest.raises(TokenRefused, match=r"http://127\.0\.0\.1:1/token cannot be asked"):
        Tokens("http://127.0.0.1:1/token", "id", "secret").current()
