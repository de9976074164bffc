"""Assignments and polls as the transport makes them."""

from __future__ import annotations

from typing import Any

from stream_app.events import TopicPartition
from stream_app.transport import Assignment, Poll


def assigned(*partitions: TopicPartition, epoch: int | None = 1) -> Assignment:
    """These partitions are this worker's, in this epoch; None: before the seek is done."""
    assignment = Assignment()
    assignment.partitions = frozenset(partitions)
    assignment.epoch = epoch
    return assignment


def poll_of(assignment: Assignment, runs: dict[TopicPartition, list[Any]], number: int = 0) -> Poll:
    """A poll of the current epoch of the assignment."""
    assert assignment.epoch is not None
    return Poll(runs, assignment, assignment.epoch, number)
