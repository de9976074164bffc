"""Laws of the store: a stream gives the same decisions, lateness, windows and truth however it was cut, interrupted,
mixed or read again. The monitor is played in a few lines: read, put, close what is due, restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.event_time import EventClock, WindowSize, close_before_us, watermark_us
from monitoring.store import DecisionRow, DecisionStore, LabelRow, PartitionOffset, Put
from monitoring.store.tables import METADATA
from tests.builders.store_rows import DAY, HOUR, decision, label

PARTITIONS = (0, 1, 2)
FOREVER = 2**62
LATENESS = 5 * HOUR
SIZE = WindowSize.parse("1d")

Partition = tuple[str, int]
Topics = Mapping[Partition, Sequence[Any]]
Snapshot = dict[str, list[tuple[Any, ...]]]

laws = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def topics(draw: st.DrawFn) -> Topics:
    """Decisions over eight days, some requests decided twice; outcomes, some twice, contradicting or of nobody."""
    made: dict[Partition, list[Any]] = {(topic, number): [] for topic in "do" for number in PARTITIONS}
    dated = st.tuples(st.sampled_from(PARTITIONS), st.integers(0, 8 * 24), st.booleans())
    for n, (partition, hour, again) in enumerate(draw(st.lists(dated, max_size=40))):
        run = made["d", partition]
        name = run[-1].request_id if again and run else f"p{partition}-{n}"
        run.append(decision(name, hour * HOUR, partition=partition, topic_offset=len(run), record=f"{n}"))
    requests = sorted({row.request_id for number in PARTITIONS for row in made["d", number]} | {"p0-none", "p1-none"})
    for name, defaulted in draw(st.lists(st.tuples(st.sampled_from(requests), st.booleans()), max_size=20)):
        made["o", int(name[1])].append(label(name, defaulted))
    return made


POLLS = st.lists(st.tuples(st.sampled_from("do"), st.sampled_from(PARTITIONS), st.integers(1, 9)), max_size=5)
STEPS = st.lists(st.one_of(POLLS, st.sampled_from(["restart", "close", "read everything again"])), max_size=15)


@dataclass
class Monitor:
    """Reads the topics as the real one does: from the store's positions, with the store's clocks."""

    url: str
    topics: Topics
    store: DecisionStore = field(init=False)
    offsets: dict[Partition, int] = field(init=False)
    clocks: dict[Partition, EventClock] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.store = DecisionStore.open(self.url)
        known = self.store.offsets()
        self.offsets = {at: known[at].next_offset if at in known else 0 for at in self.topics}
        self.clocks = {at: EventClock(known[at].latest_us if at in known else None) for at in self.topics}

    def step(self, step: Any) -> None:
        if step == "restart":
            self.store.close()
            self.start()
        elif step == "close":
            self.close_due()
        elif step == "read everything again":
            self.offsets = dict.fromkeys(self.topics, 0)
        else:
            self.poll(step)

    def poll(self, asked: Sequence[tuple[str, int, int]]) -> None:
        decisions: list[DecisionRow] = []
        outcomes: list[LabelRow] = []
        for topic, number, count in asked:
            at = (topic, number)
            run = self.topics[at][self.offsets[at] : self.offsets[at] + count]
            self.offsets[at] += len(run)
            if topic == "o":
                outcomes += run
                continue
            times = [row.requested_at_us for row in run]
            self.clocks[at], late, _ = self.clocks[at].observe(times, SIZE, LATENESS, FOREVER)
            decisions += [row._replace(late=is_late) for row, is_late in zip(run, late, strict=True)]
        reached = {at: PartitionOffset(self.offsets[at], self.clocks[at].latest_us) for at in self.topics}
        self.store.put(Put(decisions, outcomes, reached, SIZE))

    def close_due(self) -> None:
        known = self.store.offsets()
        latest = {n: known["d", n].latest_us if ("d", n) in known else None for n in PARTITIONS}
        watermark = watermark_us(latest, {n for n in PARTITIONS if not self.topics["d", n]})
        if watermark is not None:
            self.store.close_due(close_before_us(SIZE, watermark, LATENESS), SIZE, at_us=0)

    def finish(self) -> Snapshot:
        """Read what is left, close what is due, and tell everything that must not depend on the way here."""
        self.poll([(topic, number, 1_000) for topic, number in self.topics])
        self.close_due()
        members = [
            (key.id, record, str(defaulted))
            for key in self.store.uncomputed()
            for rows in [self.store.rows_of(key)]
            for record, defaulted in zip(rows.records, rows.defaulted, strict=True)
        ]
        self.store.close()
        ways = {"seq", "id", "labels_seen", "closed_at_us", "late_rows"}
        return {"members": members, **dump(self.url, without=ways)}


def dump(url: str, without: set[str] = frozenset()) -> Snapshot:  # type: ignore[assignment]
    """Every table as it is, but for these columns."""
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg") if "://" in url else f"sqlite:///{url}"
    )
    with engine.connect() as db:
        found = {
            table.name: sorted(
                (tuple(row) for row in db.execute(sa.select(*[c for c in table.columns if c.name not in without]))),
                key=repr,
            )
            for table in METADATA.tables.values()
        }
    engine.dispose()
    return found


def one_run(url: str, stream: Topics) -> Snapshot:
    return Monitor(url, stream).finish()


@laws
@given(stream=topics(), steps=STEPS)
def test_cuts_restarts_mixing_and_reading_again_change_nothing(
    new_url: Callable[[], str], stream: Topics, steps: list[Any]
) -> None:
    monitor = Monitor(new_url(), stream)
    for step in steps:
        monitor.step(step)
    assert monitor.finish() == one_run(new_url(), stream)


@laws
@given(stream=topics(), steps=STEPS)
def test_a_put_twice_is_a_put_once(new_url: Callable[[], str], stream: Topics, steps: list[Any]) -> None:
    url = new_url()
    monitor = Monitor(url, stream)
    for step in [*steps, []]:
        monitor.step(step)
    monitor.store.close()
    before = dump(url)
    again = Monitor(url, stream)
    consumed = dict(again.offsets)
    again.offsets = dict.fromkeys(stream, 0)
    again.poll([(topic, number, consumed[topic, number]) for topic, number in stream])
    again.store.close()
    assert dump(url) == before


@laws
@given(stream=topics(), steps=STEPS, count=st.integers(1, 7))
def test_every_timely_decision_is_in_at_most_one_count_window_and_these_are_full(
    new_url: Callable[[], str], stream: Topics, steps: list[Any], count: int
) -> None:
    monitor = Monitor(new_url(), stream)
    for step in [*steps, "close"]:
        monitor.step(step)
        monitor.store.close_due_counts(count, at_us=0)
    runs = [monitor.store.rows_of(key).records for key in monitor.store.uncomputed() if key.kind == "count"]
    assert all(len(run) == count for run in runs)
    assert len({record for run in runs for record in run}) == len(runs) * count
    assert monitor.store.rows_between(0, 9 * DAY).total - len(runs) * count in range(count)
    monitor.store.close()


@pytest.mark.parametrize("late_hour", [0, 23])
def test_the_law_is_not_empty_a_late_decision_is_late_and_its_window_closed(url: str, late_hour: int) -> None:
    stream: dict[Partition, list[Any]] = {(topic, number): [] for topic in "do" for number in PARTITIONS}
    stream["d", 0] = [decision("a", HOUR), decision("b", 2 * DAY, record="b"), decision("c", late_hour * HOUR)]
    snapshot = one_run(url, stream)
    assert [(row[0], row[7]) for row in snapshot["decisions"]] == [("a", False), ("b", False), ("c", True)]
    assert [member[0] for member in snapshot["members"]] == ["1970-01-01"]
