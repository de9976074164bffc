"""Laws of the index, the bins and the distances."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from monitoring.statistics.bins import NumberBins
from monitoring.statistics.distance import jensen_shannon, normed_wasserstein
from monitoring.statistics.psi import psi, psi_and_limit, with_rare_pooled

NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0, 2.0])
SAMPLES = st.lists(NUMBERS, min_size=1, max_size=60).map(lambda values: np.sort(np.array(values)))
WITH_GAPS = st.lists(NUMBERS | st.just(float("nan")), max_size=60).map(lambda values: np.array(values, dtype=float))
PAIRS_OF_COUNTS = st.integers(1, 12).flatmap(
    lambda bins: st.tuples(*[arrays(np.int64, bins, elements=st.integers(0, 2_000))] * 2)
)


def both_have_rows(pair: tuple[np.ndarray, np.ndarray]) -> bool:
    return bool(pair[0].sum() and pair[1].sum())


@given(PAIRS_OF_COUNTS.filter(both_have_rows))
def test_psi_is_never_negative_and_the_same_both_ways_round(pair: tuple[np.ndarray, np.ndarray]) -> None:
    before, now = pair
    assert psi(before, now) >= 0
    assert psi(before, now) == pytest.approx(psi(now, before))


@given(PAIRS_OF_COUNTS.filter(both_have_rows), st.integers(0, 9))
def test_psi_does_not_know_the_order_of_the_bins(pair: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(pair[0]))
    assert psi(pair[0][order], pair[1][order]) == pytest.approx(psi(*pair), abs=1e-12)


@given(PAIRS_OF_COUNTS.filter(both_have_rows))
def test_pooling_keeps_every_row(pair: tuple[np.ndarray, np.ndarray]) -> None:
    before, now = with_rare_pooled(*pair)
    assert (before.sum(), now.sum()) == (pair[0].sum(), pair[1].sum())


@given(PAIRS_OF_COUNTS.filter(both_have_rows))
def test_pooling_never_adds_to_the_index_of_full_bins(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assume(pair[0].all() and pair[1].all())  # a zero counts as a half, which pooling may undo or make
    assert psi(*with_rare_pooled(*pair)) <= psi(*pair) + 1e-12


@given(arrays(np.int64, 6, elements=st.integers(0, 2_000)).filter(np.any), st.integers(1, 20))
def test_a_window_with_the_shares_of_the_reference_never_drifts(counts: np.ndarray, times: int) -> None:
    index, limit = psi_and_limit(counts, counts * times, false_alarm_rate=0.001, floor=0.0)
    assert index == pytest.approx(0.0, abs=1e-12)
    assert limit > 1e-12


@given(WITH_GAPS, WITH_GAPS)
def test_every_value_falls_into_one_bin(reference: np.ndarray, values: np.ndarray) -> None:
    assert NumberBins.of(reference).counts(values).sum() == len(values)


@given(WITH_GAPS, WITH_GAPS, WITH_GAPS)
def test_the_counts_of_two_batches_add_up(reference: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    bins = NumberBins.of(reference)
    together = bins.counts(np.concatenate([first, second]))
    assert together.tolist() == (bins.counts(first) + bins.counts(second)).tolist()


@given(WITH_GAPS)
def test_nothing_of_the_reference_lies_beyond_it(reference: np.ndarray) -> None:
    assume(len(reference) and not np.isnan(reference).all())
    counts = NumberBins.of(reference).counts(reference)
    assert (counts[0], counts[-2], counts[-1]) == (0, 0, np.isnan(reference).sum())


@given(SAMPLES, SAMPLES)
def test_wasserstein_is_scipys(reference: np.ndarray, values: np.ndarray) -> None:
    expected = wasserstein_distance(reference, values)
    assert normed_wasserstein(reference, 1.0, values) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(PAIRS_OF_COUNTS.filter(both_have_rows))
def test_jensen_shannon_is_scipys(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert jensen_shannon(*pair) == pytest.approx(jensenshannon(*pair), abs=1e-7)


@given(PAIRS_OF_COUNTS.filter(both_have_rows), st.integers(0, 50), st.integers(0, 50))
def test_jensen_shannon_does_not_care_whether_the_unseen_share_a_bin(
    pair: tuple[np.ndarray, np.ndarray], first: int, second: int
) -> None:
    apart = jensen_shannon(np.append(pair[0], [0, 0]), np.append(pair[1], [first, second]))
    together = jensen_shannon(np.append(pair[0], 0), np.append(pair[1], first + second))
    assert apart == pytest.approx(together, abs=1e-7)
