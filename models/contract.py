"""The feature contract: names, kinds and ranges of the features of a loan request, in the order the model reads them.

Training and serving both encode values with :meth:`Contract.encode`; there is no second encoder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import ContractError
from models.regular_file import NotReadable, read_regular

MAX_BYTES = 16 * 1024 * 1024
"""Of a contract's text."""

_MISSING = float("nan")
_UNNAMEABLE = frozenset('"\\')
_UNSEEN = -1.0  # internal: counted, then replaced by the missing value

DataKind = Literal["id", "personal", "sensitive"]
"""What a field is under data protection. ``id``: names a person or a request; ``sensitive``: its misuse harms most, or
it may stand for what must not decide, such as origin; ``personal``: all else about a person."""

_PERSONAL: DataKind = "personal"


class Feature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One input of the model. ``unit`` is for people; ``minimum`` and ``maximum`` are inclusive, in that unit.

    Beyond these a value is impossible, and its request is rejected. Beyond ``usual_minimum`` and ``usual_maximum``,
    which are inferred from the training rows, it is an outlier: scored, and counted.

    ``required``: a request without it is rejected, not scored. ``reason_code`` and ``reason_text``: the reason given to
    the applicant if this feature raised the risk of a request that was not approved.
    """

    name: str
    kind: Literal["number", "integer", "category"]
    data_kind: DataKind = msgspec.field(default_factory=lambda: _PERSONAL)  # unlike a default, it is always written out
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    usual_minimum: float | None = None
    usual_maximum: float | None = None
    categories: tuple[str, ...] = ()
    required: bool = False
    reason_code: str = ""
    reason_text: str = ""

    def is_outlier(self, value: object) -> bool:
        """Whether a number is beyond the range of the training rows."""
        lowest, highest = self.usual_range
        return isinstance(value, int | float) and not lowest <= value <= highest

    @property
    def usual_range(self) -> tuple[float, float]:
        """The ends beyond which a value is an outlier, infinite where there is none."""
        low, high = self.usual_minimum, self.usual_maximum
        return -math.inf if low is None else low, math.inf if high is None else high

    def problems(self) -> list[str]:
        """Contradictions in this feature, one sentence each; empty if there are none."""
        problems = []
        if _UNNAMEABLE & set(self.name) or not self.name.isprintable():
            problems.append(f"feature {self.name!r} has a quote, a backslash or a control character in its name")
        if self.kind == "category" and not self.categories:
            problems.append(f"feature {self.name!r} is a category without categories")
        if self.kind != "category" and self.categories:
            problems.append(f"feature {self.name!r} has categories but is of kind {self.kind!r}")
        if self.kind == "category" and (self.minimum, self.maximum) != (None, None):
            problems.append(f"feature {self.name!r} is a category and can have no minimum or maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            problems.append(f"feature {self.name!r} has minimum {self.minimum:g} above maximum {self.maximum:g}")
        problems += [
            f"feature {self.name!r} is an integer and {bound:g} no whole number up to 2**53, as its bounds must be"
            for bound in (self.minimum, self.maximum)
            if self.kind == "integer" and bound is not None and not (abs(bound) <= 2**53 and bound.is_integer())
        ]
        problems += [f"feature {self.name!r} lists category {value!r} twice" for value in _repeated(self.categories)]
        return problems


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The features of a model in order, and the columns of a training table that hold id, target and date.

    The target is the label: 1 for a default, 0 for a paid loan.
    """

    name: str
    schema_version: int
    id_column: str
    target: str
    date_column: str | None
    features: tuple[Feature, ...]

    def encode(self, columns: Sequence[Sequence[object]]) -> tuple[NDArray[np.float64], dict[str, int]]:
        """Encode columns of values, in contract order and equally long, as the matrix the model reads.

        ``None`` is missing and becomes NaN. A category becomes its position in ``categories``; one that the contract
        does not list becomes NaN and is counted. Numbers pass unchanged: ranges are checked when a request is decoded.

        Returns the C-contiguous float64 matrix ``(rows, features)`` and the number of unseen categories by feature
        name, without the features that had none. No rows give a ``(0, features)`` matrix. Raises :class:`ContractError`
        if the number of columns or their lengths are wrong, ``ValueError`` or ``TypeError`` for a value that is not a
        number.

        >>> income = Feature(name="income", kind="number")
        >>> home = Feature(name="home", kind="category", categories=("own", "rent"))
        >>> shape = dict(name="toy", schema_version=1, id_column="id", target="bad", date_column=None)
        >>> Contract(features=(income, home), **shape).encode([[10, None, 30], ["rent", "own", "boat"]])
        (array([[10.,  1.],
               [nan,  0.],
               [30., nan]]), {'home': 1})
        """
        rows = _common_length(columns, len(self.features))
        matrix = np.empty((rows, len(self.features)), dtype=np.float64)
        unseen: dict[str, int] = {}
        for position, (feature, column) in enumerate(zip(self.features, columns, strict=True)):
            if feature.kind == "category":
                matrix[:, position], count = _encode_category(feature.categories, column)
                if count:
                    unseen[feature.name] = count
            else:
                matrix[:, position] = np.array(column, dtype=np.float64)
        return matrix, unseen

    def usual_ranges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The ends beyond which a value is an outlier, ``(features,)`` each; infinite where there is none."""
        ends = [feature.usual_range for feature in self.features]
        lowest, highest = np.array(ends, dtype=np.float64).reshape(-1, 2).T
        return lowest, highest

    def columns_of(self, rows: Sequence[Mapping[str, object]]) -> list[list[object]]:
        """Columns in contract order from rows by feature name; a feature that a row lacks is ``None``."""
        return [[row.get(feature.name) for row in rows] for feature in self.features]

    def names(self) -> tuple[str, ...]:
        """The feature names in the model's order."""
        return tuple(feature.name for feature in self.features)

    def data_kinds(self) -> dict[str, DataKind]:
        """The kind of every column of a training table that the contract names: id, features, target, date."""
        kinds: dict[str, DataKind] = {self.id_column: "id"}
        kinds |= {feature.name: feature.data_kind for feature in self.features}
        return kinds | {column: _PERSONAL for column in (self.target, self.date_column) if column}

    def category_positions(self) -> list[int]:
        """Positions of the categorical features, in the model's order."""
        return [position for position, feature in enumerate(self.features) if feature.kind == "category"]

    def problems(self) -> list[str]:
        """Contradictions in the contract, one sentence each; empty if there are none."""
        names = self.names()
        problems = [] if names else ["there are no features"]
        problems += [f"feature {name!r} is listed twice" for name in _repeated(names)]
        roles = {"target": self.target, "id_column": self.id_column, "date_column": self.date_column}
        problems += [f"the {role} {name!r} is also a feature" for role, name in roles.items() if name in names]
        problems += [f"{field} is empty" for field in ("name", "target", "id_column") if not getattr(self, field)]
        return problems + [problem for feature in self.features for problem in feature.problems()]

    @classmethod
    def read(cls, path: Path) -> Contract:
        """Read a contract from a JSON file. Raises :class:`ContractError` with every problem in it."""
        try:
            text = read_regular(path, MAX_BYTES)
        except NotReadable as fault:
            raise ContractError(f"The contract {path} {fault}.", do_next="Check the path.") from fault
        return cls.parse(text, source=str(path))

    @classmethod
    def parse(cls, text: bytes, *, source: str) -> Contract:
        """Read a contract from JSON. Raises :class:`ContractError` naming ``source`` and every problem."""
        try:
            contract = msgspec.json.decode(text, type=cls)
        except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, no contract; nested without end
            raise ContractError(f"{source} is not a contract: {error}.", do_next="Correct it and run again.") from error
        if problems := contract.problems():
            raise ContractError(
                f"The contract {source} is not sound: {'; '.join(problems)}.", do_next="Correct it and run again."
            )
        return contract

    def to_json(self) -> bytes:
        """The contract as indented JSON, to be edited by hand."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def write(self, path: Path) -> None:
        """Write the contract as indented JSON. Raises :class:`ContractError` if the file cannot be written."""
        try:
            path.write_bytes(self.to_json())
        except OSError as error:
            raise ContractError(f"Cannot write {path}: {error.strerror}.", do_next="Name another file.") from error


@lru_cache(maxsize=1024)
def _codes(categories: tuple[str, ...]) -> dict[object, float]:
    """Code by category: its position, NaN for missing."""
    return {None: _MISSING, **{category: float(position) for position, category in enumerate(categories)}}


def _encode_category(categories: tuple[str, ...], column: Sequence[object]) -> tuple[NDArray[np.float64], int]:
    code_of = _codes(categories).get
    codes = [code_of(value, _UNSEEN) for value in column]
    encoded = np.array(codes, dtype=np.float64)
    if unseen := codes.count(_UNSEEN):
        encoded[encoded == _UNSEEN] = _MISSING
    return encoded, unseen


def _common_length(columns: Sequence[Sequence[object]], expected: int) -> int:
    lengths = {len(column) for column in columns}
    if len(columns) != expected or len(lengths) > 1:
        raise ContractError(
            f"{expected} columns of one length are needed, got {len(columns)} of {sorted(lengths)}.",
            do_next="Give one column for each feature of the contract.",
        )
    return lengths.pop() if lengths else 0


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
