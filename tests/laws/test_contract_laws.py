"""Laws of the one encoder."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.loans import CONTRACT

ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "income": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "children": st.none() | st.integers(-(2**53), 2**53),
            "home, kind": st.none() | st.sampled_from(["own", "rent"]) | st.text(max_size=5),
        },
    ),
    max_size=30,
)


def encoded(rows: list[dict[str, object]]) -> np.ndarray:
    return CONTRACT.encode(CONTRACT.columns_of(rows))[0]


@given(ROWS, ROWS)
def test_two_batches_encode_as_one(first: list[dict[str, object]], second: list[dict[str, object]]) -> None:
    assert np.array_equal(encoded(first + second), np.vstack([encoded(first), encoded(second)]), equal_nan=True)


@given(ROWS)
def test_a_value_is_missing_exactly_when_it_is_absent_null_or_unseen(rows: list[dict[str, object]]) -> None:
    matrix = encoded(rows)
    for row, values in zip(rows, matrix, strict=True):
        missing = [row.get("income") is None, row.get("children") is None, row.get("home, kind") not in ("own", "rent")]
        assert np.isnan(values).tolist() == missing


@given(ROWS)
def test_every_unseen_category_is_counted(rows: list[dict[str, object]]) -> None:
    _, unseen = CONTRACT.encode(CONTRACT.columns_of(rows))
    unseen_rows = [row for row in rows if row.get("home, kind") not in (None, "own", "rent")]
    assert unseen.get("home, kind", 0) == len(unseen_rows)


@given(ROWS)
def test_the_matrix_is_what_lightgbm_reads_without_a_copy(rows: list[dict[str, object]]) -> None:
    matrix = encoded(rows)
    assert matrix.flags.c_contiguous
    assert matrix.dtype == np.float64
