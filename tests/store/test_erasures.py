"""A person is erased from every table, with a note of who did it, and topics that are read again bring nothing back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring.store import DecisionStore, Ids
from monitoring.store.erasures import Erasure
from stream_app.errors import StoreError
from tests.builders.store_rows import DAILY, DAY, HOUR, day_of, decision, label, put

NOW = 2 * DAY
KEY = b"k" * 32


def both_clients(store: DecisionStore) -> None:
    """Two decisions of Anna's and one of Ben's, each with a label; one against hers, and one that waits."""
    put(
        store,
        [decision("a1", client_id="anna"), decision("a2", HOUR, client_id="anna"), decision("b1", client_id="ben")],
        [
            label("a1")._replace(client_id="anna"),
            label("a2")._replace(client_id="anna"),
            label("b1")._replace(client_id="ben"),
            label("a3")._replace(client_id="anna"),
        ],
    )
    put(store, labels=[label("a1", defaulted=False)._replace(client_id="anna")])


def test_decisions_labels_contradictions_and_waiting_labels_go_and_those_of_others_stay(store: DecisionStore) -> None:
    both_clients(store)
    done = store.erase("anna", "operator", NOW, profiles=1, reports=2)
    assert done._replace(subject="") == Erasure(
        "", NOW, "operator", decisions=2, labels=3, contradictions=1, profiles=1, reports=2
    )
    counts = store.counts()
    assert (counts.decisions, counts.labels, counts.labels_pending, counts.contradictions) == (1, 1, 0, 0)
    assert store.decisions(["a1", "a2", "b1"]).keys() == {"b1"}
    assert len(store.person("ben").labels) == 1


def test_a_label_of_the_persons_request_goes_whatever_client_it_names(store: DecisionStore) -> None:
    put(store, [decision("a1", client_id="anna")], [label("a1")._replace(client_id="somebody else")])
    assert store.erase("anna", "operator", NOW).contradictions == 1  # where such a label is kept


def test_who_erased_what_is_noted_under_a_keyed_hash(store: DecisionStore) -> None:
    both_clients(store)
    first, second = (store.erase("anna", "operator", at_us) for at_us in (NOW, NOW + 1))
    assert store.erasures() == [first, second]
    assert first.subject == second.subject != store.erase("ben", "operator", NOW).subject
    assert re.fullmatch(r"[0-9a-f]{32}", first.subject)


def test_two_stores_have_other_hashes_of_the_same_person(new_url: Callable[[], str]) -> None:
    subjects = set()
    for _ in range(2):
        with DecisionStore.open(new_url()) as store:
            subjects.add(store.erase("anna", "operator", NOW).subject)
    assert len(subjects) == 2


def test_records_that_are_read_again_bring_nobody_back(store: DecisionStore) -> None:
    both_clients(store)
    store.erase("anna", "operator", NOW)
    both_clients(store)
    assert (store.counts().decisions, store.counts().labels, store.counts().labels_pending) == (1, 1, 0)
    held = store.person("anna")
    assert (held.decisions, held.labels) == ([], [])


def test_a_label_that_comes_years_later_is_not_stored(store: DecisionStore) -> None:
    both_clients(store)
    store.erase("anna", "operator", NOW)
    stored = put(store, labels=[label("a9", at_us=900 * DAY)._replace(client_id="anna")])
    assert (stored.labels_new, stored.labels_pending) == (0, 0)


def test_who_comes_back_after_the_erasure_is_stored_as_anybody(store: DecisionStore) -> None:
    both_clients(store)
    store.erase("anna", "operator", NOW)
    put(store, [decision("a4", NOW + HOUR, client_id="anna")])
    put(store, labels=[label("a4")._replace(client_id="anna")])
    assert (len(store.person("anna").decisions), len(store.person("anna").labels)) == (1, 1)


def test_the_last_erasure_counts(store: DecisionStore) -> None:
    for at_us in (NOW + DAY, NOW):
        store.erase("anna", "operator", at_us)
    put(store, [decision("a4", NOW + HOUR, client_id="anna")])
    assert store.counts().decisions == 0


def test_windows_and_their_figures_stay(store: DecisionStore) -> None:
    day_of(store, 3)
    store.close_due(DAY, DAILY, at_us=0)
    windows = store.windows_stamp()
    assert store.person("c1").windows == ["1970-01-01"]
    store.erase("c1", "operator", NOW)
    assert (store.windows_stamp(), store.counts().windows, store.counts().decisions) == (windows, 1, 0)


def test_the_windows_of_a_person_are_those_the_decisions_are_in(store: DecisionStore) -> None:
    put(store, [decision("x", client_id="ben"), decision("y", DAY, client_id="anna"), decision("z", 2 * DAY)])
    store.close_due(3 * DAY, DAILY, at_us=0)
    store.close_due_counts(2, at_us=0)
    assert store.person("anna").windows == ["1970-01-02", "count-000001"]


def test_an_erasure_is_forgotten_once_it_is_older_than_what_the_retention_keeps(store: DecisionStore) -> None:
    store.erase("anna", "operator", NOW)
    store.remove_before(NOW)
    assert len(store.erasures()) == 1
    store.remove_before(NOW + 1)
    assert store.erasures() == []


def test_erasures_are_taken_over_into_a_store_that_reads_the_topics_anew(new_url: Callable[[], str]) -> None:
    with DecisionStore.open(new_url()) as old, DecisionStore.open(new_url()) as new:
        old.erase("anna", "operator", NOW)
        for added in (1, 0):
            assert new.take_over_erasures(old.erasures(), old.erasure_key()) == added
        both_clients(new)
        assert (new.counts().decisions, new.erasures()) == (1, old.erasures())


def test_erasures_under_another_key_are_refused(new_url: Callable[[], str]) -> None:
    with DecisionStore.open(new_url()) as old, DecisionStore.open(new_url()) as new:
        for store in (old, new):
            store.erase("anna", "operator", NOW)
        with pytest.raises(StoreError, match="under another key"):
            new.take_over_erasures(old.erasures(), old.erasure_key())
        assert len(new.erasures()) == 1


def test_an_erasure_by_the_pseudonym_key_counts_as_well(url: str) -> None:
    with DecisionStore.open(url, ids=Ids(KEY)) as store:
        both_clients(store)
        assert store.erase("anna", "operator", NOW).decisions == 2
        both_clients(store)
        assert (store.counts().decisions, store.erasure_key()) == (1, "")


def test_nothing_of_an_erased_person_is_left_in_the_sqlite_file_or_its_log(tmp_path: Path) -> None:
    with DecisionStore.open(str(tmp_path / "d.db")) as store:
        rows = [decision(f"{who}-{n}", client_id=who, record=f'{{"of":"{who}"}}') for n in range(40) for who in "AB"]
        put(store, [row._replace(client_id=f"{row.client_id}-person") for row in rows])
        store.erase("A-person", "operator", NOW)
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"B-person" in written
    for text in (b"A-person", b'"of":"A"', b"A-3"):
        assert text not in written
