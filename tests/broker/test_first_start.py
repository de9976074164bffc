"""A worker's first start on a new broker, and the rebalances after it, log no warning: all of it is normal."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from stream_app.broker import Choice, start_broker
from tests.servers.deployment import Deployment, assigned
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.slow


def test_what_is_normal_is_no_warning(
    engine: Choice,
    unique_prefix: str,
    clients: Path,
    tmp_path: Path,
) -> None:
    with start_broker(engine) as broker:
        deployment = Deployment.on(broker, unique_prefix, clients, tmp_path, 2)
        try:
            first = deployment.start()
            deployment.start(command="monitor")
            second = deployment.start()
            wait_until(lambda: assigned(first) == assigned(second) == 1, "they share the partitions")
            assert second.end(signal.SIGTERM) == 0
            wait_until(lambda: assigned(first) == 2, "the first has both again")
        finally:
            for worker in deployment.workers:
                worker.process.terminate()
            logs = "".join(worker.log.read_text() for worker in deployment.workers if worker.process.wait(30) == 0)
            deployment.stop()
    loud = [line for line in logs.splitlines() if "[INFO]" not in line]
    assert loud == []
    assert "reading " in logs
    assert "[^" not in logs, "no line of Faust's services under our name"
