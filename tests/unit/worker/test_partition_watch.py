"""What the log says of partitions that were added."""

from __future__ import annotations

import logging

import pytest

from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames
from stream_app.worker.partition_watch import PartitionWatch

NAMES = TopicNames()
SAME = {NAMES.requests: 4, NAMES.decisions: 4, NAMES.rejections: 4}


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture) -> PartitionWatch:
    caplog.set_level(logging.INFO)
    made = PartitionWatch(KafkaConnection("a:1"), NAMES)
    assert made.look(SAME) == 0
    return made


def test_topics_of_one_size_that_stays_are_no_news(watch: PartitionWatch, caplog: pytest.LogCaptureFixture) -> None:
    assert watch.look(SAME) == 0
    assert watch.look({}) == 0
    assert caplog.messages == []


def test_growth_says_that_repeats_may_be_decided_again(watch: PartitionWatch, caplog: pytest.LogCaptureFixture) -> None:
    assert watch.look(dict.fromkeys(SAME, 8)) == 0
    [message] = caplog.messages
    assert message == (
        "loan.requests has 8 partitions now, 4 before: clients lie in other partitions from here on, and a request "
        "that was decided before and is sent again may be decided again."
    )


def test_what_waits_is_said_once_with_the_commands_and_again_when_it_does_not_wait_any_more(
    watch: PartitionWatch, caplog: pytest.LogCaptureFixture
) -> None:
    grown = {**SAME, NAMES.requests: 8, NAMES.rejections: 8}
    assert [watch.look(grown), watch.look(grown)] == [4, 4]
    _, message = caplog.messages
    assert message.splitlines() == [
        "Partitions 4 to 7 of loan.requests: nothing is decided there, since loan.decisions has 4 of 8 partitions. The "
        "requests wait. Have the smaller topics grow; the scorer then goes on by itself.",
        "  kafka-topics.sh --bootstrap-server a:1 --alter --topic loan.decisions --partitions 8",
    ]
    caplog.clear()
    assert watch.look(dict.fromkeys(SAME, 8)) == 0
    assert caplog.messages == ["every partition of loan.requests has its counterparts"]
