"""``stream-app person``: everything about one client in one document, and nothing of it after an erasure."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitoring.store import DecisionStore, Ids
from stream_app.clients import SQLiteClients
from stream_app.commands.person import command
from stream_app.errors import ClientStoreError, StoreError, StreamAppError
from tests.builders.store_rows import DAILY, DAY, decision, label, put

KEY = b"k" * 32
RECORD = '{{"request_id":"{0}","client_id":"{1}","features":{{"state":"CA"}},"reasons":[{{"code":"AMOUNT"}}]}}'


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Anna and Ben in both stores, and a report of each day."""
    monkeypatch.chdir(tmp_path)
    with SQLiteClients(Path("clients.db"), create=True) as clients:
        clients.put_many([("anna", b'{"state":"CA"}'), ("ben", b"{}")], [("anna", b'{"amount":5}')])
    Path("reports").mkdir()
    for day in (1, 2):
        Path(f"reports/window-1970-01-0{day}.html").touch()
    fill_store()


def fill_store(ids: Ids | None = None) -> None:
    with DecisionStore.open("decisions.db", ids=ids) as store:
        asked = [("a1", "anna", 0), ("b1", "ben", DAY)]
        rows = [decision(name, at, client_id=who, record=RECORD.format(name, who)) for name, who, at in asked]
        put(store, rows, [label("a1")._replace(client_id="anna"), label("a9")._replace(client_id="anna")])
        store.close_due(2 * DAY, DAILY, at_us=0)


def run(*words: str) -> Result:
    """The command's result; an error of ours is raised, as the command line's main catches it."""
    broker = ["--without-broker"] if words[0] in ("export", "erase") else []
    result = CliRunner().invoke(command, [*words, *broker])
    if isinstance(result.exception, StreamAppError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def exported(client_id: str, *options: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("export", client_id, *options).stdout)
    return document


def test_everything_about_a_client_is_in_one_document() -> None:
    document = exported("anna")
    assert document["client_store"] == {"profile": {"state": "CA"}, "latest_application": {"amount": 5}}
    assert document["decisions"] == [json.loads(RECORD.format("a1", "anna"))]
    assert document["labels"] == [
        {
            "request_id": request_id,
            "client_id": "anna",
            "defaulted": True,
            "observed_at": "1972-06-19T00:00:00Z",
            "contradicts_an_earlier_one": False,
        }
        for request_id in ("a1", "a9")
    ]
    assert document["in_the_figures_of_windows"] == ["1970-01-01"]
    assert document["topics"] is None
    kinds = document["data_kinds"]
    assert (kinds["client_id"], kinds["state"], kinds["amount_requested"]) == ("id", "sensitive", "personal")


def test_of_a_stranger_nothing_is_held() -> None:
    document = exported("nobody")
    assert document["client_store"] == {"profile": None, "latest_application": None}
    assert (document["decisions"], document["labels"]) == ([], [])


def test_the_document_is_written_for_its_owner_alone() -> None:
    assert run("export", "anna", "--out", "anna.json").output == ""
    assert Path("anna.json").stat().st_mode & 0o777 == 0o600
    assert json.loads(Path("anna.json").read_text())["client_id"] == "anna"


def test_without_yes_nothing_is_erased() -> None:
    before = exported("anna")
    lines = run("erase", "anna").stdout
    assert "profiles 1, latest applications 1" in lines
    assert "decisions 1, labels 2" in lines
    assert "1970-01-01" in lines
    assert lines.endswith("Nothing was erased. Add --yes to erase it for good.\n")
    assert exported("anna") | {"exported_at": ""} == before | {"exported_at": ""}
    assert Path("reports/window-1970-01-01.html").exists()


def test_copies_of_the_store_that_still_hold_the_client_are_named() -> None:
    assert "Copy" not in run("erase", "anna").stdout
    Path("decisions.db.version-0002").touch()
    assert f"yours to delete: {Path.cwd() / 'decisions.db.version-0002'}." in run("erase", "anna").stdout


def test_an_erasure_leaves_nothing_of_the_client_and_everything_of_others() -> None:
    ben = exported("ben")
    run("erase", "anna", "--yes")
    assert exported("anna")["client_store"] == exported("nobody")["client_store"]
    assert (exported("anna")["decisions"], exported("anna")["labels"]) == ([], [])
    assert exported("ben") | {"exported_at": ""} == ben | {"exported_at": ""}
    assert [path.name for path in Path("reports").iterdir()] == ["window-1970-01-02.html"]


def test_who_erased_what_is_printed_logged_and_kept_without_the_id(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("LOGNAME", "operator")
    done = run("erase", "anna", "--yes").stdout
    counts = {"decisions": 1, "labels": 2, "contradictions": 0, "profiles": 1, "reports": 1}
    note = json.loads(run("erasures").stdout)
    assert {name: note[name] for name in counts} == counts
    assert note["erased_by"] == "operator"
    text = f"person {note['subject']} (by operator: decisions 1, labels 2, contradictions 0, profiles 1, reports 1)"
    assert f"Erased: {text}." in done
    assert [re.sub(" from .*", "", line) for line in caplog.messages] == [f"{text} was erased"]
    assert "anna" not in caplog.text


def test_an_erasure_that_stopped_half_way_is_run_again() -> None:
    with SQLiteClients(Path("clients.db"), create=True) as clients:
        clients.remove_many(["anna"])
    assert "profiles 0" in run("erase", "anna", "--yes").stdout
    assert exported("anna")["decisions"] == []


@pytest.mark.parametrize(("option", "error"), [("--clients", ClientStoreError), ("--store", StoreError)])
def test_a_mistyped_place_is_an_error_and_erases_nothing(option: str, error: type[StreamAppError]) -> None:
    with pytest.raises(error, match=r"There is no .*other\.db"):
        run("erase", "anna", "--yes", option, "other.db")
    assert len(json.dumps(exported("anna")["decisions"])) > 2


def test_erasures_are_copied_into_a_new_store() -> None:
    run("erase", "anna", "--yes")
    notes = run("erasures").stdout
    assert "1 erasures were added" in run("copy-erasures", "decisions.db", "--store", "new.db").stdout
    assert run("erasures", "--store", "new.db").stdout == notes


def test_a_store_is_pseudonymised_and_its_people_are_found_by_their_ids() -> None:
    Path("key").write_bytes(KEY)
    assert "2 decisions" in run("pseudonymise", "--pseudonym-key-file", "key").stdout
    with pytest.raises(StoreError, match="no pseudonym key is set"):
        run("export", "anna")
    [record] = exported("anna", "--pseudonym-key-file", "key")["decisions"]
    assert record["client_id"] == Ids(KEY).client("anna")
    assert b"anna" not in Path("decisions.db").read_bytes()
    run("erase", "anna", "--yes", "--pseudonym-key-file", "key")
    assert exported("anna", "--pseudonym-key-file", "key")["decisions"] == []


def test_without_a_key_nothing_is_pseudonymised() -> None:
    assert run("pseudonymise").exit_code == 2
