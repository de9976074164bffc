"""What every verdict rests on is worked out in one place: how far a distribution moved, in limits."""

from __future__ import annotations

import msgspec
import pytest

from stream_app.drift_events import Shift


def shift(psi: float | None, psi_limit: float | None) -> Shift:
    return Shift(psi=psi, psi_limit=psi_limit, drifted=False, distance=None, distance_method="wasserstein")


@pytest.mark.parametrize(
    ("psi", "psi_limit", "ratio"),
    [
        (0.5, 0.25, 2.0),
        (0.25, 0.25, 1.0),
        (0.0, 0.25, 0.0),
        (None, 0.25, None),
        (0.5, None, None),
        (None, None, None),
        (0.5, 0.0, None),
    ],
)
def test_the_ratio_is_psi_over_its_limit_and_null_while_either_is_unknown(
    psi: float | None, psi_limit: float | None, ratio: float | None
) -> None:
    assert shift(psi, psi_limit).ratio == ratio


def test_the_ratio_is_not_published() -> None:
    assert b"ratio" not in msgspec.json.encode(shift(0.5, 0.25))
