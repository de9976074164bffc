"""The protocol of both client stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol, Self, TypeVar

import msgspec

from stream_app.errors import ClientStoreUnavailable

Row = tuple[str, bytes]
"""Client id and JSON object of features."""

Item = TypeVar("Item")


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How far a store follows the topic of profiles.

    ``next_offsets``: by partition. ``current_at``: when it last held all that was on the topic (Unix time), 0: not yet.
    ``filling``: it was empty at first and does not hold everything yet, so that nobody may read it.
    """

    next_offsets: dict[int, int] = {}
    current_at: float = 0.0
    filling: bool = False


class ProfileChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Changes by client id, each the whole of what is known of the client: an application that is not there is gone."""

    profiles: dict[str, bytes] = {}
    applications: dict[str, bytes] = {}
    deleted: frozenset[str] = frozenset()

    def without_application(self) -> list[str]:
        """Who has no latest application from now on."""
        return [*self.deleted, *(self.profiles.keys() - self.applications.keys())]


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

    def followed(self) -> Followed | None:
        """How far the store follows the topic of profiles; None: nobody has it follow."""

    def follow(self, changes: ProfileChanges, before: Followed | None, after: Followed) -> bool:
        """Store changes together with how far they go, all or none; False if the store is not as ``before`` any more.

        The store must have been opened with ``create``.
        """

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


def being_filled(place: str) -> ClientStoreUnavailable:
    """A store that is filled for the first time knows only some clients: the others would be rejected as unknown."""
    return ClientStoreUnavailable(
        f"{place} is being filled from the topic of profiles for the first time.",
        do_next="Wait until `stream-app clients follow` is ready.",
    )
