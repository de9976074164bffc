"""What happens to topics, records and models."""

from __future__ import annotations

import signal
import time
from random import Random

from models.bundle_files import MODEL
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import BATCH_BYTES, create_topics
from tests.chaos.fault import BROKER_SECONDS, Possible, hold
from tests.chaos.stage import PARTITIONS, Stage
from tests.servers.waiting import wait_until

TEN_MEGABYTES = 10_000_000


class HugeRecord(Possible):
    """A record of 10 MB, on a topic whose limit was raised for it: rejected like any that is too large."""

    kind = "10 MB record"

    def run(self, stage: Stage, rng: Random) -> float:
        stage.cluster.configure(stage.names.requests, {"max.message.bytes": str(TEN_MEGABYTES + 100_000)})
        key = b"huge-%d" % rng.randrange(PARTITIONS * 100)
        sent = stage.traffic.send(key, b"x" * TEN_MEGABYTES).get(timeout=60)
        now = time.monotonic()
        stage.answered((sent.partition, sent.offset))
        return now


class SmallOutputs(Possible):
    """The decisions topic takes only records far smaller than a decision, until somebody corrects it."""

    kind = "max.message.bytes of the output lowered"
    limit = BROKER_SECONDS

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def run(self, stage: Stage, rng: Random) -> float:  # noqa: ARG002 - nothing to choose
        stage.cluster.configure(stage.names.decisions, {"max.message.bytes": "300"})
        hold(self._seconds)
        stage.cluster.configure(stage.names.decisions, {"max.message.bytes": str(BATCH_BYTES)})
        return time.monotonic()


class MissingOutput(Possible):
    """The rejections topic does not exist when the first rejections are due, and is made again a while later.

    Only before anything was rejected: what a deleted topic held is gone, and nobody could answer for that.
    """

    kind = "output topic missing"
    limit = BROKER_SECONDS

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def impossible(self, stage: Stage) -> str | None:
        return "the topic holds rejections by now" if stage.traffic.poison else None

    def run(self, stage: Stage, rng: Random) -> float:  # noqa: ARG002 - nothing to choose
        name = stage.names.rejections
        with stage.cluster.admin() as admin:
            admin.delete_topics([name])
        stage.spoil()
        hold(self._seconds)
        create_topics(
            KafkaConnection(stage.cluster.bootstrap), PARTITIONS, stage.cluster.replication, names=stage.names
        )
        return time.monotonic()


class BadBundle(Possible):
    """The model file is damaged and the workers are started again: they refuse it until it is whole."""

    limit = BROKER_SECONDS

    def __init__(self, how: str) -> None:
        """``how``: truncated or bit-flipped."""
        self.kind, self._how = f"model {how}", how

    def run(self, stage: Stage, rng: Random) -> float:
        if self._how == "truncated":
            stage.bundles.truncate()
        else:
            stage.bundles.flip_bit(rng.random())
        refused = [slot.log.stat().st_size if slot.log.exists() else 0 for slot in stage.workers]
        for slot in stage.workers:
            slot.send(signal.SIGKILL)
        for slot, before in zip(stage.workers, refused, strict=True):
            wait_until(lambda: _refusal(slot.log.read_bytes()[before:]), f"{slot.name} refuses the model")  # noqa: B023
        stage.bundles.restore()
        return time.monotonic()


def _refusal(said: bytes) -> bool:
    return f"the SHA-256 of {MODEL}".encode() in said


class Swapped(Possible):
    """Another valid model takes the place of the one in use; one worker after the other starts with it."""

    kind = "model swapped under load"
    limit = BROKER_SECONDS

    def run(self, stage: Stage, rng: Random) -> float:
        stage.bundles.swap()
        for slot in rng.sample(stage.workers, len(stage.workers)):
            slot.send(signal.SIGTERM)
            hold(3.0)  # both models decide meanwhile
        stage.recovered(time.monotonic())
        stage.bundles.restore()
        for slot in stage.workers:
            slot.send(signal.SIGTERM)
        return time.monotonic()
