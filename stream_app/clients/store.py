"""The protocol of both client stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol, Self, TypeVar

Row = tuple[str, bytes]
"""Client id and JSON object of features."""

Item = TypeVar("Item")


class ClientStore(Protocol):
    """Profiles and latest applications by client id. Safe to share between threads.

    Every method raises ClientStoreError, and ClientStoreUnavailable where the same call may succeed later.
    """

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The stored profile of each known id; unknown ids are not in the result."""

    def latest_applications(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The latest application of each id that has one; a store written by an older version has none."""

    def put_many(self, profiles: Iterable[Row], applications: Iterable[Row] = ()) -> int:
        """Store profiles and latest applications, replacing older ones, all or none. Returns how many profiles."""

    def remove_many(self, client_ids: Iterable[str]) -> int:
        """Remove profiles and latest applications, all or none. Returns how many profiles there were."""

    def count(self) -> int:
        """How many clients have a profile."""

    def close(self) -> None:
        """Close the file or the connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of ``size``, the last one shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
