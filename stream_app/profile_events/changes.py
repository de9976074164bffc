"""Records of the topic of profiles to changes of a client store. Pure.

The key is the client id, the value all that is known of the client as a JSON object of features, and a null deletes the
client. Request features in it are the latest application as well, as with `stream-app clients load`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from models.contract import Contract
from models.datasets.sba import REQUEST_FEATURES
from stream_app.clients.store import ProfileChanges
from stream_app.events import MAX_CLIENT_ID, RawRecord, Unreadable
from stream_app.feature_struct import feature_struct
from stream_app.steps.faults import UNDECODABLE

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Fault(enum.StrEnum):
    """Why a record changes nothing: a closed set, which labels a metric."""

    UNREADABLE = "unreadable"
    BAD_KEY = "bad_key"
    BAD_PROFILE = "bad_profile"


class BadRecord(NamedTuple):
    """A record that changes nothing; what the store had of the client stays."""

    partition: int
    offset: int
    fault: Fault


class ProfileDecoder:
    """Decodes records under one contract: same records, same changes."""

    def __init__(self, contract: Contract) -> None:
        self._check: Any = msgspec.json.Decoder(feature_struct(contract)).decode
        self._asked = [name for name in REQUEST_FEATURES if name in contract.names()]

    def changes(self, records: Iterable[RawRecord]) -> tuple[ProfileChanges, list[BadRecord]]:
        """What the records of one fetch change, the last one of a client counting, and those that change nothing."""
        newest: dict[str, tuple[bytes, bytes | None] | None] = {}
        bad = []
        for record in records:
            change = self._change(record)
            if isinstance(change, Fault):
                bad.append(BadRecord(record.partition, record.offset, change))
            else:
                newest[change[0]] = change[1]
        known = {client_id: stored for client_id, stored in newest.items() if stored is not None}
        changes = ProfileChanges(
            profiles={client_id: profile for client_id, (profile, _) in known.items()},
            applications={client_id: asked for client_id, (_, asked) in known.items() if asked is not None},
            deleted=frozenset(newest.keys() - known.keys()),
        )
        return changes, bad

    def _change(self, record: RawRecord) -> tuple[str, tuple[bytes, bytes | None] | None] | Fault:
        """Client id, and profile and latest application; None: the client is deleted."""
        if isinstance(record.value, Unreadable):
            return Fault.UNREADABLE
        try:
            client_id = (record.key or b"").decode()
        except UnicodeDecodeError:
            return Fault.BAD_KEY
        if not 0 < len(client_id) <= MAX_CLIENT_ID:
            return Fault.BAD_KEY
        if record.value is None:
            return client_id, None
        try:
            profile = _encode(self._check(record.value))
        except UNDECODABLE:
            return Fault.BAD_PROFILE
        features = _object(profile)
        asked = {name: features[name] for name in self._asked if name in features}
        return client_id, (profile, _encode(asked) if asked else None)
