"""The scorer against real brokers: one output an input, whatever is sent and whoever is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.bundle import load_bundle, shipped_bundle
from stream_app.events import RejectionReason
from tests.builders.scorer_requests import good, profile, requests
from tests.servers.deployment import PARTITIONS, Deployment, Source, assigned, headers_of, source_of
from tests.servers.waiting import wait_until


@pytest.fixture
def deployment(broker: Any, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment.on(broker, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


def test_a_decision_is_what_the_bundle_says_of_profile_and_request(deployment: Deployment) -> None:
    deployment.start()
    [source] = deployment.send([(1, b"7", good("7", "r7"))])
    deployment.answered([source])
    [record] = deployment.read(deployment.names.decisions)
    decision = json.loads(record.value)
    bundle = load_bundle(shipped_bundle())
    row = {"amount_requested": 36_000, "guaranteed_share": 0.5, "revolving_line": "Y", **profile("7")}
    matrix, _ = bundle.contract.encode(bundle.contract.columns_of([row]))
    [expected] = bundle.scorer.probability_of_default(matrix)
    assert (record.key, record.partition, source_of(record)) == (b"7", 1, source)
    assert decision["probability_of_default"] == pytest.approx(expected, abs=1e-12)
    assert {name: value for name, value in decision["features"].items() if value is not None} == row
    assert decision["model"]["sha256"] == bundle.sha256


POISON: list[tuple[bytes | None, bytes | None, RejectionReason]] = [
    (b"7", b"{not json", RejectionReason.NOT_JSON),
    (b"7", None, RejectionReason.TOMBSTONE),
    (None, good("7", "p"), RejectionReason.NULL_KEY),
    (b"nobody", good("7", "p").replace(b'"client_id":"7"', b'"client_id":"nobody"'), RejectionReason.UNKNOWN_CLIENT),
    (b"7", b"x" * 800_000, RejectionReason.TOO_LARGE),
    (b"7", good("7", "p").replace(b"0.5", b"NaN"), RejectionReason.NAN_LITERAL),
]


def test_poison_alone_first_and_last_is_rejected_and_its_neighbours_are_decided(deployment: Deployment) -> None:
    """Each shape is answered before the next is sent, so that each is a batch of its own."""
    fine, too = (b"7", good("7", "fine")), (b"7", good("7", "fine too"))
    shapes = [
        [(0, key, value) for key, value, _ in POISON],
        [(1, *POISON[0][:2]), (1, *fine), (1, *too)],
        [(2, *fine), (2, *too), (2, *POISON[0][:2])],
        [(3, *POISON[1][:2])],
    ]
    deployment.start()
    sources = []
    for shape in shapes:
        sources.append(deployment.send(shape))
        answers = deployment.answered(sources[-1])
    assert set(answers.values()) == {1}
    rejected = {source_of(record): record for record in deployment.read(deployment.names.rejections)}
    reasons = [headers_of(rejected[source])["rejection-reason"].decode() for source in sources[0]]
    assert reasons == [reason.value for _, _, reason in POISON]
    assert {source for source in rejected if source[0] != 0} == {sources[1][0], sources[2][2], sources[3][0]}
    kept = [(rejected[source].key, rejected[source].value) for source in sources[0]]
    assert kept == [(key, value) for key, value, _ in POISON]


@pytest.mark.slow
def test_two_workers_share_the_partitions_and_answer_each_request_once(deployment: Deployment) -> None:
    first = deployment.start()
    second = deployment.start()
    wait_until(lambda: assigned(first) == assigned(second) == PARTITIONS / 2, "the partitions are shared")
    sources = deployment.send(requests(2_000))
    answers = deployment.answered(sources)
    assert (len(answers), set(answers.values())) == (2_000, {1})
    wait_until(lambda: first.metric("requests_total") + second.metric("requests_total") == 2_000, "both counted")
    assert first.metric("requests_total") > 0
    assert second.metric("requests_total") > 0


def test_a_worker_killed_mid_stream_leaves_nothing_unanswered(deployment: Deployment) -> None:
    sources = deployment.send(requests(6_000))
    victim = deployment.start(ready=False, max_poll_records=20)
    wait_until(lambda: victim.metric("requests_total") >= 500, "the worker is in the middle of it")
    victim.end(signal.SIGKILL)
    assert len(deployment.answers()) < len(sources), "the kill came too late to prove anything"
    deployment.start()
    answers = deployment.answered(sources)
    assert answers.keys() == set(sources)


@pytest.mark.slow
def test_a_restarted_worker_resumes_from_the_committed_offset(deployment: Deployment) -> None:
    before = deployment.send(requests(500))
    first = deployment.start()
    deployment.answered(before)
    wait_until(lambda: first.metric("requests_total") == 500, "the batch is committed")
    assert first.end(signal.SIGTERM) == 0
    after = deployment.send(requests(500, start=500))
    deployment.start(program="faust -A stream_app.worker")  # as who knows Faust starts it
    answers = deployment.answered(after)
    assert (len(answers), set(answers.values())) == (1_000, {1})


def test_a_worker_told_to_stop_mid_stream_repeats_and_loses_nothing(kafka_deployment: Deployment) -> None:
    sources = kafka_deployment.send(requests(6_000))
    first = kafka_deployment.start(ready=False, max_poll_records=20)
    wait_until(lambda: first.metric("requests_total") >= 500, "the worker is in the middle of it")
    assert first.end(signal.SIGTERM) == 0
    assert len(kafka_deployment.answers()) < len(sources), "the stop came too late to prove anything"
    kafka_deployment.start()
    answers = kafka_deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)


@pytest.mark.slow
def test_workers_that_join_and_leave_mid_stream_repeat_nothing_and_keep_the_order(kafka_deployment: Deployment) -> None:
    first = kafka_deployment.start(max_poll_records=20)
    second = kafka_deployment.start(ready=False, max_poll_records=20)
    sources: list[Source] = []

    def both_are_at_it() -> bool:
        sources.extend(kafka_deployment.send(requests(500, start=len(sources))))
        return second.metric("requests_total") > 0

    wait_until(both_are_at_it, "the second worker has its share")
    sources += kafka_deployment.send(requests(4_000, start=len(sources)))
    assert first.end(signal.SIGTERM) == 0
    answers = kafka_deployment.answered(sources)
    assert answers == dict.fromkeys(sources, 1)
    decided = [source_of(record) for record in kafka_deployment.read(kafka_deployment.names.decisions)]
    for partition in range(PARTITIONS):
        offsets = [offset for p, offset in decided if p == partition]
        assert offsets == sorted(offsets)
