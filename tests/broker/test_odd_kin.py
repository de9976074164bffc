"""Batches odder still, sent to a real broker: it refuses them, or every role reads them or gives them up by offset."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import time

import cramjam
import pytest

from tests.builders.record_batches import batch, framed, send_batch
from tests.builders.scorer_requests import good
from tests.fuzz.batches import CONTROL, TRANSACTIONAL, sealed
from tests.servers.deployment import Deployment, Source, Worker, source_of
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

NOW_MS = int(time.time() * 1000)
RECORD, IN_ZSTD, IN_SNAPPY, TIMELESS = (framed(0, b"7", good("7", f"kin-{number}")) for number in range(4))
XERIAL = b"\x82SNAPPY\x00" + bytes([0, 0, 0, 1, 0, 0, 0, 1])


def made(records: list[bytes], codec: int = 0, body: bytes | None = None, at_ms: int = NOW_MS) -> bytearray:
    return bytearray(batch(records, codec, body, at_ms=at_ms))


def changed(position: int, content: bytes) -> bytes:
    whole = made([RECORD])
    whole[position : position + len(content)] = content
    return sealed(whole)


def zstd_of_unknown_size(data: bytes) -> bytes:
    compressor = cramjam.zstd.Compressor()
    compressor.compress(data)
    return bytes(compressor.finish())


def xerial(data: bytes) -> bytes:
    block = bytes(cramjam.snappy.compress_raw(data))
    return XERIAL + len(block).to_bytes(4, "big") + block


def many_headers(count: int) -> bytes:
    return framed(0, b"7", good("7", "headers"), [(b"h", b"")] * count)


KIN: dict[str, bytes] = {
    "null key and value": bytes(made([framed(0, None, None)])),
    "empty key and value": bytes(made([framed(0, b"", b"")])),
    "ten thousand headers": bytes(made([many_headers(10_000)])),
    "header without a value": bytes(made([framed(0, b"7", good("7", "null-header"), [(b"h", None)])])),
    "empty header name": bytes(made([framed(0, b"7", good("7", "no-name"), [(b"", b"x")])])),
    "zstd of unknown size": bytes(made([IN_ZSTD], 4, zstd_of_unknown_size(IN_ZSTD))),
    "snappy of Java": bytes(made([IN_SNAPPY], 2, xerial(IN_SNAPPY))),
    "batch in a value": bytes(made([framed(0, b"7", batch([RECORD], 1, gzip.compress(RECORD)))])),
    "no records": bytes(made([])),
    "lz4 with a wrong checksum": bytes(made([RECORD], 3, bytes(cramjam.lz4.compress(RECORD))[:-1] + b"!")),
    "compressed twice": bytes(made([RECORD], 1, gzip.compress(gzip.compress(RECORD)))),
    "last offset too high": changed(23, (9).to_bytes(4, "big")),
    "count too high": changed(57, (9).to_bytes(4, "big")),
    "control batch": changed(21, (CONTROL | TRANSACTIONAL).to_bytes(2, "big")),
    "magic 0": changed(16, b"\0"),
    "magic 1": changed(16, b"\1"),
    "unknown codec": changed(21, (7).to_bytes(2, "big")),
    "no time": bytes(made([TIMELESS], at_ms=-1)),
    "latest time": bytes(made([RECORD], at_ms=2**63 - 1)),
}
REFUSED = {
    "no records", "lz4 with a wrong checksum", "compressed twice", "last offset too high", "count too high",
    "control batch", "magic 0", "magic 1", "unknown codec", "latest time",
}  # fmt: skip


def sent(deployment: Deployment, topic: str) -> dict[str, Source]:
    """Every kind that the broker takes, in partition 1, with its offset."""
    answers = {name: send_batch(deployment.bootstrap, topic, 1, data) for name, data in KIN.items()}
    assert {name for name, (error, _) in answers.items() if error} == REFUSED
    return {name: (1, offset) for name, (error, offset) in answers.items() if not error}


def listed(deployment: Deployment, *command: str) -> str:
    where = ["--kafka", deployment.bootstrap, "--topic-prefix", deployment.prefix]
    done = subprocess.run(
        [sys.executable, "-m", "stream_app", *command, *where], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return done.stdout


def unreadable(monitor: Worker, topic: str) -> float:
    """How many records of a topic the monitor has given up."""
    lines = [line for line in monitor.page("metrics").splitlines() if "unreadable_records_total{" in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if f'"{topic}"' in line)


def test_each_role_reads_them_or_gives_them_up_and_goes_on(kafka_deployment: Deployment) -> None:
    deployment, names = kafka_deployment, kafka_deployment.names
    requests, first = sent(deployment, names.requests), deployment.start()
    last = deployment.send([(1, b"7", good("7", "after"))])
    answers = deployment.answered([*requests.values(), *last])
    assert {answers[source] for source in [*requests.values(), *last]} == {1}
    rejected = {source_of(record) for record in deployment.read(names.rejections)}
    assert {name for name, source in requests.items() if source in rejected} == {
        "null key and value", "empty key and value", "batch in a value"
    }  # fmt: skip
    first.end(signal.SIGTERM)
    odd_decisions, odd_labels = sent(deployment, names.decisions), sent(deployment, names.outcomes)
    scorer, monitor = deployment.start(), deployment.start(command="monitor")
    wait_until(lambda: unreadable(monitor, names.decisions) == len(odd_decisions), "all are counted")
    wait_until(lambda: unreadable(monitor, names.outcomes) == len(odd_labels), "all labels are counted")
    assert (scorer.ready(), monitor.ready()) == (True, True)
    assert listed(deployment, "decisions").count("something else") == len(odd_decisions)
    assert len(listed(deployment, "rejections", "--json").splitlines()) == 3
    listed(deployment, "topics", "check")
