"""The HTTP side, on a stream in a list with the real scorer: every status, body and header a caller can meet."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from stream_app.gateway.api_keys import Keys, Role, role_for
from stream_app.gateway.app import create_app
from stream_app.gateway.dependencies import Dependencies
from stream_app.gateway.problem_details import Problem
from tests.builders.gateway import PROFILE, LocalStream, run, settings_in, shipped_pipeline
from tests.builders.records import Profiles, Record
from tests.builders.store_rows import decision, put
from tests.servers.waiting import until

RELEASE_0_1_STORE = Path(__file__).parents[2] / "fixtures/release-0.1/decisions.db.gz"

BODY: dict[str, Any] = {
    "request_id": "r1",
    "client_id": "7",
    "requested_at": "2026-01-02T03:04:05Z",
    "features": {"amount_requested": 70_000, "guaranteed_share": 0.5},
}


class Service:
    """A gateway that is up, as a caller sees it, and the stream behind it."""

    def __init__(self, dependencies: Dependencies, http: httpx.AsyncClient) -> None:
        self.dependencies, self.http = dependencies, http
        assert isinstance(dependencies.broker, LocalStream)
        self.stream = dependencies.broker

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def post(self, body: dict[str, Any] | bytes = BODY, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/requests", content=content, headers={"content-type": "application/json", **named})


Visit = Callable[[Service], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[Service]:
    profiles = Profiles({"7": PROFILE, "8": PROFILE})
    app = create_app(
        settings_in(folder, **settings), lambda _, deliver, __: LocalStream(shipped_pipeline(profiles), deliver)
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        yield Service(app.state.dependencies, http)


@pytest.fixture
def visit(tmp_path: Path) -> Callable[[Visit], None]:
    """Runs a visit to a gateway of its own."""

    def go(calls: Visit) -> None:
        async def served() -> None:
            async with serving(tmp_path) as service:
                await calls(service)

        run(served())

    return go


def problem_of(response: httpx.Response) -> tuple[int, str]:
    """Status and reason of a problem body, which must be whole."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(response.content, type=Problem)
    assert problem.status == response.status_code
    assert problem.title
    assert problem.detail
    assert problem.do_next
    assert (problem.errors is not msgspec.UNSET) == (problem.status == 422)
    return problem.status, problem.reason


# ---- predict --------------------------------------------------------------------------------------------------------


def test_predict_decides_a_clients_latest_application_the_same_each_time(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        first, second = await service.get("/predict/7"), await service.get("/predict/7")
        assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
        assert first.content == second.content
        assert first.json()["features"]["amount_requested"] == 70_000
        assert first.json()["features"]["employees"] == 7
        assert len(service.stream.sent) == 1

    visit(calls)


def test_predict_of_somebody_unknown_is_404_and_asks_nobody(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        for client_id in ("nobody", "a/b", "é", "7%00", ""):
            assert problem_of(await service.get(f"/predict/{quote(client_id)}")) == (404, "unknown_client")
        assert service.stream.sent == []

    visit(calls)


def test_predict_of_a_client_without_an_application_says_what_is_missing(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        assert problem_of(await service.get("/predict/8")) == (422, "missing_required_feature")

    visit(calls)


def test_predict_while_the_client_store_is_away_is_503_and_works_when_it_is_back(
    visit: Callable[[Visit], None], tmp_path: Path
) -> None:
    async def calls(service: Service) -> None:
        store, away = tmp_path / "clients.db", tmp_path / "away.db"
        store.rename(away)
        assert problem_of(await service.get("/predict/7"))[0] == 503
        away.rename(store)
        assert (await service.get("/predict/7")).status_code == 200

    visit(calls)


# ---- requests -------------------------------------------------------------------------------------------------------


def test_a_sound_request_gets_its_decision_as_it_is_on_the_topic(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        answer = await service.post()
        assert answer.status_code == 200
        assert answer.json()["request_id"] == "r1"
        assert 0 <= answer.json()["probability_of_default"] <= 1

    visit(calls)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"features": {"amount_requested": -1}}, (422, "out_of_range")),
        ({"features": {"amount_requested": "much"}}, (422, "wrong_type")),
        ({"colour": "blue"}, (422, "unknown_field")),
        ({"schema_version": 99}, (422, "unknown_schema_version")),
        ({"client_id": "nobody"}, (404, "unknown_client")),
        ({"features": {"amount_requested": None}}, (422, "missing_required_feature")),
    ],
)
def test_what_the_contract_does_not_allow_is_refused_for_the_streams_reason(
    visit: Callable[[Visit], None], change: dict[str, Any], problem: tuple[int, str]
) -> None:
    async def calls(service: Service) -> None:
        assert problem_of(await service.post(BODY | change)) == problem

    visit(calls)


def test_a_body_that_is_not_declared_as_json_is_refused_unread(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        form = await service.http.post("/requests", data={"a": "b"})
        assert problem_of(form) == (415, "not_json")
        accepted = await service.post(content_type="application/json; charset=utf-8")
        assert accepted.status_code == 200

    visit(calls)


def test_a_compressed_body_is_415_and_names_what_is_accepted(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        answer = await service.post(gzip.compress(json.dumps(BODY).encode()), content_encoding="gzip")
        assert problem_of(answer) == (415, "encoded_body")
        assert answer.headers["accept-encoding"] == "identity"
        assert (await service.post(content_encoding="identity")).status_code == 200

    visit(calls)


def test_no_decision_in_time_is_202_with_the_place_to_look_and_it_is_there_later(
    visit: Callable[[Visit], None],
) -> None:
    async def calls(service: Service) -> None:
        service.stream.running = False
        answer = await service.post(BODY | {"request_id": "a/b é?"})
        link = "/decisions/a%2Fb%20%C3%A9%3F"
        assert (answer.status_code, answer.headers["location"], answer.headers["retry-after"]) == (202, link, "1")
        assert answer.json() == {"request_id": "a/b é?", "status": "pending", "link": link}
        assert (await service.get(link)).status_code == 202
        service.stream.score(service.stream.sent)
        later = await service.get(link)
        assert (later.status_code, later.json()["request_id"]) == (200, "a/b é?")

    visit(calls)


def test_a_rejection_that_came_late_is_found_where_the_decision_would_be(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        service.stream.running = False
        await service.post(BODY | {"client_id": "nobody"})
        service.stream.score(service.stream.sent)
        assert problem_of(await service.get("/decisions/r1")) == (404, "unknown_client")

    visit(calls)


def test_another_request_under_a_known_id_is_409(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        first = await service.post()
        assert problem_of(await service.post(BODY | {"client_id": "8"})) == (409, "conflicting_id")
        assert (await service.post()).content == first.content

    visit(calls)


def test_an_idempotency_key_names_the_request_and_takes_no_other(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        nameless = {name: value for name, value in BODY.items() if name != "request_id"}
        first = await service.post(nameless, idempotency_key="k-1")
        assert first.json()["request_id"] == "k-1"
        assert (await service.post(nameless, idempotency_key="k-1")).content == first.content
        assert problem_of(await service.post(idempotency_key="k-1")) == (409, "conflicting_id")

    visit(calls)


def test_while_the_broker_is_away_it_is_503_and_a_decision_when_it_is_back(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        service.stream.reachable = False
        for answer in (await service.post(), await service.get("/predict/7")):
            assert problem_of(answer) == (503, "broker_away")
            assert answer.headers["retry-after"] == "1"
        service.stream.reachable = True
        assert (await service.post()).status_code == 200

    visit(calls)


# ---- decisions ------------------------------------------------------------------------------------------------------


def test_a_decision_nobody_made_is_404_with_or_without_a_store(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        assert problem_of(await service.get("/decisions/r1")) == (404, "unknown_request")

    visit(calls)


def test_a_decision_from_before_this_gateway_comes_from_the_store(
    visit: Callable[[Visit], None], tmp_path: Path
) -> None:
    async def calls(service: Service) -> None:
        assert (await service.get("/decisions/old")).status_code == 404
        from monitoring.store import DecisionStore  # noqa: PLC0415 - made while the gateway runs

        with DecisionStore.open(str(tmp_path / "decisions.db")) as store:
            put(store, [decision("old")])
        assert (await service.get("/decisions/old")).json() == {"request_id": "old"}

    visit(calls)


def test_a_store_of_an_older_version_is_503_and_says_who_upgrades_it(
    visit: Callable[[Visit], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Release 0.1 wrote it. To ask again would not help."""

    async def calls(service: Service) -> None:
        (tmp_path / "decisions.db").write_bytes(gzip.decompress(RELEASE_0_1_STORE.read_bytes()))
        answer = await service.get("/decisions/r1")
        assert problem_of(answer) == (503, "store_outdated")
        assert "start the monitor, which upgrades it" in answer.json()["do_next"]
        assert "retry-after" not in answer.headers
        assert "Start `stream-app monitor` of this program on it" in caplog.text

    visit(calls)


def test_a_store_that_is_none_is_503_and_holds_no_request_up(visit: Callable[[Visit], None], tmp_path: Path) -> None:
    async def calls(service: Service) -> None:
        (tmp_path / "decisions.db").write_bytes(b"not a database at all" * 99)
        assert problem_of(await service.get("/decisions/r1"))[0] == 503
        assert (await service.post()).status_code == 200
        assert (await service.get("/decisions/r1")).status_code == 200
        assert (await service.get("/board/state")).json()["decisions"]["total"] == 0

    visit(calls)


# ---- the service ----------------------------------------------------------------------------------------------------


def test_the_status_shows_model_clients_lag_and_whether_it_works(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        status = (await service.get("/status")).json()
        assert status["operational"] is True
        assert (status["clients"], status["lag"], status["scorers"], status["broker"]) == (2, 0, 1, "reachable")
        assert status["model"]["sha256"] == service.dependencies.bundle.sha256

    visit(calls)


def test_without_a_scorer_it_is_ready_and_alive_but_not_operational(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        service.stream.scorers = 0
        assert (await service.get("/status")).json()["why_not"] == "No scorer is running."
        assert [(await service.get(page)).status_code for page in ("/health", "/ready", "/live")] == [503, 200, 200]

    visit(calls)


def test_without_the_broker_it_is_alive_and_not_ready(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        service.stream.reachable = False
        assert [(await service.get(page)).status_code for page in ("/health", "/ready", "/live")] == [503, 503, 200]

    visit(calls)


def test_while_replies_cannot_be_read_it_is_not_ready_and_says_why(visit: Callable[[Visit], None]) -> None:
    """Requests would be answered with 202 for ever."""

    async def calls(service: Service) -> None:
        service.stream.reading_fault = "no fetch was answered for 31 s"
        for page in ("/health", "/ready"):
            answer = await service.get(page)
            assert answer.status_code == 503
            assert answer.json()["why_not"] == "Decisions cannot be read now: no fetch was answered for 31 s."

    visit(calls)


def test_the_status_names_partitions_that_were_added_and_those_that_wait(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        service.stream.added_partitions, service.stream.waiting_partitions = 4, 2
        status = (await service.get("/status")).json()
        assert (status["added_partitions"], status["waiting_partitions"]) == (4, 2)

    visit(calls)


def test_the_status_names_requests_that_were_lost(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        service.stream.lost_requests = 6
        assert (await service.get("/status")).json()["lost_requests"] == 6

    visit(calls)


def test_what_is_not_there_and_what_is_not_allowed_are_problems_too(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        assert problem_of(await service.get("/no/such/page")) == (404, "not_found")
        refused = await service.http.delete("/status")
        assert problem_of(refused) == (405, "method_not_allowed")
        assert refused.headers["allow"] == "GET, HEAD"
        assert problem_of(await service.get("/requests")) == (405, "method_not_allowed")

    visit(calls)


@pytest.mark.parametrize("path", ["/predict/7", "/predict/nobody", "/health", "/status", "/", "/docs", "/board/events"])
def test_head_is_get_without_the_body(visit: Callable[[Visit], None], path: str) -> None:
    async def calls(service: Service) -> None:
        head = await service.http.head(path)
        assert head.content == b""
        if path != "/board/events":
            got = await service.get(path)
            assert (head.status_code, head.headers) == (got.status_code, got.headers)
        assert service.dependencies.events.listeners == 0

    visit(calls)


def test_head_of_what_can_only_be_posted_is_405(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        answer = await service.http.head("/requests")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

    visit(calls)


def test_a_redirect_does_not_repeat_the_host_it_was_sent(tmp_path: Path) -> None:
    keys, key = Keys({}).with_new("reader", Role.READ)
    keys.write(tmp_path / "keys")

    async def calls() -> None:
        async with serving(tmp_path, keys=tmp_path / "keys") as service:
            answer = await service.http.get("/status/?a=b", headers={"Host": "evil.example", "X-API-Key": key})
            assert (answer.status_code, answer.headers["location"]) == (307, "/status?a=b")

    run(calls())


def test_a_request_id_is_read_to_its_last_character(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        await service.post(BODY | {"request_id": "two\nlines\n"})
        assert (await service.get("/decisions/two%0Alines%0A")).json()["request_id"] == "two\nlines\n"
        assert problem_of(await service.get("/decisions/two%0Alines")) == (404, "unknown_request")

    visit(calls)


@pytest.mark.parametrize("spelling", ["{}", "sqlite:///{}"])
def test_a_store_that_no_monitor_has_made_yet_is_empty_however_it_is_named(tmp_path: Path, spelling: str) -> None:
    async def calls() -> None:
        async with serving(tmp_path, store=spelling.format(tmp_path / "later.db")) as service:
            assert problem_of(await service.get("/decisions/r1")) == (404, "unknown_request")
            assert (await service.get("/board/state")).json()["decisions"]["total"] == 0

    run(calls())


@pytest.mark.parametrize("key", ["", "k" * 129, "two words", "é"])
def test_an_idempotency_key_that_is_no_request_id_is_refused(visit: Callable[[Visit], None], key: str) -> None:
    async def calls(service: Service) -> None:
        headers = [(b"content-type", b"application/json"), (b"idempotency-key", key.encode("latin-1"))]
        answer = await service.http.post("/requests", content=json.dumps(BODY).encode(), headers=headers)
        assert problem_of(answer) == (422, "out_of_range")

    visit(calls)


def test_a_fault_nobody_thought_of_is_500_without_its_text_anywhere(
    visit: Callable[[Visit], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("client 4711 has income 12")

    async def calls(service: Service) -> None:
        object.__setattr__(service.dependencies.sender, "reply", broken)
        answer = await service.post()
        assert problem_of(answer) == (500, "internal_error")
        assert "4711" not in answer.text

    visit(calls)
    assert "ValueError" in caplog.text
    assert "4711" not in caplog.text


def test_what_the_event_loop_complains_of_is_logged_without_its_text(
    visit: Callable[[Visit], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def calls(_: Service) -> None:
        context = {"message": "Task exception was never retrieved", "exception": ValueError("client 4711")}
        asyncio.get_running_loop().call_exception_handler(context)

    visit(calls)
    assert "Task exception was never retrieved: ValueError" in caplog.text
    assert "4711" not in caplog.text


def test_no_log_line_holds_a_client_or_a_request(
    visit: Callable[[Visit], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "stream_app")

    async def calls(service: Service) -> None:
        await service.post(BODY | {"request_id": "SECRET-1"})
        await service.get("/predict/SECRET-2")
        service.stream.reachable = False
        await service.post(BODY | {"request_id": "SECRET-3"})

    visit(calls)
    assert "SECRET" not in caplog.text


# ---- the dashboard and the documents --------------------------------------------------------------------------------


def test_the_newest_decisions_are_as_many_as_asked_for_within_reason(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        assert (await service.get("/board/decisions")).json() == []
        for last in ("0", "101", "-1", "x", "１", "9" * 99, ""):
            assert problem_of(await service.get(f"/board/decisions?last={quote(last)}")) == (422, "out_of_range")

    visit(calls)


def test_the_dashboard_counts_the_rejections_on_the_topic_since_the_oldest(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        await service.post(BODY | {"client_id": "nobody"})
        older = Record(None, headers=[("rejection-reason", b"not_json")], timestamp=1_136_073_600_000)
        service.stream.deliver(True, [older])
        state = (await service.get("/board/state")).json()
        assert state["rejections"] == {"unknown_client": 1, "not_json": 1}
        assert state["rejections_since"] == "2006-01-01T00:00:00Z"

    visit(calls)


def test_before_the_broker_was_reached_the_number_of_rejections_is_unknown(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        service.stream.connected = False
        assert (await service.get("/board/state")).json()["rejections"] is None

    visit(calls)


def test_the_event_stream_begins_with_the_current_figures(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        listening = asyncio.create_task(service.get("/board/events"))
        await until(lambda: service.dependencies.events.listeners, "it listens")
        service.dependencies.events.close()
        stream = await listening
        assert stream.headers["content-type"].startswith("text/event-stream")
        first = stream.text.split("\n\n")[0].split("\n")
        assert first[0] == "event: news"
        assert json.loads(first[1].removeprefix("data: ")).keys() == {"state", "decisions", "histogram"}

    visit(calls)


def test_a_report_is_served_in_a_sandbox_and_nothing_else_of_the_disk_is(
    visit: Callable[[Visit], None], tmp_path: Path
) -> None:
    async def calls(service: Service) -> None:
        folder = tmp_path / "reports"
        folder.mkdir()
        (folder / "window-2006-03.html").write_text("<p>drift</p>")
        (folder / "secret.html").write_text("no")
        report = await service.get("/reports/window-2006-03.html")
        assert (report.status_code, report.text) == (200, "<p>drift</p>")
        assert report.headers["content-security-policy"].startswith("sandbox allow-scripts")
        for name in ("secret.html", "window-2006-04.html", "..%2Fclients.db", "window-..%2F..%2Fclients.db"):
            assert (await service.get(f"/reports/{name}")).status_code == 404

    visit(calls)


def test_the_dashboard_is_at_the_root_and_its_files_beside_it(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        page = await service.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        unchanged = await service.http.get("/", headers={"if-none-match": page.headers["etag"]})
        assert unchanged.status_code == 304
        for escape in ("/..%2Fapp.py", "/%2e%2e/app.py", "/words/..%2f..%2fapp.py"):
            assert problem_of(await service.get(escape)) == (404, "not_found")

    visit(calls)


def test_the_documents_need_nothing_from_elsewhere(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        page = (await service.get("/docs")).text
        assert "//" not in page.replace("<!doctype", "")
        for file in ("swagger-ui.css", "swagger-ui-bundle.js"):
            assert f"/docs/files/{file}" in page
            assert (await service.get(f"/docs/files/{file}")).status_code == 200
        assert (await service.get("/swagger.js")).status_code == 200

    visit(calls)


def references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(child) for child in node.values()))
    return set().union(*(references(child) for child in node)) if isinstance(node, list) else set()


def test_the_openapi_document_is_whole_and_names_each_paths_role(visit: Callable[[Visit], None]) -> None:
    async def calls(service: Service) -> None:
        document = (await service.get("/openapi.json")).json()
        known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert references(document) <= known
        for path, methods in document["paths"].items():
            for operation in methods.values():
                assert operation.get("x-role") == (role_for(path.replace("{", "").replace("}", "")) or None)
                assert operation["summary"]
                for status, answer in operation["responses"].items():
                    assert "content" in answer
                    for example in answer["content"].get("application/problem+json", {}).get("examples", {}).values():
                        shown = msgspec.convert(example["value"], Problem)
                        assert (str(shown.status), shown.title) == (status, HTTPStatus(int(status)).phrase)
                        assert shown.do_next
        posted = document["paths"]["/requests"]["post"]
        assert posted["requestBody"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/LoanRequest"
        }

    visit(calls)


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/predict/1", Role.REQUEST),
        ("/requests", Role.REQUEST),
        ("/decisions/a/b", Role.READ),
        ("/status", Role.READ),
        ("/board/events", Role.READ),
        ("/reports/x.html", Role.READ),
        ("/", None),
        ("/docs", None),
        ("/health", None),
        ("/statusx", None),
    ],
)
def test_every_path_with_data_needs_a_role(path: str, role: Role | None) -> None:
    assert role_for(path) == role
