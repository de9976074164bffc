"""Ids as a store keeps them: as they came, or, with a key, as pseudonyms that only who has the key can make again."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import msgspec
import sqlalchemy as sa

from monitoring.store.meta import Facts, write_fact
from monitoring.store.rows import DecisionRow, LabelRow, Put
from monitoring.store.tables import contradictions, decisions, erasures, labels
from stream_app.errors import SettingsError, StoreError

LEAST_KEY_BYTES = 32

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def keyed_hash(key: bytes, domain: str, text: str) -> str:
    """The first 128 bits of HMAC-SHA256 over domain, NUL and text, as 32 hex digits. The same text in another domain
    has another hash, so that a request id and a client id that are equal cannot be seen to be.
    """
    return hmac.digest(key, f"{domain}\0{text}".encode(errors="surrogatepass"), "sha256")[:16].hex()


@dataclass(frozen=True)
class Ids:
    """How a store's client and request ids follow from the producers'. ``key``: None keeps them as they are."""

    key: bytes | None = None

    @classmethod
    def read(cls, key_file: Path | None) -> Self:
        """With the key in this file, white space at its ends aside. Raises SettingsError."""
        if key_file is None:
            return cls()
        try:
            key = key_file.read_bytes().strip()
        except OSError as fault:
            raise _unusable(key_file, f"it cannot be read ({fault.strerror})") from fault
        if len(key) < LEAST_KEY_BYTES:
            raise _unusable(key_file, f"it holds {len(key)} bytes, and {LEAST_KEY_BYTES} at least are needed")
        return cls(key)

    @property
    def check(self) -> str:
        """Tells one key from another without giving it away; empty without a key."""
        return keyed_hash(self.key, "check", "") if self.key else ""

    def client(self, client_id: str) -> str:
        """The client id as the store has it."""
        return keyed_hash(self.key, "client", client_id) if self.key else client_id

    def request(self, request_id: str) -> str:
        """The request id as the store has it."""
        return keyed_hash(self.key, "request", request_id) if self.key else request_id

    def stored(self, given: Put) -> Put:
        """The same rows with the ids that the store has."""
        if self.key is None:
            return given
        return replace(given, decisions=[*map(self.decision, given.decisions)], labels=[*map(self.label, given.labels)])

    def decision(self, row: DecisionRow) -> DecisionRow:
        """With the store's ids in its columns and in its record."""
        request_id, client_id = self.request(row.request_id), self.client(row.client_id)
        record = named(row.record.encode(), request_id=request_id, client_id=client_id).decode()
        return row._replace(request_id=request_id, client_id=client_id, record=record)

    def label(self, row: LabelRow) -> LabelRow:
        """With the store's ids."""
        return row._replace(request_id=self.request(row.request_id), client_id=self.client(row.client_id))

    def with_request(self, record: bytes, request_id: str) -> bytes:
        """A stored decision with the id that its request came with."""
        return record if self.key is None else named(record, request_id=request_id)

    def with_client(self, record: bytes, client_id: str) -> bytes:
        """A stored decision of this client with the id as it came; another client's as it is stored."""
        if self.key is None or bytes(_fields(record)["client_id"]) != _encode(self.client(client_id)):
            return record
        return named(record, client_id=client_id)


def named(record: bytes, **ids: str) -> bytes:
    """A decision's JSON with these ids in place of its own; all else stays as it was written."""
    return _encode(_fields(record) | {name: msgspec.Raw(_encode(value)) for name, value in ids.items()})


def claim_ids(db: sa.Connection, facts: Facts, ids: Ids) -> None:
    """Note how the store's ids are made, before its first one. Raises as :func:`check_ids` does."""
    if facts.ids_check != ids.check:
        check_ids(db, facts, ids)
        write_fact(db, "ids_check", ids.check)


def check_ids(db: sa.Connection, facts: Facts, ids: Ids) -> None:
    """Raises StoreError when the store has ids that were made in another way: no store has both."""
    if facts.ids_check == ids.check or not _holds_ids(db, facts):
        return
    what, do_next = (
        "holds ids as they came, and a pseudonym key is set",
        ("Stop the monitor and run `stream-app person pseudonymise`, or name a new store: it reads the topics anew."),
    )
    if facts.ids_check:
        what = f"holds pseudonyms, and {'another' if ids.key else 'no'} pseudonym key is set"
        do_next = "Name the file of the key it was made with by STREAM_APP_PSEUDONYM_KEY_FILE."
    raise StoreError(f"The decision store {what}.", kept="It was left as it was.", do_next=do_next)


def _holds_ids(db: sa.Connection, facts: Facts) -> bool:
    tables = [decisions, labels, contradictions, *([erasures] if facts.ids_check else [])]
    return any(db.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() for table in tables)


def _unusable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"The pseudonym key {path} is not usable: {why}.",
        kept="Nothing was started.",
        do_next="Make one, and keep a copy elsewhere: (umask 077; openssl rand -hex 32 > FILE). "
        "STREAM_APP_PSEUDONYM_KEY_FILE names it.",
    )
