"""What a mapping file says of one feature, checked against that feature of the contract."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from models.contract import Feature
from stream_app.events import RejectionReason
from stream_app.mapping.numbers import UNITS, NumberReader, factors_into
from stream_app.mapping.paths import DoesNotFit, Steps, parse_path, value_at

PathText = str | list[str | int]
Constant = str | int | float | bool

MAX_ID_BITS = 512


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a feature comes from: a ``path`` or a ``constant``, and how values at the path become the feature's.

    ``missing``: values that mean there is none. ``values``: what each value becomes; others are rejected.
    ``decimal``: numbers may be text with this decimal mark. ``strip``: what may stand around such a number.
    ``unit``: of the numbers. ``contract_unit``: what the contract's numbers are in, where it does not say so.
    """

    path: PathText | UnsetType = UNSET
    constant: Constant | UnsetType = UNSET
    missing: tuple[Constant, ...] = ()
    values: dict[str, Constant] = {}
    decimal: Literal[".", ","] | None = None
    strip: tuple[str, ...] = ()
    unit: str | None = None
    contract_unit: str | None = None

    def problems(self, feature: Feature, feature_type: Any) -> Iterator[str]:
        """Contradictions within, and with the feature."""
        if (self.path is UNSET) == (self.constant is UNSET):
            yield "name one source: a path or a constant"
        if self.path is not UNSET:
            yield from path_problems(self.path)
        elif self.missing or self.values:
            yield "missing and values are for a path"
        yield from self._constant_problems(feature, feature_type)
        is_text = self.decimal or self.strip or self.unit or self.contract_unit
        if is_text and (feature.kind == "category" or self.values or self.path is UNSET):
            yield "decimal, strip, unit and contract_unit are for numbers at a path, without values"
        elif self.unit or self.contract_unit:
            yield from self._unit_problems(feature)
        if self.strip and not self.decimal:
            yield 'strip is for numbers in text: add decimal = "." or ","'

    def _constant_problems(self, feature: Feature, feature_type: Any) -> Iterator[str]:
        """Of what the file itself gives as the feature's value."""
        given = {f"value {name!r}": value for name, value in self.values.items()}
        if self.constant is not UNSET:
            given["constant"] = self.constant
        for name, value in given.items():
            try:
                msgspec.json.decode(msgspec.json.encode({feature.name: value}), type=feature_type)
            except msgspec.ValidationError as fault:
                yield f"{name}: {str(fault).partition(' - at ')[0]}"
            else:
                if feature.kind == "category" and value not in feature.categories:
                    yield f"{name}: the contract has no such category"
                if isinstance(value, float) and not math.isfinite(value):
                    yield f"{name}: it is no finite number"

    def _unit_problems(self, feature: Feature) -> Iterator[str]:
        if self.contract_unit and len(factors_into(feature.unit)) > len(factors_into("")):
            yield f"contract_unit: the contract says itself that it is {feature.unit!r}"
        elif self.contract_unit and len(factors_into(self.contract_unit)) == len(factors_into("")):
            yield "contract_unit: take a share or a time, such as share or months"
        if self.unit and self.unit not in UNITS:
            yield f"unit: there is no {self.unit!r}; take one of {', '.join(UNITS)}"
        elif self.unit and self.unit not in factors_into(self.contract_unit or feature.unit):
            known = repr(feature.unit) if feature.unit else "not stated: add contract_unit"
            yield f"unit: {self.unit} cannot become the contract's unit, which is {known}"


class FeatureReader:
    """One feature of a foreign document: ``name``, where it is, and its value in the contract's terms."""

    def __init__(self, feature: Feature, source: Source) -> None:
        self.name = feature.name
        self.steps: Steps | None = None if source.path is UNSET else parse_path(source.path)
        self._constant = source.constant
        self._missing = frozenset(map(_label, source.missing))
        self._values: dict[Any, Constant] = dict(source.values)
        factors = factors_into(source.contract_unit or feature.unit)
        is_number = feature.kind != "category"
        whole = feature.kind == "integer"
        self._number = NumberReader(factors, source.unit, source.decimal, source.strip, whole=whole)
        self._convert = self._number.read if is_number else text_of

    def read(self, document: Any) -> Any:
        """The value; None for missing, UNSET for not in the document. Raises DoesNotFit."""
        if self.steps is None:
            return self._constant
        value = value_at(document, self.steps)
        if value is None or value is UNSET:
            return value
        if self._missing and _label(value) in self._missing:
            return None
        if not self._values:
            return self._convert(value)
        mapped = self._values.get(_label(value), UNSET)
        if mapped is UNSET:
            raise DoesNotFit(RejectionReason.WRONG_TYPE, "has a value that the mapping does not name")
        return mapped


def path_problems(path: PathText) -> Iterator[str]:
    """Why it is no path."""
    try:
        parse_path(path)
    except ValueError as fault:
        yield f"path: {fault}"


def text_of(value: Any) -> str:
    """Text as it is, a whole number as its digits. Raises DoesNotFit for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise DoesNotFit(RejectionReason.WRONG_TYPE, "is neither text nor a whole number")
    if value.bit_length() > MAX_ID_BITS:
        raise DoesNotFit(RejectionReason.OUT_OF_RANGE, "is too large a number")
    return str(value)


def _label(value: Any) -> str | None:
    """A value as ``values`` and ``missing`` name it: text as it is, a number or a truth value as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2.0**53 else repr(value)
    return str(value) if isinstance(value, int) and value.bit_length() <= MAX_ID_BITS else None
