"""The registry over HTTP: what it answers is kept, a refusal says what to do, an absence is told from a refusal."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from stream_app.errors import RegistryError, RegistryUnavailable
from stream_app.events import Undecodable
from stream_app.formats.registry import MAX_KNOWN, SchemaRegistry
from stream_app.kafka_connection.tls import Tls

SCHEMA = json.dumps({"type": "record", "name": "A", "fields": [{"name": "a", "type": "int"}]})
UNKNOWN = 404, {"error_code": 40403, "message": "Schema not found"}


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives what ``answers`` says of the request line, else a schema; remembers what was asked."""

    answers: dict[str, tuple[int, Any]]
    asked: list[str]
    logins: list[str]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def _answer(self) -> None:
        line = f"{self.command} {self.path}"
        self.asked.append(line)
        self.logins.append(self.headers.get("Authorization", ""))
        status, document = self.answers.get(line, (200, {"schema": SCHEMA, "id": 7}))
        sent = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


class Server:
    """One that runs; ``context``: with TLS."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.handler: Any = type("Handler", (Answers,), {"answers": {}, "asked": [], "logins": []})
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_a_schema_is_asked_for_once(server: Server) -> None:
    registry = SchemaRegistry(server.url)
    assert registry.schema(3) is registry.schema(3)
    assert server.handler.asked == ["GET /schemas/ids/3"]


def test_an_unknown_id_is_asked_for_again_after_a_minute(server: Server) -> None:
    now = 0.0
    registry = SchemaRegistry(server.url, clock=lambda: now)
    server.handler.answers["GET /schemas/ids/3"] = UNKNOWN
    for _ in range(2):
        with pytest.raises(Undecodable, match="has no schema 3"):
            registry.schema(3)
        now = 60.0
    server.handler.answers.clear()
    now = 62.0
    assert registry.schema(3).parsed["name"] == "A"
    assert len(server.handler.asked) == 2


def test_so_many_schemas_are_kept_and_no_more(server: Server) -> None:
    registry = SchemaRegistry(server.url)
    for schema_id in range(MAX_KNOWN + 1):
        registry.schema(schema_id)
    asked = len(server.handler.asked)
    registry.schema(MAX_KNOWN)
    assert len(server.handler.asked) == asked
    registry.schema(0)
    assert len(server.handler.asked) == asked + 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, {"schema": SCHEMA, "schemaType": "PROTOBUF"}), "no Avro schema"),
        ((200, {"schema": SCHEMA, "references": [{"name": "x"}]}), "refers to other schemas"),
        ((200, {"schema": "nonsense"}), "not readable"),
        ((200, {"schema": "[" * 5_000}), "not readable"),
        ((200, {}), "not readable"),
        ((200, []), "not readable"),
        ((200, {"schema": SCHEMA + " " * 1_000_000}), "larger than 1 MB"),
    ],
    ids=["protobuf", "references", "no JSON", "nested", "no schema", "list", "large"],
)
def test_what_is_no_avro_schema_reads_nothing(server: Server, answer: Any, reason: str) -> None:
    server.handler.answers["GET /schemas/ids/3"] = answer
    with pytest.raises(Undecodable, match=reason):
        SchemaRegistry(server.url).schema(3)


@pytest.mark.parametrize("answer", [(500, {}), (503, b""), (429, {}), (200, b"<html>")], ids=str)
def test_a_registry_that_fails_for_now_is_away_and_asked_again(server: Server, answer: Any) -> None:
    registry = SchemaRegistry(server.url)
    server.handler.answers["GET /schemas/ids/3"] = answer
    with pytest.raises(RegistryUnavailable):
        registry.schema(3)
    server.handler.answers.clear()
    assert registry.schema(3)


def test_nobody_at_the_address_is_away(server: Server) -> None:
    server.close()
    with pytest.raises(RegistryUnavailable, match=r"does not answer \(ConnectionRefusedError\)"):
        SchemaRegistry(server.url).check()


def test_a_plain_404_is_no_unknown_id_but_a_server_that_is_no_registry(server: Server) -> None:
    server.handler.answers = {"GET /schemas/ids/3": (404, b"Not found"), "GET /schemas/types": (404, b"")}
    registry = SchemaRegistry(server.url)
    for ask in (registry.check, lambda: registry.schema(3)):
        with pytest.raises(RegistryError, match="/apis/ccompat/v7") as refused:
            ask()
        assert not isinstance(refused.value, RegistryUnavailable)


def test_a_wrong_password_is_refused_without_repeating_it(server: Server) -> None:
    server.handler.answers["GET /schemas/types"] = 401, {"error_code": 401, "message": "Unauthorized"}
    with pytest.raises(RegistryError, match="STREAM_APP_REGISTRY_PASSWORD") as refused:
        SchemaRegistry(server.url, ("scorer", "se:cret")).check()
    assert "se:cret" not in str(refused.value)
    assert base64.b64decode(server.handler.logins[0].removeprefix("Basic ")) == b"scorer:se:cret"


def test_a_schema_is_registered_under_its_subject(server: Server) -> None:
    assert SchemaRegistry(server.url).id_of("a/b-value", {}) == 7
    assert server.handler.asked == ["POST /subjects/a%2Fb-value/versions"]


def test_who_only_reads_looks_its_schema_up(server: Server) -> None:
    registry = SchemaRegistry(server.url, registers=False)
    assert registry.id_of("s", {}) == 7
    server.handler.answers["POST /subjects/s"] = UNKNOWN
    with pytest.raises(RegistryError, match=r"does not have our schema of s.*stream-app contracts"):
        registry.id_of("s", {})


def test_an_incompatible_schema_is_refused_in_plain_words(server: Server) -> None:
    server.handler.answers["POST /subjects/s/versions"] = 409, {"error_code": 409, "message": "READER_FIELD_MISSING"}
    with pytest.raises(RegistryError, match=r"our schema of s as incompatible.*READER_FIELD_MISSING"):
        SchemaRegistry(server.url).id_of("s", {})


def test_its_authority_is_trusted_by_a_file_and_no_other(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name, ca in (("ca.pem", authority), ("other.pem", other)):
        ca.cert_pem.write_to_path(tmp_path / name)
    server = Server(context)
    try:
        SchemaRegistry(server.url, context=Tls(authorities=tmp_path / "ca.pem").context).check()
        stranger = SchemaRegistry(server.url, context=Tls(authorities=tmp_path / "other.pem").context)
        with pytest.raises(RegistryError, match="STREAM_APP_REGISTRY_CA") as refused:
            stranger.check()
        assert not isinstance(refused.value, RegistryUnavailable)
    finally:
        server.close()
