"""Infers a contract from a table, for the user to edit.

The rules, column by column (id, target and date are no features):

* numbers: ``integer`` if the column's type is integer or boolean, else ``number``, even where all values are whole;
* text of numbers is numbers, unless some are written as codes are: ``007``, ``+49``, ``1e5``;
* other text: ``category`` with all its values, sorted. Left out if there are more than 100 different values, or fewer
  than 5 rows for each: such a column identifies things rather than grouping them;
* dates, and columns with one value or none, are left out;
* a column that seems to be an id, or to be known only once the loan has ended, is left out: see
  :mod:`models.training.suspects`;
* a column without missing values is ``required``: the model has never seen it missing;
* the data kind follows from the words of the name: ``sensitive`` for what :data:`SENSITIVE_WORDS` lists, ``id`` for
  :data:`ID_WORDS`, else ``personal``.

The usual range tells another unit or a misplaced decimal point from a value slightly above the largest so far; what is
beyond it is scored and counted. What is impossible the user adds as ``minimum`` and ``maximum``. See
:func:`widened_range`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from models.contract import Contract, DataKind, Feature
from models.errors import TrainingDataError
from models.tables.columns import need_columns, numbers_in, texts_in
from models.tables.dates import dates_in
from models.training.suspects import is_code, suspicion

MOST_CATEGORIES = 100
LONGEST_CATEGORY = 256
"""In characters: the longest that a request may hold."""
FEWEST_ROWS_PER_CATEGORY = 5

SENSITIVE_WORDS = frozenset({
    "age", "birth", "birthday", "citizenship", "county", "disability", "district", "ethnicity", "gender", "health",
    "marital", "nationality", "postal", "postcode", "pregnant", "race", "religion", "rural", "sex", "state", "union",
    "zip", "zipcode",
})  # fmt: skip
"""Protected by law, or standing for what is: where somebody lives may stand for origin."""
ID_WORDS = frozenset({"account", "email", "iban", "id", "ids", "name", "passport", "phone", "ssn", "surname"})


@dataclass(frozen=True)
class Asked:
    """What the user says of columns: ``keep`` them though they look suspect, take them as ``categories``."""

    keep: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


NOTHING_ASKED = Asked()


@dataclass(frozen=True)
class InferredContract:
    """A contract, and one sentence for each column that was left out."""

    contract: Contract
    notes: tuple[str, ...]


def infer_contract(
    frame: pd.DataFrame,
    *,
    name: str,
    target: str,
    id_column: str,
    date_column: str | None = None,
    asked: Asked = NOTHING_ASKED,
) -> InferredContract:
    """The contract by the rules above. ``frame``: its target is 1 for a default and 0 for a paid loan.

    Raises :class:`TrainingDataError` if a named column is missing or none fits.
    """
    roles = [column for column in (target, id_column, date_column) if column]
    need_columns(frame, [*roles, *asked.keep, *asked.categories])
    inferred = {
        column: _judged(frame[column], frame[target], asked)
        for column in map(str, frame.columns)
        if column not in roles
    }
    features = tuple(feature for feature in inferred.values() if isinstance(feature, Feature))
    left_out = {column: reason for column, reason in inferred.items() if isinstance(reason, str)}
    if not features:
        raise TrainingDataError("No column can be a feature.", do_next="Give a table with usable columns.")
    contract = Contract(
        name=name,
        schema_version=1,
        id_column=id_column,
        target=target,
        date_column=date_column,
        features=features,
    )
    notes = tuple(f"Column {column!r} is left out: {reason}." for column, reason in left_out.items())
    return InferredContract(contract, notes)


def _judged(column: pd.Series, target: pd.Series, asked: Asked) -> Feature | str:
    """The feature, or why it is none; what only looks suspect is kept where the user asked for it."""
    name = str(column.name)
    if name in asked.categories:
        return _category(column, column.dropna(), bounded=False)
    inferred = infer_feature(column)
    if isinstance(inferred, Feature) and (problems := inferred.problems()):
        return problems[0]
    if isinstance(inferred, str) or name in asked.keep:
        return inferred
    return suspicion(column, target, names_a_thing=inferred.data_kind == "id") or inferred


def infer_feature(column: pd.Series) -> Feature | str:
    """The feature that a column becomes, or the reason why it becomes none."""
    values = column.dropna()
    if values.nunique() < 2:
        return "it has one value only" if len(values) else "it is empty"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "it holds dates"
    numbers = None if is_code(column) else numbers_in(column)
    if numbers is None:
        return _category(column, values)
    if numbers.nunique() < 2:
        return "it has one value only" if numbers.notna().any() else "it is empty"
    return _number(numbers, numbers.dropna())


def widened_range(lowest: float, highest: float) -> tuple[float, float]:
    """The range to accept if the table has values from ``lowest`` to ``highest``, in their unit.

    Widened by its own width on both sides. 0 stays an end if no value was beyond it; values within 0..1 (flags, shares)
    get the range 0..1.

    >>> widened_range(20, 70), widened_range(5, 200), widened_range(0.1, 0.8), widened_range(-25, -3)
    ((0, 120), (0, 395), (0, 1), (-47, 0))
    """
    if lowest >= 0 and highest <= 1:
        return 0, 1
    width = highest - lowest
    minimum = max(0, lowest - width) if lowest >= 0 else lowest - width
    maximum = min(0, highest + width) if highest <= 0 else highest + width
    return minimum, maximum


def data_kind(name: str) -> DataKind:
    """What the words of a column's name say of it.

    >>> data_kind("applicant_age"), data_kind("phoneNumber"), data_kind("stage")
    ('sensitive', 'id', 'personal')
    """
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}
    return "sensitive" if words & SENSITIVE_WORDS else "id" if words & ID_WORDS else "personal"


def _number(column: pd.Series, values: pd.Series) -> Feature:
    minimum, maximum = widened_range(float(values.min()), float(values.max()))
    whole = pd.api.types.is_integer_dtype(column) and max(abs(minimum), abs(maximum)) <= 2**53
    return _feature(column, kind="integer" if whole else "number", usual_minimum=minimum, usual_maximum=maximum)


def _category(column: pd.Series, values: pd.Series, *, bounded: bool = True) -> Feature | str:
    categories = tuple(sorted({text for text in texts_in(values) if text is not None}))
    if bounded and len(categories) > MOST_CATEGORIES:
        return f"it is text with {len(categories)} different values{_date_hint(values)}"
    if bounded and len(values) < FEWEST_ROWS_PER_CATEGORY * len(categories):
        return f"it is text with {len(categories)} different values in {len(values)} rows{_date_hint(values)}"
    if longest := [text for text in categories if len(text) > LONGEST_CATEGORY]:
        return f"{len(longest)} of its values have more than {LONGEST_CATEGORY} characters"
    return _feature(column, kind="category", categories=categories)


def _date_hint(values: pd.Series) -> str:
    dates = dates_in(values.head(200))
    return ", which are dates" if dates.notna().all() else ""


def _feature(column: pd.Series, **fields: object) -> Feature:
    return Feature(
        name=str(column.name),
        data_kind=data_kind(str(column.name)),
        required=not column.isna().any(),
        reason_code=str(column.name).upper(),
        reason_text=f"Value of {column.name}",
        **fields,  # type: ignore[arg-type]  # the two callers above pass kind with a range or with categories
    )
