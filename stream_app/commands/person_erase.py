"""What ``stream-app person erase`` would do, and doing it."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitoring.reports.folder import name_of, remove_reports
from monitoring.store import DecisionStore, Erasure
from stream_app.clients import open_clients
from stream_app.commands.person_topics import TopicHolding


@dataclass(frozen=True)
class Plan:
    """What there is to erase, in words; the windows whose reports go; the topic that gets a null, if there is one."""

    lines: list[str]
    windows: list[str]
    profile_topic: str | None


def plan(
    client_id: str, clients: str, store: DecisionStore, reports: Path, topics: Sequence[TopicHolding] | None
) -> Plan:
    """Raises ClientStoreError or StoreError; changes nothing."""
    with open_clients(clients) as known:
        profiles, applications = len(known.get_many([client_id])), len(known.latest_applications([client_id]))
    held = store.person(client_id)
    drawn = [window for window in held.windows if (reports / name_of(window)).exists()]
    lines = [
        f"Client store: profiles {profiles}, latest applications {applications}.",
        f"Decision store {store.name}: decisions {len(held.decisions)}, labels {len(held.labels)}.",
        *(f"Copy from before an upgrade, yours to delete: {copy}." for copy in _copies(store.name)),
        f"Reports in {reports.absolute()}, which show extreme values: {', '.join(drawn) or 'none'}.",
        *(f"Topic {topic.topic}: {_what(topic)}" for topic in topics or ()),
    ]
    if topics is None:
        lines.append("Topics: left aside. A profile on loan.clients may come back from there.")
    return Plan(lines, held.windows, next((topic.topic for topic in topics or () if topic.takes_null), None))


def _copies(store: str) -> list[Path]:
    """What the upgrade of an SQLite store left beside it."""
    path = Path(store)
    return sorted(path.parent.glob(f"{path.name}.version-*")) if "://" not in store else []


def _what(topic: TopicHolding) -> str:
    if topic.takes_null:
        return "a null deletes the client's profile there."
    until = (
        f"what is there now is gone by {topic.until:%Y-%m-%d %H:%M} UTC" if topic.until else "nothing limits its time"
    )
    return f"nothing can be deleted ({topic.kept}); {until}."


def erase(client_id: str, clients: str, store: DecisionStore, reports: Path, erased: Plan) -> Erasure:
    """Delete it, the decision store last: its row then says that all is done. Raises what :func:`plan` does, and
    ReportFailed; run again, it goes on.
    """
    with open_clients(clients, create=True) as known:
        profiles = known.remove_many([client_id])
    removed = remove_reports(reports, erased.windows)
    return store.erase(client_id, _user(), time.time_ns() // 1000, profiles, removed)


def _user() -> str:
    """Who runs this; a number in a container that knows no names."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
