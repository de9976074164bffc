"""The lesson of the shipped loan book: a programme ends, a code fades, and the crisis shows in none of the inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from models.bundle import Bundle, load_bundle, shipped_bundle
from models.datasets.sba import load_applications
from models.policy import OUTCOMES
from models.tables.columns import columns_from
from monitoring.baseline import read_reference
from monitoring.statistics.drift import Drift, Options, drift_of
from monitoring.statistics.performance import performance_of
from monitoring.statistics.reference import Reference
from stream_app.drift_events import Performance
from tests.builders.toy_windows import feature


@dataclass(frozen=True)
class Book:
    """The loans of 2005-2008, scored; ``approved_at``: their dates."""

    bundle: Bundle
    reference: Reference
    approved_at: pd.Series
    matrix: np.ndarray
    probability: np.ndarray
    defaulted: np.ndarray

    def between(self, first: str, end: str) -> np.ndarray:
        """Which loans were approved from ``first`` to before ``end``."""
        return ((self.approved_at >= first) & (self.approved_at < end)).to_numpy()

    def drift(self, rows: np.ndarray) -> Drift:
        outcomes = [OUTCOMES[position] for position in self.bundle.policy.outcomes(self.probability[rows])]
        return drift_of(self.reference, self.matrix[rows], {}, self.probability[rows], outcomes, Options())

    def performance(self, rows: np.ndarray) -> Performance:
        return performance_of("sba", self.probability[rows], self.defaulted[rows], min_rows=500)


@pytest.fixture(scope="module")
def book() -> Book:
    bundle = load_bundle(shipped_bundle())
    loans = load_applications()
    loans = loans[loans["approval_date"].dt.year.between(2005, 2008)]
    matrix, _ = bundle.contract.encode(columns_from(loans, bundle.contract))
    probability = bundle.scorer.probability_of_default(matrix)
    target = loans["defaulted_36m"].to_numpy(dtype=np.float64)
    return Book(bundle, read_reference(bundle), loans["approval_date"], matrix, probability, target)


def months(first: str, last: str) -> list[tuple[str, str]]:
    starts = pd.date_range(first, last, freq="MS")
    return [(str(start.date()), str((start + pd.DateOffset(months=1)).date())) for start in starts]


def raised(found: Drift) -> set[str]:
    return {each.feature for each in found.features if each.shift.drifted}


@pytest.mark.parametrize("month", months("2005-10-01", "2006-12-01"), ids=lambda month: month[0][:7])
def test_the_end_of_low_doc_raises_it_in_every_month_from_then_on(book: Book, month: tuple[str, str]) -> None:
    assert "low_doc" in raised(book.drift(book.between(*month)))


@pytest.mark.parametrize(
    "month", [*months("2005-10-01", "2005-10-01"), *months("2006-01-01", "2006-12-01")], ids=lambda month: month[0][:7]
)
def test_the_fading_gap_of_revolving_line_is_raised(book: Book, month: tuple[str, str]) -> None:
    assert "revolving_line" in raised(book.drift(book.between(*month)))


@pytest.mark.parametrize("month", months("2005-01-01", "2005-09-01"), ids=lambda month: month[0][:7])
def test_nothing_is_raised_before_the_programme_ends(book: Book, month: tuple[str, str]) -> None:
    assert book.drift(book.between(*month)).verdict == "stable"


def test_dropping_the_low_doc_loans_is_raised(book: Book) -> None:
    rows = book.between("2005-01-01", "2005-04-01")
    position = book.bundle.contract.names().index("low_doc")
    yes = book.bundle.contract.features[position].categories.index("Y")
    assert "low_doc" in raised(book.drift(rows & (book.matrix[:, position] != yes)))
    assert "low_doc" not in raised(book.drift(rows))


def test_late_in_2008_the_score_looks_stable_while_three_times_as_many_default_as_predicted(book: Book) -> None:
    rows = book.between("2008-07-01", "2009-01-01")
    prediction, realised = book.drift(rows).prediction, book.performance(rows).realised
    assert not prediction.shift.drifted
    assert realised is not None
    assert realised.calibration == "predicted_too_low"
    assert realised.bounds.low > 2


@pytest.mark.parametrize("month", months("2006-03-01", "2007-12-01"), ids=lambda month: month[0][:7])
def test_every_month_of_the_crisis_ends_as_predicted_too_low(book: Book, month: tuple[str, str]) -> None:
    realised = book.performance(book.between(*month)).realised
    assert realised is not None
    assert realised.calibration == "predicted_too_low"


def test_the_model_was_in_line_in_the_first_months_of_2005(book: Book) -> None:
    realised = book.performance(book.between("2005-01-01", "2005-04-01")).realised
    assert realised is not None
    assert realised.calibration == "in_line"


def test_the_missing_share_of_the_fading_code_is_told(book: Book) -> None:
    found = feature(book.drift(book.between("2007-01-01", "2008-01-01")), "revolving_line")
    assert found.missing_share < 0.25 < 0.5 < found.reference_missing_share
