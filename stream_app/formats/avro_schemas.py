"""Avro schemas of requests, decisions and outcomes, made from the record types and the feature contract.

A text is a ``string`` (names of outcomes too: an enum could not grow), a time a ``long`` of ``timestamp-micros``, a
whole number a ``long``, any other a ``double``. What may be missing is a union with null whose default is null, so that
features and fields can be added and removed while old and new records are both read.

A feature's name that is no Avro name is written with underscores, and stands as it is in the property ``feature``.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect

from models.contract import Contract
from stream_app.events import Decision, Label, LoanRequest
from stream_app.feature_struct import feature_struct

Schema = dict[str, Any]

NAMESPACE = "loan.stream"
FEATURE = "feature"
"""The property of a field that holds the name of its feature in the contract."""
FROM_PROFILE = "features_from_profile"
"""A field of requests: the features that this one does not state. JSON leaves them out, which a record cannot."""

_PLAIN: dict[type[inspect.Type], Any] = {
    inspect.StrType: "string",
    inspect.LiteralType: "string",
    inspect.BoolType: "boolean",
    inspect.IntType: "long",
    inspect.FloatType: "double",
    inspect.NoneType: "null",
    inspect.DateTimeType: {"type": "long", "logicalType": "timestamp-micros"},
}


def request_schema(contract: Contract) -> Schema:
    """Of loan requests under this contract, each feature optional."""
    schema = _record(inspect.type_info(LoanRequest[feature_struct(contract)]))  # type: ignore[misc]  # made at run time
    doc = "Names of features that come from the client's profile; what `features` says of them does not count."
    names = {"name": FROM_PROFILE, "type": {"type": "array", "items": "string"}, "default": [], "doc": doc}
    return schema | {"fields": [*schema["fields"], names]}


def decision_schema(contract: Contract) -> Schema:
    """Of decisions on requests under this contract."""
    return _record(inspect.type_info(Decision[feature_struct(contract)]))  # type: ignore[misc]


def outcome_schema() -> Schema:
    """Of labels, the records of the outcome topic."""
    return _record(inspect.type_info(Label))


def avro_names(names: tuple[str, ...]) -> list[str]:
    """Each name with underscores for what Avro does not allow in one, numbered where two would be the same.

    >>> avro_names(("home", "loan amount", "loan-amount", "2nd"))
    ['home', 'loan_amount', 'loan_amount_2', '_2nd']
    """
    made: list[str] = []
    for name in names:
        plain = re.sub(r"^(?=[0-9])", "_", re.sub(r"[^A-Za-z0-9_]", "_", name))
        taken = {*made, *names} - {name}
        numbered = (f"{plain}_{number}" for number in range(2, len(names) + 3))
        made.append(plain if plain not in taken else next(text for text in numbered if text not in taken))
    return made


def _record(kind: Any) -> Schema:
    names = [field.encode_name for field in kind.fields]
    fields = [_field(field, name) for field, name in zip(kind.fields, avro_names(tuple(names)), strict=True)]
    name = "Outcome" if kind.cls is Label else kind.cls.__name__
    return {"type": "record", "name": name, "namespace": NAMESPACE, "fields": fields}


def _field(field: inspect.Field, name: str) -> Schema:
    made: Schema = {"name": name, "type": _type(field.type)}
    if not field.required and not isinstance(made["type"], list):
        made["type"] = ["null", made["type"]]
    if isinstance(made["type"], list):
        made["default"] = None
    if field.encode_name != name:
        made[FEATURE] = field.encode_name
    if isinstance(field.type, inspect.Metadata) and (doc := (field.type.extra_json_schema or {}).get("description")):
        made["doc"] = doc
    return made


def _type(kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.Metadata):
        return _type(kind.type)
    if isinstance(kind, inspect.StructType):
        return _record(kind)
    if isinstance(kind, inspect.VarTupleType):
        return {"type": "array", "items": _type(kind.item_type)}
    if isinstance(kind, inspect.UnionType):
        branches = [_type(branch) for branch in kind.types if not isinstance(branch, inspect.NoneType)]
        return ["null", branches[0]]  # of a whole number's two the first: JSON writes it as 24 or as 24.0
    return _PLAIN[type(kind)]
