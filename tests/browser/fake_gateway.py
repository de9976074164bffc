"""A gateway of canned answers: the real page and content policy, JSON that a test sets, and a stream it can cut."""

from __future__ import annotations

import contextlib
import json
import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stream_app.gateway.auth import POLICY
from stream_app.gateway.static_files import STATIC
from tests.browser import board_data

JSON_TYPE, HTML_TYPE = "application/json", "text/html; charset=utf-8"
Answer = tuple[int, Any, dict[str, str]]


class FakeGateway:
    """``answers``: path to ``(status, body, headers)``; tests change them as they like."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.keys: list[str | None] = []
        self.streaming = True
        self.away = False
        self._updated = threading.Condition()
        self._updates = 0
        self.usual()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gateway": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def usual(self) -> None:
        """Everything is there, and every client is approved."""
        for name in ("state", "histogram", "decisions", "outcomes", "drift", "performance"):
            self.set_answer(f"/board/{name}", getattr(board_data, name)())
        for month in board_data.MONTHS[-12:]:
            self.answers[f"/reports/{month}.html"] = (200, f"<h1>Report {month}</h1>", {"Content-Type": HTML_TYPE})

    def empty(self) -> None:
        """Just started: nothing was decided, no window has closed."""
        self.set_answer("/board/state", board_data.state(decisions=board_data.NO_DECISIONS, rejections={}))
        self.set_answer("/board/histogram", board_data.histogram(n=0))
        self.set_answer("/board/drift", {"windows": [], "features": [], "ratio": [], "reports": {}})
        for name in ("decisions", "outcomes", "performance"):
            self.set_answer(f"/board/{name}", [])

    def set_answer(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """From now on this path is answered like this."""
        self.answers[path] = (status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        self.notify()

    def predicts(self, client_id: str, outcome: str) -> None:
        self.set_answer(f"/predict/{client_id}", board_data.decision(client_id, outcome))

    def notify(self) -> None:
        """Send the stream's readers what there is now."""
        with self._updated:
            self._updates += 1
            self._updated.notify_all()

    def cut(self, *, away: bool) -> None:
        """End the streams and open no new one; ``away``: answer nothing else either."""
        self.streaming, self.away = False, away
        self.notify()

    def come_back(self) -> None:
        self.streaming, self.away = True, False

    def wait_for_update(self, after: int) -> int:
        with self._updated:
            self._updated.wait_for(lambda: self._updates != after, timeout=5)
            return self._updates

    def stop(self) -> None:
        self.cut(away=True)
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    gateway: FakeGateway

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.gateway.asked.append(self.path)
        if self.gateway.away:
            self.close_connection = True
        elif path == "/board/events":
            with contextlib.suppress(ConnectionError):  # the reader has left
                self._stream()
        elif (file := STATIC / (path.removeprefix("/") or "index.html")).is_file():
            self._file(file)
        else:
            self.gateway.keys.append(self.headers.get("X-API-Key"))
            missing: tuple[int, Any, dict[str, str]] = (
                404,
                board_data.problem(404, "not_found", f"There is no {path}."),
                {},
            )
            self._answer(*self.gateway.answers.get(path, missing))

    def _file(self, path: Path) -> None:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self._send(200, path.read_bytes(), {"Content-Type": kind, "Content-Security-Policy": POLICY})

    def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self._send(status, text.encode(), {"Content-Type": JSON_TYPE} | headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        if not self.gateway.streaming:
            self._answer(503, board_data.problem(503, "away", "No stream."), {})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        updates = -1
        while self.gateway.streaming:
            updates = self.gateway.wait_for_update(updates)
            names = ("state", "decisions", "histogram")
            update = {name: self.gateway.answers[f"/board/{name}"][1] for name in names}
            self.wfile.write(f"data: {json.dumps(update)}\n\n".encode())

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its verdict."""
