"""Foreign numbers: text, decimal marks and units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from stream_app.events import RejectionReason
from stream_app.mapping.numbers import NumberReader, factors_into
from stream_app.mapping.paths import DoesNotFit


def reader(
    contract_unit: str = "",
    unit: str | None = None,
    decimal: str | None = ".",
    *,
    strip: tuple[str, ...] = (),
    whole: bool = False,
) -> NumberReader:
    return NumberReader(factors_into(contract_unit), unit, decimal, strip, whole=whole)


@pytest.mark.parametrize(
    ("decimal", "text", "number"),
    [
        (".", "36", 36),
        (".", " 36 ", 36),
        (".", "-1.5", -1.5),
        (".", "+1.5", 1.5),
        (".", "1,234,567.5", 1_234_567.5),
        (",", "1.234.567,5", 1_234_567.5),
        (",", "1 234,5", 1234.5),
        (",", "1\u202f234\u202f567", 1_234_567),
        (".", "1'234", 1234),
        (",", "0,125", 0.125),
    ],
)
def test_text_is_a_number_in_its_decimal_mark(decimal: str, text: str, number: float) -> None:
    assert reader(decimal=decimal).read(text) == number


@pytest.mark.parametrize(
    ("decimal", "text"),
    [
        (".", ""),
        (".", "many"),
        (".", "1,23"),
        (",", "1.23"),
        (".", "1.2.3"),
        (".", "1 2"),
        (".", "1e5"),
        (".", "0x10"),
        (".", "-"),
        (".", "--1"),
        (".", "\u0661"),  # an Arabic one
        (".", "nan"),
        (".", "inf"),
        (".", "1" * 65),
        (".", "36 36"),
    ],
)
def test_other_text_is_no_number(decimal: str, text: str) -> None:
    with pytest.raises(DoesNotFit, match=r"^is no number in text$") as fault:
        reader(decimal=decimal).read(text)
    assert fault.value.reason is RejectionReason.WRONG_TYPE


@pytest.mark.parametrize(
    ("contract_unit", "unit", "value", "number"),
    [
        ("months", None, " 36 months", 36),
        ("months", None, "3 years", 36),
        ("months", "years", "3", 36),
        ("months", "years", "36 Months", 36),
        ("years in business", "months", 18, 1.5),
        ("share of the amount, 0 to 1", None, "12.5 %", 0.125),
        ("share", "percent", 7, 0.07),
        ("share", "basis_points", 25, 0.0025),
        ("percent", "share", 0.07, 7),
        ("USD", "thousands", 70.1, 70_100),
        ("USD", "hundreds", 0.57, 57),
        ("USD", "cents", 1999, 19.99),
        ("", "millions", "1.2", 1_200_000),
    ],
)
def test_units_become_the_contracts(contract_unit: str, unit: str | None, value: Any, number: float) -> None:
    assert reader(contract_unit, unit).read(value) == number


@pytest.mark.parametrize(("contract_unit", "text"), [("USD", "36 months"), ("months", "5 %"), ("", "36 months")])
def test_a_unit_that_cannot_become_the_contracts_is_no_number_of_it(contract_unit: str, text: str) -> None:
    with pytest.raises(DoesNotFit, match="names a unit that cannot become the contract's"):
        reader(contract_unit).read(text)


@pytest.mark.parametrize("value", [True, [], {}, "1"])
def test_without_a_decimal_mark_only_numbers_of_json_are_numbers(value: Any) -> None:
    with pytest.raises(DoesNotFit, match=r"^is no number$"):
        reader(decimal=None).read(value)


def test_signs_of_currencies_are_stripped() -> None:
    read = reader(strip=("$", "USD")).read
    assert [read("$ 12"), read("12 USD"), read("USD 12")] == [12, 12, 12]


@pytest.mark.parametrize(("value", "number"), [(24, 24), (24.0, 24), ("24.0", 24), (24.5, 24.5), (Decimal("24"), 24)])
def test_whole_numbers_are_ints_where_the_contract_wants_them(value: Any, number: float) -> None:
    read = reader(whole=True).read(value)
    assert (read, type(read)) == (number, type(number))


@pytest.mark.parametrize("value", [10**400, 1.7e308])
def test_a_number_beyond_floats_is_out_of_range(value: Any) -> None:
    with pytest.raises(DoesNotFit) as fault:
        reader("USD", "thousands").read(value)
    assert fault.value.reason is RejectionReason.OUT_OF_RANGE
