"""The gateway under load: 200 HTTP clients at a fixed rate; each call goes through gateway, Kafka and scorer and back.

Odd calls are ``GET /predict/{client_id}``, each for another client of the loan book; even ones are ``POST /requests``
with a full application. So every call needs the scorer, none is answered from a cache. The decision store holds other
decisions, as it does beside a monitor: the look-up of a request id has its usual cost.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.http_load import encode_call
from benchmarks.loans import request_id
from benchmarks.report import Report, Verdict
from benchmarks.store import CLOCKING, TOPIC, decisions, polls
from benchmarks.testbed import REPOSITORY, Testbed
from monitoring.decode import read_runs
from monitoring.event_time import EventClock
from monitoring.store import DecisionStore, Put
from stream_app.broker.ports import free_ports
from stream_app.clients import SQLiteClients

CLIENTS = 200
WARM_UP_SECONDS = 5
STORED = 20_000
P99_MS = 50.0
READY_SECONDS = 60.0
_JSON = "Content-Type: application/json"


@dataclass(frozen=True)
class Run:
    """``ms``: latency of each call after the warm-up, NaN without answer. ``faults``: failed calls by status."""

    ms: NDArray[np.float64]
    faults: dict[str, int]

    def percentile(self, q: float, part: slice = slice(None)) -> float:
        """The q-th percentile; an unanswered call counts as infinitely late."""
        return float(np.percentile(np.nan_to_num(self.ms[part], nan=np.inf), q, method="higher"))


def measure(testbed: Testbed, rate: int, seconds: int, rounds: int, guarantee: str) -> Report:
    """``rounds`` runs of ``seconds`` after a warm-up, on one gateway and one scorer."""
    _fill_stores(testbed)
    calls = (seconds + WARM_UP_SECONDS) * rate
    with _deployed(testbed, guarantee) as port:
        runs = [_run(port, rate, _calls(testbed, n * calls, calls)) for n in range(rounds)]
    p99 = [run.percentile(99) for run in runs]
    lost = sum(sum(run.faults.values()) for run in runs)
    figures: dict[str, object] = {
        "guarantee": guarantee,
        "clients": CLIENTS,
        "requests_per_second": rate,
        "seconds": seconds,
        "calls": calls * rounds,
        "errors_and_lost": lost,
        **{f"p{q:g}_ms": [run.percentile(q) for run in runs] for q in (50, 90, 99, 100)},
        "p99_ms_of_post": [run.percentile(99, slice(0, None, 2)) for run in runs],
        "p99_ms_of_predict": [run.percentile(99, slice(1, None, 2)) for run in runs],
        **{f"faults of round {n}": run.faults for n, run in enumerate(runs, 1) if run.faults},
    }
    verdicts = [Verdict("errors and lost replies", lost, 0, at_least=False)]
    # Tansu waits out every fetch, and transactions take their time: no promise on those.
    if testbed.engine == "kafka" and guarantee == "at_least_once":
        verdicts.append(Verdict("p99 in ms, median of the rounds", float(np.median(p99)), P99_MS, at_least=False))
    return Report("gateway", testbed.engine, figures, verdicts)


def _fill_stores(testbed: Testbed) -> None:
    with SQLiteClients(testbed.clients, create=True) as clients:
        clients.put_many([], testbed.book.applications)
    with DecisionStore.open(str(testbed.folder / "decisions.db")) as store:
        for poll in polls(TOPIC, list(decisions(STORED, testbed.folder))):
            incoming = read_runs(poll, TOPIC, {partition: EventClock() for partition in poll}, CLOCKING)
            store.put(Put(incoming.decisions, incoming.labels, incoming.offsets, CLOCKING.size))


def _calls(testbed: Testbed, first: int, count: int) -> str:
    return "".join(_call(testbed, n) for n in range(first, first + count))


def _call(testbed: Testbed, n: int) -> str:
    request = testbed.book.requests[n % len(testbed.book)]
    if n % 2:
        head = f"GET /predict/{request.client_id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        return encode_call(head, f'"client_id":"{request.client_id}"')
    named = msgspec.structs.replace(request, request_id=request_id(n))
    body = msgspec.json.encode(named).decode()
    head = f"POST /requests HTTP/1.1\r\nHost: localhost\r\n{_JSON}\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    return encode_call(head + body, f'"request_id":"{request_id(n)}"')


@contextlib.contextmanager
def _deployed(testbed: Testbed, guarantee: str) -> Iterator[int]:
    """A scorer and a gateway; yields the gateway's port once it is healthy."""
    (port,) = free_ports(1)
    settings = {
        **testbed.client_settings,
        "group": "gateway",
        "clients": str(testbed.clients),
        "store": str(testbed.folder / "decisions.db"),
        "gateway_port": str(port),
        "rate_per_minute": "0",
        "reply_seconds": "5",
        "log_level": "warning",
        "fetch_max_wait_seconds": str(testbed.fetch_wait_ms / 1000),
    }
    with testbed.worker("gateway", guarantee), testbed.child("stream_app", "gateway", **settings) as gateway:
        _wait_until_healthy(port, gateway)
        yield port


def _wait_until_healthy(port: int, gateway: subprocess.Popen[bytes]) -> None:
    """Until it reaches the broker, a scorer and the client store."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert gateway.poll() is None, f"the gateway ended with status {gateway.returncode}"
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"the gateway was not ready within {READY_SECONDS:g} s")


def _run(port: int, rate: int, calls: str) -> Run:
    """One round of calls, made by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load", str(port), str(rate), str(CLIENTS)],
        input=calls,
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    answers = json.loads(done.stdout)
    ms = np.array(answers["ms"], dtype=np.float64)[WARM_UP_SECONDS * rate :]
    return Run(ms, {status: count for status, count in answers["statuses"].items() if status != "200"})
