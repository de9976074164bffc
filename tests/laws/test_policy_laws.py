"""Laws of the policy."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from models.policy import Policy

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=50).map(np.array)
RATIOS = st.floats(0.01, 1e6)
REVIEW_COSTS = st.floats(0, 0.99)


def policy_of(ratio: float, review_cost: float) -> Policy:
    assume(review_cost < ratio)
    return Policy.from_costs(ratio, review_cost)


@given(PROBABILITIES, RATIOS, REVIEW_COSTS)
def test_outcomes_never_get_milder_as_the_probability_rises(p: np.ndarray, ratio: float, review_cost: float) -> None:
    assert (np.diff(policy_of(ratio, review_cost).outcomes(np.sort(p))) >= 0).all()


@given(st.floats(0, 1), RATIOS, REVIEW_COSTS)
def test_approving_and_refusing_are_each_the_cheaper_by_at_least_the_review(
    p: float, ratio: float, review_cost: float
) -> None:
    outcome = policy_of(ratio, review_cost).outcomes(np.array([p]))[0]
    approving_costs_more_by = p * ratio - (1 - p)
    rounding = 1e-9 * (1 + ratio)
    if outcome == 0:
        assert approving_costs_more_by <= -review_cost + rounding
    elif outcome == 2:
        assert approving_costs_more_by >= review_cost - rounding
    else:
        assert abs(approving_costs_more_by) <= review_cost + rounding


@given(PROBABILITIES, RATIOS, RATIOS, REVIEW_COSTS)
def test_a_more_expensive_default_never_makes_an_outcome_milder(
    p: np.ndarray, a: float, b: float, review_cost: float
) -> None:
    cheap, expensive = policy_of(min(a, b), review_cost), policy_of(max(a, b), review_cost)
    assert (expensive.outcomes(p) >= cheap.outcomes(p)).all()


@given(PROBABILITIES, RATIOS, REVIEW_COSTS)
def test_a_batch_is_decided_as_its_rows_are(p: np.ndarray, ratio: float, review_cost: float) -> None:
    policy = policy_of(ratio, review_cost)
    assert policy.outcomes(p).tolist() == [int(policy.outcomes(np.array([one]))[0]) for one in p]
