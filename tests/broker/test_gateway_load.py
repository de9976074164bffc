"""The gateway with as many callers at once as it is promised for. What it takes them is measured in ``benchmarks``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.http_load import encode_call
from stream_app.broker.ports import free_ports
from stream_app.clients import SQLiteClients
from tests.builders.gateway import APPLICATION, PROFILE
from tests.servers.deployment import Deployment
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CALLERS, A_SECOND, SECONDS = 200, 300, 5


@pytest.fixture
def deployment(kafka_broker: Any, unique_prefix: str, tmp_path: Path) -> Any:
    clients = tmp_path / "clients.db"
    profile, application = json.dumps(PROFILE).encode(), json.dumps(APPLICATION).encode()
    names = [str(n) for n in range(CALLERS)]
    with SQLiteClients(clients, create=True) as store:
        store.put_many([(client, profile) for client in names], [(client, application) for client in names])
    deployed = Deployment.on(kafka_broker, unique_prefix, clients, tmp_path)
    yield deployed
    deployed.stop()


def call(n: int) -> str:
    """The n-th: a client's application, or a request with an id of its own."""
    client_id = str(n % CALLERS)
    if n < CALLERS:
        return encode_call(
            f"GET /predict/{client_id} HTTP/1.1\r\nHost: localhost\r\n\r\n", f'"client_id":"{client_id}"'
        )
    request = {"request_id": f"r{n}", "client_id": client_id, "requested_at": "2007-05-01T00:00:00Z"}
    body = json.dumps({**request, "features": {"amount_requested": 70_000 + n, "guaranteed_share": 0.5}})
    head = "POST /requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return encode_call(f"{head}Content-Length: {len(body)}\r\n\r\n{body}", f'"request_id":"r{n}"')


def test_of_200_callers_at_once_each_gets_its_own_answer_to_every_call(deployment: Deployment) -> None:
    deployment.start()
    [port] = free_ports(1)
    gateway = deployment.start(
        command="gateway", gateway_port=port, web_port=port, reply_seconds=10, rate_per_minute=0, ready=False
    )
    gateway.port = port
    wait_until(gateway.ready, "the gateway is ready")
    calls = A_SECOND * SECONDS
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load", str(port), str(A_SECOND), str(CALLERS)],
        input="".join(map(call, range(calls))),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["statuses"] == {"200": calls}
    assert len(deployment.read(deployment.names.decisions)) == calls
