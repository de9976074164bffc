"""A client store follows the topic of profiles on a real broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from stream_app.broker import Broker
from stream_app.clients import ClientStore, SQLiteClients
from stream_app.clients.store import Followed, ProfileChanges
from stream_app.commands.clients import publish
from stream_app.errors import ClientStoreError, TopicMismatch
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.profile_events.process import follow
from stream_app.settings import FollowerSettings
from stream_app.topics import TopicNames, create_topics
from stream_app.topics.specs import DELETIONS_KEPT_SECONDS
from tests.servers.waiting import until

pytestmark = pytest.mark.kafka
CONTRACT = Contract.read(CONTRACT_FILE)
CA, NY = b'{"state":"CA"}', b'{"state":"NY"}'


class Topic:
    """The topic of profiles of one test."""

    def __init__(self, broker: Broker, names: TopicNames) -> None:
        self.bootstrap, self.names = broker.bootstrap, names
        create_topics(KafkaConnection(broker.bootstrap), 2, names=names)

    def publish(self, *records: tuple[bytes | None, bytes | None], **options: Any) -> None:
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=0, **options)
        try:
            for key, value in records:
                producer.send(self.names.clients, value=value, key=key).get(30)
        finally:
            producer.close()

    @property
    def settings(self) -> FollowerSettings:
        prefix = self.names.clients.removesuffix("loan.clients")
        return FollowerSettings(kafka=self.bootstrap, topic_prefix=prefix, clients_port=0)


@pytest.fixture
def topic(kafka_broker: Broker, topic_names: TopicNames) -> Topic:
    return Topic(kafka_broker, topic_names)


@contextlib.asynccontextmanager
async def following(topic: Topic, store: ClientStore) -> AsyncIterator[None]:
    task = asyncio.ensure_future(follow(topic.settings, CONTRACT, store))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def follow_until(topic: Topic, store: ClientStore, *steps: Callable[[], object]) -> None:
    """Follow; each step is a condition that is waited for (it says True), or something that is done (it says None)."""

    async def go() -> None:
        async with following(topic, store):
            for step in steps:
                await until(lambda step=step: step() in (True, None), "a step")  # type: ignore[misc]

    asyncio.run(go())


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with SQLiteClients(tmp_path / "clients.db", create=True) as made:
        yield made


def test_profiles_are_stored_replaced_and_deleted_on_all_partitions(topic: Topic, store: ClientStore) -> None:
    ids = [f"c{number}" for number in range(50)]
    topic.publish(*((client_id.encode(), CA) for client_id in ids))
    follow_until(
        topic,
        store,
        lambda: store.count() == 50,
        lambda: topic.publish((b"c7", NY), (b"c8", None)),
        lambda: store.get_many(["c7", "c8"]) == {"c7": NY},
    )
    assert store.count() == 49


def test_a_follower_goes_on_where_the_store_stands(topic: Topic, store: ClientStore) -> None:
    topic.publish((b"a", CA))
    follow_until(topic, store, lambda: store.count() == 1)
    store.put_many([("a", b"{}")])  # would be replaced if the record were read again
    topic.publish((b"b", CA))
    follow_until(topic, store, lambda: store.get_many(["a", "b"]) == {"a": b"{}", "b": CA})


def test_bad_records_are_passed_over_logged_by_offset_and_name_nobody(
    topic: Topic, store: ClientStore, caplog: pytest.LogCaptureFixture
) -> None:
    def shows_three() -> bool:
        return [caplog.text.count(f"changed nothing: {fault}") for fault in ("bad_profile", "bad_key")] == [2, 1]

    topic.publish(
        (b"pat-doe", b'{"state":7}'), (b"pat-doe", b"\xff"), (b"\xff", CA), (b"good", CA), compression_type="gzip"
    )
    follow_until(topic, store, lambda: store.get_many(["good", "pat-doe"]) == {"good": CA}, shows_three)
    assert "pat-doe" not in caplog.text


def test_an_emptied_store_is_filled_again(topic: Topic, store: ClientStore) -> None:
    topic.publish((b"a", CA), (b"b", NY))

    def empty() -> None:
        store.remove_many(["a", "b"])
        store._db.execute("DELETE FROM followed")  # type: ignore[attr-defined]  # as a server that lost its data

    follow_until(topic, store, lambda: store.count() == 2, empty, lambda: store.count() == 2)


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(topic: Topic, store: ClientStore) -> None:
    store.follow(ProfileChanges(), None, Followed(next_offsets={0: 900, 1: 900}))
    topic.publish((b"a", CA), (b"b", NY))
    follow_until(topic, store, lambda: store.count() == 2)


def test_a_store_that_was_away_for_too_long_may_have_missed_deletions(topic: Topic, store: ClientStore) -> None:
    store.follow(ProfileChanges(), None, Followed(current_at=1.0))
    with pytest.raises(ClientStoreError, match=f"more than {DELETIONS_KEPT_SECONDS // 86_400} days ago"):
        follow_until(topic, store, lambda: False)


def test_a_broker_without_the_topic_is_named_with_the_command(kafka_broker: Broker, store: ClientStore) -> None:
    settings = FollowerSettings(kafka=kafka_broker.bootstrap, topic_prefix="nobodys.", clients_port=0)
    with pytest.raises(TopicMismatch, match=r"no topic nobodys.loan.clients.*topics create"):
        asyncio.run(follow(settings, CONTRACT, store))


def test_profiles_are_not_published_where_the_topic_is_missing(kafka_broker: Broker, tmp_path: Path) -> None:
    profiles = tmp_path / "profiles.csv"
    profiles.write_text("application_id,state\nacme,CA\n")
    where = ["--kafka", kafka_broker.bootstrap, "--topic-prefix", "nobodys."]
    done = CliRunner().invoke(publish, [str(profiles), *where])
    assert isinstance(done.exception, TopicMismatch)
