"""The requests of every benchmark: the shipped loan book from 2005 on, again and again, each with its own request id.

A request carries the request features of the contract; the profile features are in the SQLite client store.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from models.datasets.sba import load_applications
from stream_app.clients import SQLiteClients
from stream_app.demo.loan_book import Replay, replay_of
from stream_app.tables.columns import read_contract

FIRST_YEAR = 2005
"""The shipped model was trained on the years before."""


def read_book() -> Replay:
    """About 85,000 applications in approval order."""
    book = load_applications()
    return replay_of(book[book["approval_date"].dt.year >= FIRST_YEAR], read_contract(None))


def requests(book: Replay, count: int, first: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """``count`` requests as (key, value) of their records, numbered from ``first`` on."""
    for n in range(first, first + count):
        request = msgspec.structs.replace(book.requests[n % len(book)], request_id=request_id(n))
        yield request.client_id.encode(), msgspec.json.encode(request)


def request_id(n: int) -> str:
    """The id of request number ``n``."""
    return f"r{n:09d}"


def store_clients(book: Replay, path: Path) -> None:
    """Write the client store in which profiles are looked up."""
    with SQLiteClients(path, create=True) as clients:
        clients.put_many(book.profiles)
