"""The rows of closed windows: inserted when a window closes, filled when it is computed, marked when published."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from monitoring.event_time import WindowSize
from monitoring.store.meta import claim_size, read_facts, write_fact
from monitoring.store.rows import Unpublished, WindowKey
from monitoring.store.tables import decisions, windows
from stream_app.drift_events import DriftEvent

_KEY = tuple(windows.c[name] for name in WindowKey._fields)
_decode = msgspec.json.Decoder(DriftEvent).decode
_timely = decisions.c.late.is_(sa.false())


def close_due(db: sa.Connection, close_before_us: int, size: WindowSize, at_us: int) -> list[str]:
    """A row for every window that has decisions, ends at or before ``close_before_us``, and is still open.

    ``at_us``: now. From here on a decision for such a window is late. Returns their ids, in order of time.
    """
    facts = claim_size(db, size)
    before_us = size.start_of(close_before_us)
    if before_us <= facts.closed_before_us:
        return []
    closed, from_us = [], facts.closed_before_us
    while (first_us := _first_timely(db, from_us, before_us)) is not None:
        start_us = size.start_of(first_us)
        from_us = size.end_of(start_us)
        closed.append(_close_time_window(db, size.id_of(start_us), start_us, from_us, at_us))
    write_fact(db, "closed_before_us", before_us)
    return closed


def _first_timely(db: sa.Connection, from_us: int, before_us: int) -> int | None:
    requested = decisions.c.requested_at_us
    in_range = requested >= from_us, requested < before_us
    first = sa.select(requested).where(*in_range, _timely).order_by(requested).limit(1)
    return db.execute(first).scalar()


def _close_time_window(db: sa.Connection, window_id: str, start_us: int, end_us: int, at_us: int) -> str:
    requested = decisions.c.requested_at_us
    late = sa.func.count().filter(decisions.c.late)
    counts = sa.select(sa.func.count(), late).where(requested >= start_us, requested < end_us)
    total, late_rows = db.execute(counts).one()
    row = {"id": window_id, "kind": "time", "start_us": start_us, "end_us": end_us, "closed_at_us": at_us}
    db.execute(sa.insert(windows), row | {"rows": total - late_rows, "late_rows": late_rows})
    return window_id


def close_due_counts(db: sa.Connection, count: int, at_us: int) -> list[str]:
    """A row for every further full run of ``count`` timely decisions in order of arrival. Returns their ids.

    Decisions the retention is about to remove are in none: a window of theirs could not be computed any more.
    """
    removed_before_us = read_facts(db).removed_before_us
    of_kind = windows.c.kind == "count"
    last_seq, number = db.execute(
        sa.select(sa.func.coalesce(sa.func.max(windows.c.last_seq), 0), sa.func.count()).where(of_kind)
    ).one()
    closed: list[str] = []
    while (run := _next_run(db, last_seq, count, removed_before_us)) is not None:
        window_id = f"count-{number + len(closed) + 1:06d}"
        db.execute(sa.insert(windows), run | {"id": window_id, "kind": "count", "rows": count, "closed_at_us": at_us})
        last_seq = run["last_seq"]
        closed.append(window_id)
    return closed


def _next_run(db: sa.Connection, after_seq: int, count: int, removed_before_us: int) -> dict[str, Any] | None:
    """Bounds of the next ``count`` timely decisions, None while there are fewer. The end is past the latest of them."""
    later = (decisions.c.seq > after_seq) & (decisions.c.requested_at_us >= removed_before_us)
    run = sa.select(decisions.c.seq, decisions.c.requested_at_us).where(later, _timely)
    run_of = run.order_by(decisions.c.seq).limit(count).subquery()
    seq, requested = run_of.c.seq, run_of.c.requested_at_us
    least, most = sa.func.min, sa.func.max
    rows, first, last, start, end = db.execute(
        sa.select(sa.func.count(), least(seq), most(seq), least(requested), most(requested))
    ).one()
    if rows < count:
        return None
    between = decisions.c.seq.between(first, last) & decisions.c.late
    late_rows = db.execute(sa.select(sa.func.count()).where(between)).scalar_one()
    bounds = {"first_seq": first, "last_seq": last, "start_us": start, "end_us": end + 1}
    return bounds | {"late_rows": late_rows}


def uncomputed(db: sa.Connection) -> list[WindowKey]:
    """Closed windows without a drift event, in order of time."""
    return _keys(db, windows.c.revision == 0)


def stale(db: sa.Connection) -> list[WindowKey]:
    """Windows that got labels after they were computed, as long as all their decisions are still there."""
    kept = windows.c.start_us >= read_facts(db).removed_before_us
    return _keys(db, (windows.c.revision > 0) & (windows.c.labels_seen > windows.c.labels_computed) & kept)


def key_of(db: sa.Connection, window_id: str) -> WindowKey | None:
    """The window of this id."""
    keys = _keys(db, windows.c.id == window_id)
    return keys[0] if keys else None


def _keys(db: sa.Connection, where: sa.ColumnElement[bool]) -> list[WindowKey]:
    query = sa.select(*_KEY).where(where).order_by(windows.c.end_us, windows.c.id)
    return [WindowKey._make(row) for row in db.execute(query)]


def computed(db: sa.Connection, key: WindowKey, event: DriftEvent) -> None:
    """Store a window's drift event, unless one of a higher revision is there.

    ``key``: as it was before the rows were read, so that labels that came meanwhile make the window stale.
    """
    row = windows.update().where(windows.c.id == key.id, windows.c.revision < event.revision)
    db.execute(
        row.values(
            record=msgspec.json.encode(event).decode(),
            verdict=event.verdict,
            rows=event.rows,
            late_rows=event.late_rows,
            revision=event.revision,
            labels_computed=key.labels_seen,
        )
    )


def unpublished(db: sa.Connection, now_us: int = 0, interval_us: int = 0) -> list[Unpublished]:
    """The newest revision of each window, where it is not published yet, in order of time; without those of which one
    was published within the last ``interval_us``.
    """
    columns = (windows.c.id, windows.c.revision, windows.c.record)
    newer = windows.c.revision > windows.c.published_revision
    # A time to come is another clock's, or this one's before it was set back: nobody waits for it.
    waits = sa.func.coalesce(windows.c.published_at_us, 0).between(now_us - interval_us + 1, now_us)
    query = sa.select(*columns).where(newer, ~waits).order_by(windows.c.end_us, windows.c.id)
    return [Unpublished(window_id, revision, record.encode()) for window_id, revision, record in db.execute(query)]


def published(db: sa.Connection, window_id: str, revision: int, at_us: int) -> None:
    """Mark this revision as published."""
    earlier = (windows.c.id == window_id) & (windows.c.published_revision < revision)
    db.execute(sa.update(windows).where(earlier).values(published_revision=revision, published_at_us=at_us))


def reported(db: sa.Connection, window_id: str, path: str) -> None:
    """Store where the window's report is."""
    db.execute(sa.update(windows).where(windows.c.id == window_id).values(report=path))


def events(db: sa.Connection, last: int | None = None) -> list[DriftEvent]:
    """The drift events of the ``last`` windows, or of all; oldest first."""
    newest = (
        sa.select(windows.c.record).where(windows.c.revision > 0).order_by(windows.c.end_us.desc(), windows.c.id.desc())
    )
    return [_decode(record) for record in db.execute(newest.limit(last)).scalars()][::-1]


def event_of(db: sa.Connection, window_id: str) -> DriftEvent | None:
    """The drift event of this window, None without such a window or before it was computed."""
    record = db.execute(sa.select(windows.c.record).where(windows.c.id == window_id)).scalar()
    return None if record is None else _decode(record)


def stamp(db: sa.Connection) -> tuple[int, int]:
    """Number of windows and sum of their revisions: changes whenever a window is closed or computed anew."""
    revisions = sa.func.coalesce(sa.func.sum(windows.c.revision), 0)
    count, together = db.execute(sa.select(sa.func.count(), revisions).select_from(windows)).one()
    return count, int(together)
