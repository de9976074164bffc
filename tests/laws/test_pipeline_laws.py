"""Laws of the pipeline, on arbitrary input: it is total, keeps order, splits like a whole, and never favours risk."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.policy import OUTCOMES, Policy
from stream_app.steps.decide import decide
from tests.builders.records import NOW, TOY, FormulaScorer, Profiles, Record, request, toy_pipeline

PROFILES = Profiles({"c1": {"amount": 70_000.0, "home": "rent"}, "c2": {"home": "own"}})

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
other_names = st.text().filter(lambda name: name not in ("client_id", "features"))
client_ids = st.sampled_from(["c1", "c2", "stranger"])
features = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.none() | st.floats(-10, 2_000_000) | st.booleans(),
        "employees": st.none() | st.integers(-5, 2_000) | st.floats(0, 10),
        "home": st.none() | st.sampled_from(["own", "rent", "boat"]) | st.text(max_size=5),
        "unheard_of": json_values,
    },
)


@st.composite
def near_requests(draw: st.DrawFn) -> Record:
    """Requests that are good or wrong in a field or two."""
    client_id = draw(client_ids)
    value = request(client_id, features=draw(features | json_values), **draw(st.dictionaries(other_names, json_values)))
    return Record(value=value, key=draw(st.just(client_id.encode()) | st.none() | st.binary(max_size=4)))


anything = st.builds(
    Record,
    value=st.none() | st.binary(max_size=80) | json_values.map(lambda v: json.dumps(v).encode()),
    key=st.none() | st.binary(max_size=8),
    headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=2),
)
batches = st.lists(near_requests() | anything, max_size=12)


def numbered(batch: list[Record]) -> list[Record]:
    for offset, record in enumerate(batch):
        record.offset = offset
    return batch


def judge(batch: list[Record]) -> Any:
    return toy_pipeline(profiles=PROFILES).judge(batch, NOW)


@given(batches)
def test_every_record_gets_exactly_one_output_in_order_and_no_bug_is_met(batch: list[Record]) -> None:
    judged = judge(numbered(batch))
    sources = [int(dict(output.headers)["source-offset"]) for output in judged.outputs]
    assert sources == list(range(len(batch)))
    assert len(judged.verdicts) == len(batch)
    assert judged.bugs == []


@given(batches, st.data())
def test_a_batch_split_anywhere_gives_the_outputs_of_the_whole(batch: list[Record], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(batch)))
    batch = numbered(batch)
    assert judge(batch[:cut]).outputs + judge(batch[cut:]).outputs == judge(batch).outputs


@given(batches)
def test_a_rejection_keeps_the_records_key_and_value(batch: list[Record]) -> None:
    for record, output in zip(batch, judge(batch).outputs, strict=True):
        if output.rejected:
            assert (output.key, output.value) == (record.key, record.value)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=20),
    st.floats(0.5, 50, exclude_min=True),
    st.floats(0, 0.5),
)
def test_a_riskier_application_never_fares_better(
    probabilities: list[float], cost_ratio: float, review_cost: float
) -> None:
    policy = Policy.from_costs(cost_ratio, review_cost)
    ascending = np.sort(np.array(probabilities))
    matrix = np.zeros((len(ascending), len(TOY.features)))
    outcomes, _ = decide(policy, FormulaScorer(), TOY, matrix, ascending)
    severity = [OUTCOMES.index(outcome) for outcome in outcomes]
    assert severity == sorted(severity)
