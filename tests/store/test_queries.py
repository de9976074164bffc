"""The queries that docs/reference/store.md shows work on a store as it is made."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from monitoring.store import DecisionStore
from stream_app.drift_events import FeatureDrift, Shift
from tests.builders.drift_events import short_event
from tests.builders.store_rows import DAILY, DAY, decision, label, put

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "store.md").read_text()
BY_MONTH, BY_FEATURE = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def drift_of(feature: str, psi: float) -> FeatureDrift:
    shift = Shift(psi=psi, psi_limit=0.25, drifted=False, distance=None, distance_method="none")
    return FeatureDrift(
        feature=feature, kind="number", shift=shift, missing_share=0.0, reference_missing_share=0.0, unseen_share=0.0
    )


def test_the_queries_of_the_page_give_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    with DecisionStore.open(str(path)) as store:
        put(store, [decision("a"), decision("b", 40 * DAY), decision("c"), decision("d")])
        put(store, labels=[label("a"), label("b", defaulted=False), label("c", defaulted=False)])
        store.close_due(DAY, DAILY, at_us=0)
        (key,) = store.uncomputed()
        store.computed(key, short_event(features=(drift_of("amount", 0.1), drift_of("state", 0.2))))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(BY_MONTH).fetchall() == [("1970-01", 2, 0.25, 0.5), ("1970-02", 1, 0.25, 0.0)]
        assert db.execute(BY_FEATURE).fetchall() == [("1970-01-01", "state", 0.2), ("1970-01-01", "amount", 0.1)]


def test_the_page_names_every_table_and_every_fact() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert named == {"decisions", "outcomes", "contradictions", "positions", "windows", "erasures", "meta"}
    facts = ("schema_version", "window_size", "closed_before_us", "removed_before_us", "outcomes_pending")
    for fact in (*facts, "ids_check", "erasure_key"):
        assert f"`{fact}`" in PAGE
