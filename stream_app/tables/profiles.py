"""Clients from a table into the client store: checked against the contract first, then stored, all or none.

A profile is what is known of a client before a request, the latest application what the client asked for last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from stream_app.events import MAX_CLIENT_ID
from stream_app.feature_struct import feature_struct
from stream_app.tables.columns import SHOWN_ROWS, Profile, feature_objects, id_column, read_contract, text_column
from stream_app.tables.messages import Message


def load_clients(
    file: Path | None,
    store: str | Path,
    bundle: Path | None = None,
    id_name: str | None = None,
    written: TableFormat = AS_IT_IS,
    report: Callable[[str], None] | None = None,
) -> int:
    """Store the clients of ``file`` (None: of the shipped loan book) and give the number of clients in the store.

    Those columns that are features of the bundle's contract become the profile; of the shipped book only what is known
    of a client beforehand. The request features among the columns become the latest application, too. Of several rows
    with one id the last counts. ``report`` takes what is wrong with bad rows, which are left out; without it they raise
    InputFileError, and nothing is stored. Raises TrainingDataError or ClientStoreError, too.
    """
    contract = read_contract(bundle)
    id_name = id_name or contract.id_column
    table = read_table(file, written) if file else load_applications()
    need_columns(table, [id_name])
    known = table if file else table[[id_name, *PROFILE_FEATURES]]
    if report:
        sound = _sound_rows(table, contract, id_name, report)
        table, known = table[sound], known[sound]
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


def _sound_rows(table: pd.DataFrame, contract: Contract, id_name: str, report: Callable[[str], None]) -> list[bool]:
    """Which rows can be stored; what is wrong with the others is reported, the first of them row by row."""
    faults = _faults([msgspec.json.encode(profile) for profile in feature_objects(table, contract)], contract)
    for row, client_id in enumerate(text_column(table, id_name), start=1):
        if not 0 < len(client_id or "") <= MAX_CLIENT_ID:
            faults[row] = f"{id_name!r} is empty or longer than {MAX_CLIENT_ID} characters"
    if faults:
        report(f"{len(faults)} of {len(table)} rows are left out:\n" + _listed(faults))
    return [row not in faults for row in range(1, len(table) + 1)]


def _check(profiles: Sequence[bytes], contract: Contract) -> None:
    if faults := _faults(profiles, contract):
        raise InputFileError(
            f"{len(faults)} of {len(profiles)} profiles break the contract:\n" + _listed(faults) + "\n",
            kept="Nothing was stored.",
            do_next="Correct these rows and load the file again.",
        )


def _faults(profiles: Sequence[bytes], contract: Contract) -> dict[int, str]:
    """What is wrong, by row; the first is 1."""
    decode = msgspec.json.Decoder(feature_struct(contract)).decode
    faults: dict[int, str] = {}
    for row, profile in enumerate(profiles, start=1):
        try:
            decode(profile)
        except msgspec.ValidationError as fault:
            faults[row] = str(fault)
    return faults


def _listed(faults: dict[int, str]) -> str:
    lines = [f"  row {row}: {fault}" for row, fault in sorted(faults.items())[:SHOWN_ROWS]]
    more = [f"  and {len(faults) - SHOWN_ROWS} more"] if len(faults) > SHOWN_ROWS else []
    return "\n".join(lines + more)
