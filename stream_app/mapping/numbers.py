"""Foreign numbers: text such as `` 36 months`` or ``12,5 %``, and units.

The arithmetic is decimal, so that ``0.57`` hundreds are 57 and not 56.99999999999999.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stream_app.events import RejectionReason
from stream_app.mapping.paths import DoesNotFit

MAX_TEXT = 64

SCALES = {"units": "1", "hundreds": "100", "thousands": "1000", "millions": "1000000", "cents": "0.01"}
"""Units that fit every number: how many of the contract's unit one of them is."""

_SHARES = {"share": "1", "ratio": "1", "fraction": "1", "percent": "0.01", "basis_points": "0.0001"}
_TIMES = {"months": "1", "quarters": "3", "years": "12"}

UNITS = (*SCALES, *_SHARES, *_TIMES)

_WORDS = {
    "%": "percent",
    "bps": "basis_points",
    "month": "months",
    "mo": "months",
    "mos": "months",
    "year": "years",
    "yr": "years",
    "yrs": "years",
    "thousand": "thousands",
    "million": "millions",
}
"""How texts write a unit, beside its own name."""

_SPACES = " \u00a0\u202f'\u2019"


def factors_into(contract_unit: str) -> dict[str, Decimal]:
    """By unit, what its values are multiplied with to be in the contract's; only units for which that makes sense.

    The contract's unit is prose for people: its first word counts, as in ``share of the amount, 0 to 1``.

    >>> factors_into("months")["years"], "percent" in factors_into("USD")
    (Decimal('12'), False)
    """
    first = re.split(r"[^a-z_]", contract_unit.lower(), maxsplit=1)[0]
    factors = {unit: Decimal(factor) for unit, factor in SCALES.items()}
    for kind in (_SHARES, _TIMES):
        if first in kind:
            factors |= {unit: Decimal(factor) / Decimal(kind[first]) for unit, factor in kind.items()}
    return factors


class NumberReader:
    """Reads numbers of one source: of JSON, and of text if there is a ``decimal`` mark (``.`` or ``,``).

    ``unit``: of numbers that name none, None for the contract's own. ``strip``: what may stand around a number.
    """

    def __init__(
        self,
        factors: Mapping[str, Decimal],
        unit: str | None,
        decimal: str | None,
        strip: tuple[str, ...],
        *,
        whole: bool,
    ) -> None:
        self._factor = factors[unit] if unit else Decimal(1)
        self._factor_of = {name: factors[name] for name in factors} | {
            word: factors[name] for word, name in _WORDS.items() if name in factors
        }
        self._text = _pattern(decimal) if decimal else None
        self._decimal, self._strip, self._whole = decimal, strip, whole

    def read(self, value: Any) -> int | float:
        """The number in the contract's unit. Raises DoesNotFit."""
        if isinstance(value, str) and self._text:
            number, factor = self._of_text(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise DoesNotFit(RejectionReason.WRONG_TYPE, "is no number")
        else:
            number, factor = Decimal(repr(value)) if isinstance(value, float) else Decimal(value), self._factor
        return self._finished(number * factor)

    def _of_text(self, text: str) -> tuple[Decimal, Decimal]:
        match = self._text.fullmatch(self._stripped(text)) if self._text and len(text) <= MAX_TEXT else None
        if match is None:
            raise DoesNotFit(RejectionReason.WRONG_TYPE, "is no number in text")
        digits = re.sub(rf"[{_SPACES}.,]", "", match["whole"])
        number = Decimal(f"{match['sign']}{digits}.{match['fraction'] or '0'}")
        if not match["word"]:
            return number, self._factor
        factor = self._factor_of.get(match["word"].lower())
        if factor is None:
            raise DoesNotFit(RejectionReason.WRONG_TYPE, "names a unit that cannot become the contract's")
        return number, factor

    def _stripped(self, text: str) -> str:
        text = text.strip()
        for around in self._strip:
            text = text.removeprefix(around).removesuffix(around).strip()
        return text

    def _finished(self, number: Decimal) -> int | float:
        as_float = float(number)
        if not math.isfinite(as_float):
            raise DoesNotFit(RejectionReason.OUT_OF_RANGE, "is too large a number")
        is_whole = self._whole and abs(as_float) < 2.0**63 and number == number.to_integral_value()
        return int(number) if is_whole else as_float


def _pattern(decimal: str) -> re.Pattern[str]:
    """A number with this decimal mark; thousands may be set apart by the other mark, a space or an apostrophe."""
    apart = rf"[{_SPACES}{'.' if decimal == ',' else ','}]"
    whole = rf"[0-9]{{1,3}}(?:{apart}[0-9]{{3}})+|[0-9]+"
    return re.compile(
        rf"(?P<sign>[+-]?)(?P<whole>{whole})(?:{re.escape(decimal)}(?P<fraction>[0-9]+))?\s*(?P<word>[^\d\s]\D*)?"
    )
