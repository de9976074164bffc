"""A store of an older program is upgraded in place, keeps every row, and goes on; one of a newer program is refused."""

from __future__ import annotations

import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from monitoring.store import DecisionStore, PartitionOffset, migrations
from monitoring.store.schema import NEWEST
from monitoring.store.tables import METADATA, VERSION
from stream_app.errors import StoreError
from tests.builders.drift_events import short_event
from tests.builders.store_rows import DAILY, DAY, HOUR, decision, engine_of, label, put
from tests.servers.postgres import PASSWORD

HERE = Path(__file__).parent
NEWER_COLUMNS = ("published_at_us", "other_client")
Rows = dict[str, list[tuple[Any, ...]]]


def execute(url: str, script: str) -> None:
    """As somebody with a shell would."""
    with engine_of(url).connect() as db:
        raw: Any = db.connection.dbapi_connection
        (raw.execute if "://" in url else raw.executescript)(script)
        raw.commit()


def rows_of(url: str) -> Rows:
    """Every row of every table of ours, without columns, tables and facts that came later."""
    with engine_of(url).connect() as db:
        return {
            table.name: sorted(
                db.execute(sa.select(*[c for c in table.columns if c.name not in NEWER_COLUMNS])), key=repr
            )
            for table in METADATA.sorted_tables
            if table.name != "erasures"
        }


def rows_from_before(url: str) -> Rows:
    """The same of an upgraded store, with the facts as they were."""
    rows = rows_of(url)
    facts = {name: value for name, value in rows["meta"] if name not in ("ids_check", "erasure_key")}
    assert facts["schema_version"] == "2"
    return rows | {"meta": sorted((facts | {"schema_version": "1"}).items(), key=repr)}


def version_of(url: str) -> str | None:
    with engine_of(url).connect() as db:
        if not sa.inspect(db).has_table(VERSION.name):
            return None
        version: str = db.execute(sa.select(VERSION.c.version_num)).scalar_one()
        return version


@pytest.fixture
def old_url(new_url: Callable[[], str]) -> str:
    """A store as commit 86820a6 wrote it, on each engine in turn."""
    url = new_url()
    engine = "postgresql" if "://" in url else "sqlite"
    execute(url, (HERE / f"written_by_86820a6.{engine}.sql").read_text())
    return url


# ---- upgraded in place -----------------------------------------------------------------------------------------------


def test_an_older_store_is_upgraded_when_it_is_opened_and_keeps_every_row(old_url: str) -> None:
    before = rows_of(old_url)
    DecisionStore.open(old_url).close()
    assert (version_of(old_url), rows_from_before(old_url)) == (NEWEST, before)
    assert [len(rows) for rows in before.values()] == [1, 5, 5, 3, 2, 4]


def test_an_upgraded_store_has_the_tables_of_a_new_one(old_url: str) -> None:
    DecisionStore.open(old_url).close()
    with engine_of(old_url).connect() as db:
        context = MigrationContext.configure(db, opts={"version_table": VERSION.name})
        assert compare_metadata(context, METADATA) == []


def test_an_upgraded_store_goes_on_where_the_older_program_stopped(old_url: str) -> None:
    with DecisionStore.open(old_url) as store:
        assert store.offsets() == {
            ("loan.decisions", 0): PartitionOffset(5, DAY + HOUR),
            ("loan.outcomes", 0): PartitionOffset(2, 900 * DAY),
        }
        assert [key.id for key in store.uncomputed()] == ["count-000002", "1970-01-02"]
        assert [key.id for key in store.stale()] == ["count-000001", "1970-01-01"]
        assert [waiting.id for waiting in store.unpublished()] == ["count-000001"]
        event = store.window_event("1970-01-01")
        assert event is not None
        assert (event.revision, event.rows, event.late_rows, event.verdict) == (1, 3, 1, "too_few")
        [_, stale] = store.stale()
        store.computed(stale, short_event(revision=2))
        store.published("1970-01-01", 2, at_us=7)
        assert put(store, [decision("early", 2 * DAY), decision("r0")], [label("r2")]).decisions_new == 1
        assert store.counts().labels_pending == 0
        assert store.close_due(3 * DAY, DAILY, at_us=0) == ["1970-01-03"]


def test_an_upgrade_is_done_once(old_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with ThreadPoolExecutor(3) as monitors:
        for store in monitors.map(lambda _: DecisionStore.open(old_url, wait_seconds=60), range(3)):
            store.close()
    assert sum("is upgraded from version 0001 to" in line for line in caplog.messages) == 1


def test_an_upgrade_that_fails_changes_nothing_and_the_next_start_tries_again(
    old_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(db: sa.Connection) -> None:
        db.exec_driver_sql("ALTER TABLE windows ADD COLUMN half integer")
        raise StoreError("The disk is full.")

    before = rows_of(old_url)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "upgrade", fail)
        with pytest.raises(StoreError, match="disk is full"):
            DecisionStore.open(old_url)
    assert (version_of(old_url), rows_of(old_url)) == (None, before)
    DecisionStore.open(old_url).close()
    with engine_of(old_url).connect() as db:
        assert "half" not in {column["name"] for column in sa.inspect(db).get_columns("windows")}


def test_a_new_store_has_the_newest_version_and_the_newest_is_the_last_migration(url: str) -> None:
    DecisionStore.open(url).close()
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert version_of(url) == NEWEST == scripts.get_current_head()


# ---- the copy --------------------------------------------------------------------------------------------------------


def old_sqlite(folder: Path) -> Path:
    execute(str(folder / "d.db"), (HERE / "written_by_86820a6.sqlite.sql").read_text())
    return folder / "d.db"


def test_a_copy_of_an_sqlite_store_is_made_beside_it_and_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = old_sqlite(tmp_path)
    path.chmod(0o644)
    before = rows_of(str(path))
    DecisionStore.open(str(path)).close()
    copy = tmp_path / "d.db.version-0001"
    assert (version_of(str(copy)), rows_of(str(copy))) == (None, before)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert any(f"A copy of it as it was is {copy}." in line for line in caplog.messages)
    assert list(tmp_path.glob("*.part")) == []


def test_a_copy_that_cannot_be_made_stops_the_upgrade(tmp_path: Path) -> None:
    path = old_sqlite(tmp_path)
    (tmp_path / "d.db.version-0001.part").mkdir()
    with pytest.raises(StoreError, match=r"no copy .*d\.db\.version-0001 before they are upgraded \(unable"):
        DecisionStore.open(str(path))
    assert version_of(str(path)) is None


@pytest.mark.postgres
@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
def test_a_postgresql_store_is_not_copied_and_the_log_names_the_line_that_copies_it(
    old_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StoreError, match="pg_dump") as refused:
        DecisionStore.open(old_url, read_only=True)
    DecisionStore.open(old_url).close()
    lines = [re.search(r"pg_dump .*", text) for text in (str(refused.value), *caplog.messages)]
    [first, second] = [shlex.split(line[0].rstrip(".")) for line in lines if line]
    assert first == second
    environment = {**os.environ, "PGPASSWORD": PASSWORD}
    subprocess.run(first, cwd=tmp_path, env=environment, check=True, timeout=60)
    assert (tmp_path / "store-0001.dump").stat().st_size > 0
    assert PASSWORD not in caplog.text


# ---- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"read_only": True}, {"create": False}])
def test_who_only_reads_or_computes_upgrades_nothing_and_says_what_does(old_url: str, how: dict[str, Any]) -> None:
    before = rows_of(old_url)
    with pytest.raises(StoreError, match=r"version 0001, this program needs version.*Start `stream-app monitor`"):
        DecisionStore.open(old_url, **how)
    assert (version_of(old_url), rows_of(old_url)) == (None, before)


@pytest.mark.parametrize("how", [{}, {"read_only": True}, {"create": False}])
def test_a_store_of_a_newer_program_is_refused_and_left_as_it_was(url: str, how: dict[str, Any]) -> None:
    with DecisionStore.open(url) as store:
        put(store, [decision("a")])
    execute(url, "UPDATE decision_store_version SET version_num = '9999'")
    before = rows_of(url)
    with pytest.raises(StoreError, match=r"version 9999, written by a newer program.*Use the newer program"):
        DecisionStore.open(url, **how)
    assert (version_of(url), rows_of(url)) == ("9999", before)


def test_no_one_imports_alembic_who_upgrades_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom monitoring.store import DecisionStore\n"
        "for read_only in (False, True):\n    DecisionStore.open(sys.argv[1], read_only=read_only).close()\n"
        "print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "d.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


def test_the_log_of_an_upgrade_says_from_which_version_to_which(old_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    DecisionStore.open(old_url).close()
    lines = [record.getMessage() for record in caplog.records if record.name == "monitoring.store.schema"]
    assert len(lines) == 1
    assert f"is upgraded from version 0001 to {NEWEST}." in lines[0]
