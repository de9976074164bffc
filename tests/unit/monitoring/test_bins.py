"""Bins taken from the reference: nothing falls between them."""

import doctest

import numpy as np
import pytest

from monitoring.statistics import bins, distance, intervals, performance, psi
from monitoring.statistics.bins import CategoryBins, NumberBins

NAN = np.nan


def test_many_distinct_numbers_are_binned_at_the_deciles_of_the_reference() -> None:
    of = NumberBins.of(np.arange(1.0, 101.0))
    assert of.edges[1:].tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


def test_each_of_ten_or_fewer_distinct_numbers_has_a_bin() -> None:
    of = NumberBins.of(np.repeat(np.arange(10.0), 3))
    assert of.counts(np.arange(10.0)).tolist() == [0, *[1] * 10, 0, 0]


def test_a_value_on_an_edge_belongs_to_the_bin_below_it() -> None:
    of = NumberBins.of(np.arange(1.0, 101.0))
    assert of.positions(np.array([10.0, 10.5, 20.0])).tolist() == [1, 2, 2]


def test_deciles_that_fall_on_one_value_are_one_bin() -> None:
    mostly_zero = np.concatenate([np.zeros(600), np.arange(1.0, 401.0)])
    of = NumberBins.of(mostly_zero)
    assert of.edges[1:].tolist() == [0, 100, 200, 300, 400]
    assert of.counts(mostly_zero).tolist() == [0, 600, 100, 100, 100, 100, 0, 0]


def test_what_lies_beyond_the_reference_has_bins_of_its_own() -> None:
    of = NumberBins.of(np.arange(1.0, 101.0))
    assert of.positions(np.array([0.0, -1e308, 101.0, 1e308])).tolist() == [0, 0, 11, 11]


def test_missing_numbers_have_the_last_bin() -> None:
    assert NumberBins.of(np.array([1.0, 2.0, NAN])).counts(np.array([NAN, 1.0, NAN])).tolist() == [0, 1, 0, 0, 2]


@pytest.mark.parametrize("reference", [np.array([]), np.array([NAN, NAN])])
def test_without_a_reference_value_numbers_are_told_from_missing_ones_only(reference: np.ndarray) -> None:
    assert NumberBins.of(reference).counts(np.array([3.0, NAN, -3.0])).tolist() == [2, 1]


def test_a_constant_tells_itself_from_anything_else() -> None:
    assert NumberBins.of(np.full(100, 7.0)).counts(np.array([6.0, 7.0, 7.0, 8.0])).tolist() == [1, 2, 1, 0]


def test_unseen_categories_are_taken_from_the_missing_where_the_encoder_put_them() -> None:
    assert CategoryBins(3).counts(np.array([2.0, NAN, NAN, NAN]), unseen=1).tolist() == [0, 0, 1, 1, 2]


def test_no_rows_give_empty_bins() -> None:
    assert CategoryBins(2).counts(np.array([])).tolist() == [0, 0, 0, 0]
    assert NumberBins.of(np.array([1.0])).counts(np.array([])).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("module", [bins, distance, intervals, performance, psi], ids=lambda m: m.__name__)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
