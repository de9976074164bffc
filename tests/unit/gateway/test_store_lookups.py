"""Blocking lookups gathered off the event loop, and values that are made once for all who ask."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monitoring.store import DecisionStore, Ids
from stream_app.gateway.store_lookups import BatchedLookup, DecisionLookup
from stream_app.gateway.ttl_cache import TtlCache
from tests.builders.gateway import run
from tests.builders.store_rows import decision, put


class Finder:
    """Knows every key but "unknown"; the first call waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.free = threading.Event()

    def __call__(self, keys: Sequence[str]) -> Mapping[str, str]:
        self.calls.append(sorted(keys))
        self.free.wait(5.0)
        return {key: key.upper() for key in keys if key != "unknown"}


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def test_what_gathers_during_a_lookup_goes_into_one_next_one(executor: ThreadPoolExecutor) -> None:
    finder = Finder()

    async def gather() -> list[str | None]:
        lookup = BatchedLookup(finder, executor)
        first = asyncio.create_task(lookup.get("a"))
        while not finder.calls:
            await asyncio.sleep(0)
        others = [asyncio.create_task(lookup.get(key)) for key in ("b", "c", "c", "unknown")]
        await asyncio.sleep(0)
        finder.free.set()
        return list(await asyncio.gather(first, *others))

    assert run(gather()) == ["A", "B", "C", "C", None]
    assert finder.calls == [["a"], ["b", "c", "unknown"]]


def test_a_fault_reaches_everybody_who_waits_and_the_next_one_asks_anew(executor: ThreadPoolExecutor) -> None:
    faults = [ValueError("away")]

    def find(keys: Sequence[str]) -> Mapping[str, str]:
        if faults:
            raise faults.pop()
        return dict.fromkeys(keys, "found")

    async def ask() -> list[object]:
        lookup = BatchedLookup(find, executor)
        first = await asyncio.gather(lookup.get("a"), lookup.get("a"), return_exceptions=True)
        return [*map(str, first), await lookup.get("a")]

    assert run(ask()) == ["away", "away", "found"]


def test_one_caller_that_gives_up_does_not_take_the_answer_from_another(executor: ThreadPoolExecutor) -> None:
    finder = Finder()

    async def ask() -> str | None:
        lookup = BatchedLookup(finder, executor)
        patient, hasty = asyncio.create_task(lookup.get("a")), asyncio.create_task(lookup.get("a"))
        await asyncio.sleep(0)
        hasty.cancel()
        finder.free.set()
        return await patient

    assert run(ask()) == "A"


def test_a_value_is_made_once_for_all_who_ask_until_it_is_old() -> None:
    made: list[int] = []
    now = [0.0]

    async def make() -> int:
        made.append(len(made))
        await asyncio.sleep(0)
        return made[-1]

    async def ask() -> list[int]:
        fresh = TtlCache(make, seconds=1.0, clock=lambda: now[0])
        together = await asyncio.gather(fresh.get(), fresh.get())
        now[0] = 0.9
        young = await fresh.get()
        now[0] = 1.0
        return [*together, young, await fresh.get()]

    assert run(ask()) == [0, 0, 0, 1]


def test_a_decision_is_found_by_its_request_id_in_a_store_with_pseudonyms(tmp_path: Path) -> None:
    ids = Ids(b"k" * 32)
    with DecisionStore.open(str(tmp_path / "d.db"), ids=ids) as store:
        put(store, [decision("r1", record='{"request_id":"r1","client_id":"c1"}')])

    async def ask() -> list[bytes | None]:
        lookup = DecisionLookup(str(tmp_path / "d.db"), ids)
        found = [await lookup.get("r1"), await lookup.get("r2")]
        await lookup.close()
        return found

    record = b'{"request_id":"r1","client_id":"%b"}' % ids.client("c1").encode()
    assert run(ask()) == [record, None]
    assert ids.with_client(record, "c1") == b'{"request_id":"r1","client_id":"c1"}'
