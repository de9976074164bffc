"""With a key, the store has pseudonyms for ids, in columns and records; no store has both kinds."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring.store import DecisionStore, Ids
from monitoring.store.pseudonyms import keyed_hash
from stream_app.errors import SettingsError, StoreError
from tests.builders.store_rows import HOUR, decision, engine_of, label, put

KEY, OTHER = b"k" * 32, b"o" * 32
RECORD = '{"request_id": "r1", "features": {"x": 1.50}, "client_id":"anna", "r\\u00e9": null}'


def texts_in(url: str) -> str:
    """Every value of every table of people, as one text."""
    tables = ("decisions", "outcomes", "contradictions", "erasures")
    with engine_of(url).connect() as db:
        return repr([db.execute(sa.text(f"SELECT * FROM {table}")).all() for table in tables])  # noqa: S608


def annas(store: DecisionStore) -> None:
    put(store, [decision("r1", client_id="anna", record=RECORD)], [label("r1")._replace(client_id="anna")])
    put(store, labels=[label("r1", defaulted=False)._replace(client_id="anna")])


def test_no_id_is_in_the_store_as_it_came_and_labels_join_all_the_same(url: str) -> None:
    with DecisionStore.open(url, ids=Ids(KEY)) as store:
        annas(store)
        counts = store.counts()
        assert (counts.decisions, counts.labels, counts.labels_pending, counts.contradictions) == (1, 1, 0, 1)
    assert "anna" not in texts_in(url)
    assert "'r1'" not in texts_in(url)


def test_a_decision_is_found_by_its_request_id_and_by_the_pseudonym(url: str) -> None:
    with DecisionStore.open(url, ids=Ids(KEY)) as store:
        annas(store)
        record = store.decision("r1")
        assert record is not None
        assert json.loads(record) == json.loads(RECORD) | {"client_id": Ids(KEY).client("anna")}
        assert b'"features":{"x": 1.50}' in record, "as it was written"
        assert store.decision(Ids(KEY).request("r1")) is not None
        assert Ids(KEY).with_client(record, "anna").endswith(b'"client_id":"anna","r\xc3\xa9":null}')
        assert Ids(KEY).with_client(record, "ben") == record


def test_a_person_is_found_and_erased_by_the_id_that_came(url: str) -> None:
    with DecisionStore.open(url, ids=Ids(KEY)) as store:
        annas(store)
        assert (len(store.person("anna").decisions), len(store.person("anna").labels)) == (1, 2)
        assert store.erase("anna", "operator", HOUR).decisions == 1


def test_a_pseudonym_is_half_an_hmac_of_its_own_domain() -> None:
    expected = hmac.new(KEY, b"client\0anna", hashlib.sha256).hexdigest()[:32]
    assert Ids(KEY).client("anna") == keyed_hash(KEY, "client", "anna") == expected
    assert len({Ids(KEY).client("1"), Ids(KEY).request("1"), Ids(OTHER).client("1"), Ids(KEY).client("2")}) == 4


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (Ids(), Ids(KEY), r"holds ids as they came.*person pseudonymise"),
        (Ids(KEY), Ids(), r"holds pseudonyms, and no pseudonym key is set.*STREAM_APP_PSEUDONYM_KEY_FILE"),
        (Ids(KEY), Ids(OTHER), r"holds pseudonyms, and another pseudonym key is set"),
    ],
)
def test_no_store_gets_ids_of_two_kinds(url: str, first: Ids, then: Ids, message: str) -> None:
    with DecisionStore.open(url, ids=first) as store:
        annas(store)
    for read_only in (False, True):
        with pytest.raises(StoreError, match=message):
            DecisionStore.open(url, ids=then, read_only=read_only)
    with DecisionStore.open(url) as unchecked:
        unchecked.ids = then
        with pytest.raises(StoreError, match=message):
            put(unchecked, [decision("r2")])
        assert unchecked.counts().decisions == 1


def test_a_store_without_ids_takes_a_key(url: str) -> None:
    DecisionStore.open(url, ids=Ids()).close()
    with DecisionStore.open(url, ids=Ids(KEY)) as store:
        annas(store)


@pytest.mark.parametrize(("content", "why"), [(b"short\n", "it holds 5 bytes"), (None, "cannot be read")])
def test_a_key_file_that_will_not_do_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"{why}.*openssl rand -hex 32"):
        Ids.read(tmp_path / "key")


def test_a_key_file_may_end_in_a_new_line(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    assert (Ids.read(tmp_path / "key"), Ids.read(None)) == (Ids(KEY), Ids())


def test_a_plain_store_is_pseudonymised_in_place(new_url: Callable[[], str]) -> None:
    url, other = new_url(), new_url()
    with DecisionStore.open(url) as store:
        annas(store)
        store.erase("ben", "operator", HOUR)
    with DecisionStore.open(url) as store:
        assert store.pseudonymise(Ids(KEY)) == 1
    with DecisionStore.open(other, ids=Ids(KEY)) as made:
        annas(made)
    with DecisionStore.open(url, ids=Ids(KEY)) as store, DecisionStore.open(other, ids=Ids(KEY)) as made:
        assert store.decisions(["r1"]) == made.decisions(["r1"])
        assert store.person("anna") == made.person("anna")
        put(store, [decision("b", client_id="ben")])
        assert store.counts().decisions == 1, "who was erased before stays erased"
    assert "anna" not in texts_in(url)


def test_a_store_with_pseudonyms_is_not_pseudonymised_again(url: str) -> None:
    with DecisionStore.open(url, ids=Ids(KEY)) as store:
        annas(store)
        with pytest.raises(StoreError, match="holds pseudonyms"):
            store.pseudonymise(Ids(OTHER))


def test_nothing_of_a_plain_id_is_left_in_the_sqlite_file_or_its_log(tmp_path: Path) -> None:
    with DecisionStore.open(str(tmp_path / "d.db")) as store:
        put(store, [decision(f"person-{n}", client_id=f"client-{n}") for n in range(40)])
        store.pseudonymise(Ids(KEY))
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"person-" not in written
    assert b"client-" not in written
