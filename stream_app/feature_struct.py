"""The ``features`` object of a request, as the contract of a bundle has it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from models.contract import Contract, Feature


def feature_struct(contract: Contract) -> type[Any]:
    """The ``features`` object of this contract as a struct type: one optional, nullable, range-checked field a feature.

    Field order is the contract's. The attribute names are positional (``f0``, ``f1``...), so that any column name can
    be a feature; the JSON names are the contract's own.
    """
    fields = [(f"f{i}", _field_type(feature), UNSET) for i, feature in enumerate(contract.features)]
    rename = {f"f{i}": feature.name for i, feature in enumerate(contract.features)}
    return msgspec.defstruct("Features", fields, rename=rename, frozen=True, forbid_unknown_fields=True, gc=False)


def _field_type(feature: Feature) -> Any:
    if feature.kind == "category":
        return Annotated[str, Meta(max_length=256)] | None | UnsetType
    low, high = feature.minimum, feature.maximum
    unit = {"x-unit": feature.unit} if feature.unit else None
    if feature.kind == "integer":
        # 24 and 24.0 are the same number of employees; tools that know one number type send the latter.
        # Beyond 2**53 the model's floats no longer tell one whole number from the next.
        low = -(2.0**53) if low is None else low
        high = 2.0**53 if high is None else high
        integer = Meta(ge=int(low), le=int(high), extra_json_schema=unit)
        same = Meta(ge=low, le=high, multiple_of=1, extra_json_schema=unit)
        return Annotated[int, integer] | Annotated[float, same] | None | UnsetType
    return Annotated[float, Meta(ge=low, le=high, extra_json_schema=unit)] | None | UnsetType
