"""What decoding a request and encoding its decision cost, with and without headers, in microseconds of CPU a record.

``python -m benchmarks.decode_encode`` prints the least of many rounds; decision 0027 compares two commits with it.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Sequence
from typing import Any

from models.bundle import load_bundle, shipped_bundle
from models.contract import Contract
from stream_app.events import Decision, ModelRef, PolicyRef
from stream_app.steps.decode import Decoder
from stream_app.steps.encode import encode_decision, json_value
from tests.builders.records import Record

RECORDS, ROUNDS = 2_048, 60
HEADERS: dict[str, list[tuple[str, bytes]]] = {
    "no headers": [],
    "two headers, as the gateway's": [("reply-to", b"0" * 16), ("correlation-id", b"0" * 32)],
    "traceparent": [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
}
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def main() -> None:
    """Print the figures of each kind of headers."""
    contract = load_bundle(shipped_bundle()).contract
    for name, headers in HEADERS.items():
        decode, encode = microseconds([_record(contract, i, headers) for i in range(RECORDS)], contract)
        print(f"{name:<30} decode {decode:5.2f}   encode {encode:5.2f}")


def microseconds(records: Sequence[Record], contract: Contract) -> tuple[float, float]:
    """Of CPU a record: to decode it, and to encode its decision."""
    decoder = Decoder(contract, 65_536)
    rounds = [_round(decoder, records) for _ in range(ROUNDS)]
    return min(decode for decode, _ in rounds), min(encode for _, encode in rounds)


def _round(decoder: Decoder, records: Sequence[Record]) -> tuple[float, float]:
    started = time.process_time()
    requests: list[Any] = decoder.decode(records)
    decoded = time.process_time()
    policy, model = PolicyRef("p", 0.1, 0.2), ModelRef("m", "1", "0" * 64)
    for record, request in zip(records, requests, strict=True):
        asked = request.request_id, request.client_id, request.requested_at
        decision = Decision(*asked, NOW, "approved", 0.01, policy, model, (), request.features)
        encode_decision(record, decision, b"0" * 16, json_value)
    ended = time.process_time()
    return (decoded - started) / len(records) * 1e6, (ended - decoded) / len(records) * 1e6


def _record(contract: Contract, number: int, headers: Sequence[tuple[str, bytes]]) -> Record:
    values = {"category": "x", "integer": 1, "number": 0.5}
    features = {f.name: 100.0 if f.minimum == 100.0 else values[f.kind] for f in contract.features}
    request = {
        "request_id": f"r{number}",
        "client_id": str(number),
        "requested_at": "2026-01-01T00:00:00Z",
        "features": features,
    }
    return Record(value=json.dumps(request).encode(), key=str(number).encode(), headers=list(headers))


if __name__ == "__main__":
    main()
