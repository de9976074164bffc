"""Two hundred clients of the shipped contract, and their requests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import msgspec

from tests.servers.deployment import PARTITIONS

CLIENTS = [str(i) for i in range(200)]


def profile(client_id: str) -> dict[str, Any]:
    return {"state": "CA", "naics_sector": "44", "urban_rural": "urban", "employees": int(client_id) % 50}


def good(client_id: str, request_id: str) -> bytes:
    features = {"amount_requested": 1_000 + int(client_id) * 5_000, "guaranteed_share": 0.5, "revolving_line": "Y"}
    return msgspec.json.encode(
        {"request_id": request_id, "client_id": client_id, "requested_at": "2007-05-01T00:00:00Z", "features": features}
    )


def requests(count: int, start: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
    for number, client_id in enumerate(islice(cycle(CLIENTS), count), start):
        yield int(client_id) % PARTITIONS, client_id.encode(), good(client_id, f"r{number}")
