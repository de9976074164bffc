"""Who may call the gateway: hosts, sites, keys, roles, rates, sizes, and the headers that restrict browsers."""

from __future__ import annotations

import asyncio
import base64
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stream_app.errors import SettingsError
from stream_app.gateway.api_keys import LOOK_SECONDS, Caller, KeyFile, Keys, Role
from stream_app.gateway.auth import SecurityMiddleware, allowed_keys, host_name
from stream_app.gateway.limits import BodyLimitMiddleware, RateLimit
from stream_app.runtime.log_throttle import LogThrottle
from stream_app.settings import GatewaySettings


async def _size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


PATHS = ("/predict/7", "/status", "/health")


def ask(
    keys: Keys | None, method: str, path: str, *, per_minute: int = 0, times: int = 1, **call: Any
) -> httpx.Response:
    """The last of these calls of an app that answers with the size of the body, behind the whole layer."""
    app = Starlette(routes=[Route(path, _size, methods=["GET", "POST"]) for path in PATHS])
    app.add_middleware(BodyLimitMiddleware, max_bytes=100)
    app.add_middleware(SecurityMiddleware, keys=keys, per_minute=per_minute)

    async def sent() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=("10.0.0.9", 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answers = [await http.request(method, path, **call) for _ in range(times)]
            return answers[-1]

    return asyncio.run(sent())


@pytest.fixture
def made() -> tuple[Keys, str, str]:
    """Keys of a reader and a requester, and both keys."""
    keys, reader = Keys({}).with_new("reader", Role.READ)
    keys, requester = keys.with_new("requester", Role.REQUEST)
    return keys, reader, requester


def test_a_call_without_a_key_gets_401_and_where_to_send_one(made: tuple[Keys, str, str]) -> None:
    answer = ask(made[0], "GET", "/status")
    assert (answer.status_code, answer.json()["reason"]) == (401, "key_needed")
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_key_is_taken_in_each_of_its_three_forms_and_a_wrong_one_in_none(made: tuple[Keys, str, str]) -> None:
    keys, reader, _ = made
    forms: list[Callable[[str], dict[str, str]]] = [
        lambda key: {"X-API-Key": key},
        lambda key: {"Authorization": f"Bearer {key}"},
        lambda key: {"Authorization": "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()},
    ]
    assert [ask(keys, "GET", "/status", headers=form(reader)).status_code for form in forms] == [200, 200, 200]
    assert [ask(keys, "GET", "/status", headers=form("x")).status_code for form in forms] == [401, 401, 401]


def test_a_reader_may_not_ask_for_decisions_and_a_requester_may_read(made: tuple[Keys, str, str]) -> None:
    keys, reader, requester = made
    assert ask(keys, "GET", "/predict/7", headers={"X-API-Key": reader}).json()["reason"] == "role_needed"
    assert ask(keys, "GET", "/predict/7", headers={"X-API-Key": requester}).status_code == 200
    assert ask(keys, "GET", "/status", headers={"X-API-Key": requester}).status_code == 200


def test_health_needs_no_key(made: tuple[Keys, str, str]) -> None:
    assert ask(made[0], "GET", "/health").status_code == 200


@pytest.mark.parametrize(
    "page",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of the same host
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://["},
        [("Origin", "http://localhost"), ("Origin", "http://evil.example")],
        [("Origin", "http://localhost"), ("Origin", "http://localhost")],
        [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://localhost"), ("Origin", "http://evil.example")],
    ],
)
@pytest.mark.parametrize("path", ["/predict/7", "/status"])
def test_a_page_of_another_origin_gets_no_answer_with_or_without_keys(
    made: tuple[Keys, str, str], path: str, page: dict[str, str] | list[tuple[str, str]]
) -> None:
    keys, _, requester = made
    sent = list(page.items()) if isinstance(page, dict) else page
    for answer in (
        ask(None, "GET", path, headers=sent),
        ask(keys, "GET", path, headers=[*sent, ("X-API-Key", requester)]),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (403, "cross_site")


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://before.the.proxy"},
        {"Origin": "http://localhost"},
    ],
)
def test_programs_and_pages_of_its_own_are_answered(page: dict[str, str]) -> None:
    assert ask(None, "GET", "/predict/7", headers=page).status_code == 200


def test_what_holds_no_data_answers_to_links_from_anywhere() -> None:
    assert ask(None, "GET", "/health", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("path", ["/status%0A", "/predict/7%0A", "/predict/7%00", "/%7Fstatus", "/health%0A"])
def test_a_control_character_in_the_path_is_refused_key_or_not(made: tuple[Keys, str, str], path: str) -> None:
    """The router takes "/status" and a newline for "/status", which the table of roles does not."""
    for answer in (ask(None, "GET", path), ask(made[0], "GET", path)):
        assert (answer.status_code, answer.json()["reason"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "hosts",
    [["localhost", "localhost"], ["localhost", "evil.example"], ["local host"], ["localhost/x"], ["[::1"], ["a:b:1"]],
)
def test_two_hosts_or_a_malformed_one_are_refused_with_or_without_keys(
    made: tuple[Keys, str, str], hosts: list[str]
) -> None:
    headers = [("Host", host) for host in hosts]
    for keys in (None, made[0]):
        assert ask(keys, "GET", "/health", headers=headers).status_code == 400


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "10.0.0.1", ""])
def test_without_keys_it_answers_to_this_machines_own_names_alone(name: str) -> None:
    assert ask(None, "GET", "/status", headers={"Host": name}).status_code == 421


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost:8000", "localhost"),
        ("[::1]:8000", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("LOCALHOST", "localhost"),
        ("", ""),
        ("local\thost", None),
    ],
)
def test_the_name_in_a_host_header_is_without_port_and_brackets(header: str, name: str | None) -> None:
    assert host_name(header) == name


def test_the_call_beyond_the_rate_gets_429_and_when_to_call_again() -> None:
    answer = ask(None, "GET", "/status", per_minute=6, times=11)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")


def test_the_bucket_fills_with_time_and_each_caller_has_its_own() -> None:
    now = [0.0]
    rate = RateLimit(60, clock=lambda: now[0])
    assert [rate.wait_seconds("a") for _ in range(10)] == [0.0] * 10
    assert rate.wait_seconds("a") == 1.0
    assert rate.wait_seconds("b") == 0.0
    now[0] = 1.0
    assert [rate.wait_seconds("a"), rate.wait_seconds("a")] == [0.0, 1.0]


def test_a_body_above_the_limit_is_refused_whether_its_length_is_declared_or_not() -> None:
    async def pieces() -> Any:
        for _ in range(3):
            yield b"x" * 50

    assert ask(None, "POST", "/status", content=b"x" * 100).text == "100"
    assert ask(None, "POST", "/status", content=b"x" * 101).status_code == 413
    assert ask(None, "POST", "/status", content=pieces()).json()["reason"] == "too_large"


def test_every_answer_has_the_headers_that_keep_browsers_in() -> None:
    answer = ask(None, "GET", "/status")
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_bound_elsewhere_it_does_not_start_without_keys(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="without asking for keys"):
        allowed_keys(GatewaySettings(gateway_host="10.1.2.3"))
    assert allowed_keys(GatewaySettings(gateway_host="127.0.0.1")) is None
    assert allowed_keys(GatewaySettings(gateway_host="::1")) is None
    Keys({}).with_new("one", Role.READ)[0].write(tmp_path / "keys.txt")
    assert allowed_keys(GatewaySettings(gateway_host="10.1.2.3", keys=tmp_path / "keys.txt"))


def test_what_changes_in_the_key_file_counts_without_a_new_start_and_a_broken_one_changes_nothing(
    tmp_path: Path,
) -> None:
    path, now = tmp_path / "keys.txt", [0.0]
    keys, old = Keys({}).with_new("old", Role.READ)
    keys.write(path)
    running = KeyFile(path, clock=lambda: now[0])
    keys, new = keys.with_new("new", Role.READ)

    def known_after(change: Callable[[], object]) -> list[bool]:
        change()
        now[0] += LOOK_SECONDS
        return [running.caller(key) is not None for key in (old, new)]

    assert known_after(lambda: None) == [True, False]
    assert known_after(lambda: keys.write(path)) == [True, True]
    assert known_after(lambda: keys.without("old").write(path)) == [False, True]
    assert known_after(lambda: path.write_text("half a li")) == [False, True]
    assert known_after(path.unlink) == [False, True]
    assert known_after(lambda: Keys({}).write(path)) == [False, False]


def test_a_key_file_holds_no_key_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    keys, key = Keys({}).with_new("officer", Role.REQUEST)
    keys.write(path)
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keys.read(path).caller(key) == Caller("officer", Role.REQUEST)


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "one read abc\n", f"one boss {'0' * 64}\n", f"a read {'0' * 64}\n" * 2]
)
def test_a_key_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(text)
    with pytest.raises(SettingsError, match="not usable"):
        Keys.read(path)


def test_a_removed_key_opens_nothing() -> None:
    keys, key = Keys({}).with_new("gone", Role.READ)
    assert keys.without("gone").caller(key) is None
    with pytest.raises(SettingsError, match="no key named"):
        keys.without("somebody")


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "taken"])
def test_a_name_that_is_none_or_taken_gets_no_key(name: str) -> None:
    keys, _ = Keys({}).with_new("taken", Role.READ)
    with pytest.raises(SettingsError, match="cannot be named"):
        keys.with_new(name, Role.READ)


def test_what_fails_every_call_alike_is_logged_once_a_second_and_the_rest_counted() -> None:
    now = [0.0]
    throttle = LogThrottle(clock=lambda: now[0])
    assert [throttle.now("store") for _ in range(3)] == [0, None, None]
    assert throttle.now("broker_away") == 0
    now[0] = 1.0
    assert throttle.now("store") == 2
