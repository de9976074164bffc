"""Which partitions are read: those that every topic of outputs has, too."""

from __future__ import annotations

import pytest

from stream_app.events import TopicPartition
from stream_app.transport.counterparts import Counterparts

ALL = frozenset(TopicPartition("r", number) for number in range(4))


@pytest.mark.parametrize(
    ("counts", "read"), [({"d": 4, "e": 4}, 4), ({"d": 4, "e": 2}, 2), ({"d": 8, "e": 8}, 4), ({"d": 1}, 4), ({}, 4)]
)
def test_partitions_are_read_up_to_the_smallest_count_of_topics_that_are_all_known(
    counts: dict[str, int], read: int
) -> None:
    counterparts = Counterparts(frozenset({"d", "e"}))
    counterparts.take(counts)
    assert counterparts.with_counterpart(ALL) == {tp for tp in ALL if tp.partition < read}


def test_another_seek_is_needed_when_the_smallest_count_changes_and_not_while_a_topic_is_unknown() -> None:
    counterparts = Counterparts(frozenset({"d", "e"}))
    counterparts.take({"d": 4, "e": 2})
    changes = [counterparts.changed(counts) for counts in ({"d": 8, "e": 2}, {"d": 4}, {"d": 4, "e": 4})]
    assert changes == [False, False, True]


def test_without_topics_of_outputs_everything_is_read() -> None:
    counterparts = Counterparts(frozenset())
    assert counterparts.with_counterpart(ALL) == ALL
    assert not counterparts.changed({})
