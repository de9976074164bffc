"""The document of ``stream-app person export``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.contract import Contract
from monitoring.store import DecisionStore
from stream_app.clients import open_clients
from stream_app.commands.person_topics import TopicHolding
from stream_app.errors import InputFileError
from stream_app.private_files import create_private
from stream_app.schemas import DATA_KINDS


def document(
    client_id: str, clients: str, store: DecisionStore, contract: Contract, topics: Sequence[TopicHolding] | None
) -> dict[str, Any]:
    """Everything that is held about a client. ``topics``: None where nobody asked the broker.

    Raises ClientStoreError or StoreError.
    """
    held = store.person(client_id)
    return {
        "client_id": client_id,
        "exported_at": dt.datetime.now(dt.UTC),
        "data_kinds": DATA_KINDS | {feature.name: feature.data_kind for feature in contract.features},
        "client_store": _client(client_id, clients),
        "decisions": held.decisions,
        "labels": [
            {
                "request_id": label.request_id,
                "client_id": label.client_id,
                "defaulted": label.defaulted,
                "observed_at": dt.datetime.fromtimestamp(label.observed_at_us / 1e6, dt.UTC),
                "contradicts_an_earlier_one": label.contradicts,
            }
            for label in held.labels
        ],
        "in_the_figures_of_windows": held.windows,
        "topics": topics,
    }


def _client(client_id: str, clients: str) -> dict[str, msgspec.Raw]:
    with open_clients(clients) as store:
        known = {
            "profile": store.get_many([client_id]).get(client_id),
            "latest_application": store.latest_applications([client_id]).get(client_id),
        }
    return {name: msgspec.Raw(content or b"null") for name, content in known.items()}


def write(path: Path, text: str) -> None:
    """Write the document for its owner alone. Raises InputFileError."""
    try:
        path.unlink(missing_ok=True)
        create_private(path)
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise InputFileError(f"Cannot write {path} ({fault.strerror}).", do_next="Name another --out.") from fault
