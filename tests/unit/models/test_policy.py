"""Cut-offs from costs."""

import numpy as np
import pytest

from models.errors import ModelError
from models.policy import OUTCOMES, Policy


def test_a_default_that_costs_ten_good_loans_puts_the_cut_off_near_a_tenth() -> None:
    policy = Policy.from_costs(cost_ratio=10.0, review_cost=0.25)
    assert (policy.review_at, policy.refuse_at) == pytest.approx((0.75 / 11, 1.25 / 11))


def test_a_free_review_cost_leaves_one_cut_off_and_no_review() -> None:
    policy = Policy.from_costs(cost_ratio=10.0, review_cost=0.0)
    assert policy.review_at == policy.refuse_at == pytest.approx(1 / 11)


@pytest.mark.parametrize(
    ("probability", "outcome"),
    [
        (0.0, "approved"),
        (0.0499, "approved"),
        (0.05, "review"),
        (0.1499, "review"),
        (0.15, "refused"),
        (1.0, "refused"),
    ],
)
def test_a_higher_probability_of_default_is_riskier_and_a_threshold_belongs_to_its_band(
    probability: float, outcome: str
) -> None:
    policy = Policy(id="t", cost_ratio=9.0, review_cost=0.5, review_at=0.05, refuse_at=0.15)
    assert OUTCOMES[policy.outcomes(np.array([probability]))[0]] == outcome


@pytest.mark.parametrize(
    ("cost_ratio", "review_cost"), [(0, 0.25), (-1, 0), (10, 1), (10, -0.1), (0.2, 0.25), (float("inf"), 0.25)]
)
def test_costs_that_give_no_policy_are_refused(cost_ratio: float, review_cost: float) -> None:
    with pytest.raises(ModelError, match="No policy follows"):
        Policy.from_costs(cost_ratio, review_cost)


def test_the_id_names_the_costs() -> None:
    assert Policy.from_costs(12.5, 0.1).id == "cost-12.5-review-0.1"
