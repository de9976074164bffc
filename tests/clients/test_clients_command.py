"""``stream-app clients`` as a user runs it, on both stores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.cli import cli
from stream_app.errors import ClientStoreError, InputFileError
from tests.servers.redis import PASSWORD, RedisServer


def clients(*words: str, store: str) -> Result:
    return CliRunner().invoke(cli, ["clients", *words], env={"STREAM_APP_CLIENTS": store})


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    path.write_text("application_id,employees,low_doc\na,3,Y\nc,4,\n")
    return str(path)


def test_what_was_loaded_is_counted_and_shown(where: str, table: str) -> None:
    assert "knows 2 clients" in clients("load", table, store=where).output
    assert clients("count", store=where).output == "2\n"
    assert json.loads(clients("show", "a", store=where).output) == {
        "profile": {"employees": 3, "low_doc": "Y"},
        "latest_application": {"low_doc": "Y"},
    }


def test_an_unknown_client_is_one_message(where: str, table: str) -> None:
    clients("load", table, store=where)
    assert isinstance(clients("show", "b", store=where).exception, InputFileError)


def test_a_client_without_an_application_is_shown_with_null(where: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("application_id,employees\na,3\n")
    clients("load", str(tmp_path / "rows.csv"), store=where)
    assert json.loads(clients("show", "a", store=where).output)["latest_application"] is None


@pytest.mark.redis
def test_no_output_and_no_message_has_the_password_of_the_address(redis_server: RedisServer, table: str) -> None:
    with redis_server.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "loans", "on", f">{PASSWORD}", "+@all", "~*")
    right, wrong = (redis_server.url(login=f"loans:{word}") for word in ("not%2Ffor%3Alogs", "not%2Ffor%3Alogz"))
    results = [clients("load", table, store=right), clients("show", "b", store=right), clients("count", store=wrong)]
    assert [type(result.exception) for result in results] == [type(None), InputFileError, ClientStoreError]
    assert not any(word in result.output + str(result.exception) for result in results for word in ("logs", "logz"))
