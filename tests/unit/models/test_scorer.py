"""From a matrix to probabilities and contributions."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import ScoringError
from models.scorer import FEW_ROWS, Calibration, LightGBMScorer
from models.training.fit import fit_trees, lightgbm_parameters
from models.training.rows import LabelledRows, labelled_rows
from tests.builders.loans import CONTRACT, PLAN, loans


@pytest.fixture(scope="module")
def rows() -> LabelledRows:
    return labelled_rows(loans(), CONTRACT)[0]


@pytest.fixture(scope="module")
def scorer(rows: LabelledRows) -> LightGBMScorer:
    text = fit_trees(rows, CONTRACT, lightgbm_parameters(PLAN.size, seed=1, threads=1))
    return LightGBMScorer.from_text(text, Calibration())


def test_the_lower_the_income_the_higher_the_probability_of_default(scorer: LightGBMScorer) -> None:
    poor, rich = scorer.probability_of_default(np.array([[12_000.0, 1, 0], [95_000.0, 1, 0]]))
    assert poor > rich


def test_contributions_add_up_to_the_log_odds(scorer: LightGBMScorer, rows: LabelledRows) -> None:
    probability = scorer.probability_of_default(rows.matrix)
    log_odds = np.log(probability / (1 - probability))
    rest = log_odds - scorer.contributions(rows.matrix).sum(axis=1)
    assert rest == pytest.approx(np.full(len(rows), rest[0]))


def test_a_positive_contribution_raises_the_risk(scorer: LightGBMScorer) -> None:
    poor, rich = scorer.contributions(np.array([[12_000.0, 1, 0], [95_000.0, 1, 0]]))
    assert poor[0] > 0 > rich[0]


def test_the_thread_count_does_not_change_a_probability(scorer: LightGBMScorer, rows: LabelledRows) -> None:
    two_threads = replace(scorer, threads=2)
    assert np.array_equal(scorer.probability_of_default(rows.matrix), two_threads.probability_of_default(rows.matrix))


@pytest.mark.parametrize("rows_at_once", [1, 2, FEW_ROWS])
def test_a_few_rows_get_the_very_values_they_get_among_many(
    scorer: LightGBMScorer, rows: LabelledRows, rows_at_once: int
) -> None:
    many = np.vstack([rows.matrix[: 8 * FEW_ROWS], np.full((FEW_ROWS, 3), np.nan)])
    few = [many[start : start + rows_at_once] for start in range(0, len(many), rows_at_once)]
    probabilities = np.concatenate([scorer.probability_of_default(rows_of_call) for rows_of_call in few])
    contributions = np.concatenate([scorer.contributions(rows_of_call) for rows_of_call in few])
    assert np.array_equal(probabilities, scorer.probability_of_default(many))
    assert np.array_equal(contributions, scorer.contributions(many))


def test_a_few_rows_need_not_lie_in_one_piece(scorer: LightGBMScorer, rows: LabelledRows) -> None:
    columnwise = np.asfortranarray(rows.matrix[:3])
    assert np.array_equal(scorer.contributions(columnwise), scorer.contributions(rows.matrix[:3]))


def test_no_rows_give_no_probabilities_and_no_contributions(scorer: LightGBMScorer) -> None:
    assert scorer.probability_of_default(np.empty((0, 3))).shape == (0,)
    assert scorer.contributions(np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("shape", [(2, 2), (2, 4), (3,)])
def test_a_matrix_of_another_width_is_refused(scorer: LightGBMScorer, shape: tuple[int, ...]) -> None:
    with pytest.raises(ScoringError, match="reads 3 features"):
        scorer.probability_of_default(np.zeros(shape))


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_not_passed_on(scorer: LightGBMScorer, rows: LabelledRows, bad: float) -> None:
    class Broken(Calibration, frozen=True):
        def apply(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.full(len(probability), bad)

    broken = replace(scorer, calibration=Broken())
    with pytest.raises(ScoringError, match="no probability"):
        broken.probability_of_default(rows.matrix[:2])
