"""``faust -A ... worker`` instead of ``stream-app``: it opens no page of Faust's and logs no request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.scorer_requests import good
from tests.servers.deployment import Deployment, Worker

LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""


def listening(worker: Worker) -> list[str]:
    """Addresses the process listens on, as HOST:PORT in the kernel's hexadecimal."""
    links = (str(fd.readlink()) for fd in Path(f"/proc/{worker.process.pid}/fd").iterdir() if fd.is_symlink())
    sockets = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{worker.process.pid}/net/{table}").read_text().splitlines()[1:]:
            _, address, _, state, *rest = line.split()
            if state == LISTENS and rest[5] in sockets:
                found.append(address)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("module", ["stream_app.worker", "monitoring.worker"])
def test_fausts_own_command_listens_on_our_pages_alone_and_logs_no_record_even_at_debug(
    kafka_deployment: Deployment, module: str
) -> None:
    worker = kafka_deployment.start(program=f"faust -A {module}", command="worker -l debug")
    assert listening(worker) == [f"0100007F:{worker.port:04X}"]
    scorer = worker if module == "stream_app.worker" else kafka_deployment.start()
    [source] = kafka_deployment.send([(1, b"7", good("7", "an-id-of-a-customer"))])
    kafka_deployment.answered([source])
    log = worker.log.read_text()
    assert "an-id-of-a-customer" not in log + scorer.log.read_text()
    assert "amount_requested" not in log
