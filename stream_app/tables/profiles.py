"""Clients from a table into the client store: checked against the contract first, then stored, all or none.

A profile is what is known of a client before a request, the latest application what the client asked for last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pandas as pd

from models.contract import Contract
from models.datasets.sba import PROFILE_FEATURES, REQUEST_FEATURES, load_applications
from models.errors import TrainingDataError
from models.tables.columns import need_columns
from models.tables.read import read_table
from models.tables.table_format import AS_IT_IS, TableFormat
from stream_app.clients import open_clients
from stream_app.errors import InputFileError
from stream_app.feature_struct import feature_struct
from stream_app.tables.columns import SHOWN_ROWS, Profile, feature_objects, id_column, read_contract
from stream_app.tables.messages import Message


def load_clients(
    file: Path | None,
    store: str | Path,
    bundle: Path | None = None,
    id_name: str | None = None,
    written: TableFormat = AS_IT_IS,
) -> int:
    """Store the clients of ``file`` (None: of the shipped loan book) and give the number of clients in the store.

    Those columns that are features of the bundle's contract become the profile; of the shipped book only what is known
    of a client beforehand. The request features among the columns become the latest application, too. Of several rows
    with one id the last counts. Raises InputFileError, TrainingDataError or ClientStoreError; nothing is stored then.
    """
    contract = read_contract(bundle)
    id_name = id_name or contract.id_column
    table = read_table(file, written) if file else load_applications()
    need_columns(table, [id_name])
    known = table if file else table[[id_name, *PROFILE_FEATURES]]
    profiles = profiles_of(known, contract, id_name)
    applications = applications_of(table, contract, id_name)
    with open_clients(store, create=True) as clients:
        clients.put_many(profiles, applications)
        return clients.count()


def profile_messages(
    file: Path, bundle: Path | None = None, id_name: str | None = None, written: TableFormat = AS_IT_IS
) -> list[Message]:
    """One record for the topic of profiles a row of ``file``. Raises InputFileError or TrainingDataError."""
    contract, table = read_contract(bundle), read_table(file, written)
    id_name = id_name or contract.id_column
    need_columns(table, [id_name])
    return [Message(client_id.encode(), profile) for client_id, profile in profiles_of(table, contract, id_name)]


def profiles_of(table: pd.DataFrame, contract: Contract, id_name: str) -> list[Profile]:
    """One profile a row. Raises InputFileError naming the rows and fields that break the contract, never a value."""
    ids = id_column(table, id_name)
    encoded = [msgspec.json.encode(profile) for profile in feature_objects(table, contract)]
    if not encoded:
        raise TrainingDataError(
            "The table has no column that is a feature of the contract.",
            kept="Nothing was stored.",
            do_next=f"Give some of: {', '.join(contract.names())}.",
        )
    _check(encoded, contract)
    return list(zip(ids, encoded, strict=True))


def applications_of(table: pd.DataFrame, contract: Contract, id_name: str) -> list[Profile]:
    """One latest application a row, of those columns that are request features; none without such a column.

    The names are the shipped contract's: another one does not tell what is asked from what is known, and its profiles
    hold all of it.
    """
    asked = [name for name in REQUEST_FEATURES if name in table.columns and name in contract.names()]
    return profiles_of(table[[id_name, *asked]], contract, id_name) if asked else []


def _check(profiles: Sequence[bytes], contract: Contract) -> None:
    decode = msgspec.json.Decoder(feature_struct(contract)).decode
    faults: list[str] = []
    for row, profile in enumerate(profiles, start=1):
        try:
            decode(profile)
        except msgspec.ValidationError as fault:
            faults.append(f"  row {row}: {fault}")
    if faults:
        listed = faults[:SHOWN_ROWS] + ([f"  and {len(faults) - SHOWN_ROWS} more"] if len(faults) > SHOWN_ROWS else [])
        raise InputFileError(
            f"{len(faults)} of {len(profiles)} profiles break the contract:\n" + "\n".join(listed) + "\n",
            kept="Nothing was stored.",
            do_next="Correct these rows and load the file again.",
        )
