"""The idiomatic Faust agent: a Record, a data frame of one row, ``predict``, ``await topic.send``.

It does less than the product: no range checks, no reasons, no features in the answer, and it does not wait for a
delivery. Its profile lookup and its category codes are plain dictionary work, the fastest form that reads naturally.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import Any

import faust
import lightgbm
import numpy as np
import pandas as pd

from benchmarks.contestants.harness import Options
from models.bundle import load_bundle, shipped_bundle
from models.policy import OUTCOMES

options = Options.parse()
bundle = load_bundle(shipped_bundle())
booster = lightgbm.Booster(model_file=str(bundle.path / "model.txt"))
calibrate = bundle.manifest.calibration.apply
clients = sqlite3.connect(options.clients)
FEATURES = bundle.contract.names()
CODES = {
    feature.name: {category: code for code, category in enumerate(feature.categories)}
    for feature in bundle.contract.features
    if feature.kind == "category"
}


class LoanRequest(faust.Record, serializer="json"):
    request_id: str
    client_id: str
    requested_at: str
    features: dict[str, Any]


class Decision(faust.Record, serializer="json"):
    request_id: str
    client_id: str
    requested_at: str
    decided_at: str
    outcome: str
    probability_of_default: float


app = faust.App(
    options.group,
    broker=f"kafka://{options.kafka}",
    store="memory://",
    web_enabled=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
)
requests_topic = app.topic(options.requests, key_type=str, value_type=LoanRequest)
decisions_topic = app.topic(options.decisions, key_type=str, value_type=Decision)


def row_of(request: LoanRequest) -> pd.DataFrame:
    """One row in the model's order: the stored profile, completed by the request."""
    profile = clients.execute("SELECT profile FROM clients WHERE client_id = ?", (request.client_id,)).fetchone()
    values = {**json.loads(profile[0]), **request.features}
    for name, codes in CODES.items():
        values[name] = codes.get(values[name])
    return pd.DataFrame([values], columns=FEATURES, dtype="float64")


@app.agent(requests_topic)
async def decide(requests: Any) -> None:
    async for request in requests:
        probability = calibrate(np.asarray(booster.predict(row_of(request), num_threads=1)))
        decision = Decision(
            request_id=request.request_id,
            client_id=request.client_id,
            requested_at=request.requested_at,
            decided_at=dt.datetime.now(dt.UTC).isoformat(),
            outcome=OUTCOMES[bundle.policy.outcomes(probability)[0]],
            probability_of_default=float(probability[0]),
        )
        await decisions_topic.send(key=request.client_id, value=decision)


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARNING", quiet=True, redirect_stdouts=False).execute_from_commandline()
