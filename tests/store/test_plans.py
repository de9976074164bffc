"""What is asked of SQLite twice a second takes no longer the more windows there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring.store import DecisionStore


@contextmanager
def asked() -> Iterator[list[tuple[Any, str, Any]]]:
    """Every statement asked of any SQLite database meanwhile: its connection, text and values."""
    found: list[tuple[Any, str, Any]] = []

    def note(_db: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        found.append((cursor.connection, statement, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def plans(found: list[tuple[Any, str, Any]]) -> list[str]:
    """How SQLite goes through the table of windows, statement by statement."""
    steps = [
        step[3]
        for connection, statement, values in found
        if " windows" in statement
        for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    ]
    return [step for step in steps if step.startswith(("SCAN windows", "SEARCH windows"))]


@pytest.mark.parametrize(
    ("ask", "plan"),
    [
        (lambda store: store.uncomputed(), "SEARCH windows USING INDEX windows_by_revision (revision=?)"),
        (lambda store: store.stale(), "SCAN windows USING INDEX windows_stale"),
        (lambda store: store.unpublished(), "SCAN windows USING INDEX windows_unannounced"),
        (lambda store: store.windows(48), "SCAN windows USING INDEX windows_by_end"),
        (lambda store: store.windows_stamp(), "SCAN windows USING COVERING INDEX windows_by_revision"),
    ],
    ids=["uncomputed", "stale", "unpublished", "the newest", "the stamp"],
)
def test_windows_are_found_by_an_index_and_not_by_reading_through_their_records(
    tmp_path: Path, ask: Callable[[DecisionStore], object], plan: str
) -> None:
    """Each has a record of pages, and none ever goes: 10,000 of them took 0.9 s a look, through these indexes 2 ms."""
    with DecisionStore.open(str(tmp_path / "decisions.db")) as store, asked() as found:
        ask(store)
        assert plans(found) == [plan]
