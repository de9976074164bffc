"""Removes old rows; window records stay. A window's decisions are removed together, and not before it was computed."""

from __future__ import annotations

import sqlalchemy as sa

from monitoring.store import erasures
from monitoring.store.labels import in_batches
from monitoring.store.meta import NEVER_US, Facts, read_facts, write_fact
from monitoring.store.tables import contradictions, decisions, labels, windows


def remove_before(db: sa.Connection, before_us: int, most: int = 10_000) -> int:
    """Remove up to ``most`` decisions (with their labels) and as many waiting labels. Returns how many of both.

    Decisions go up to the end of the last window that ended by ``before_us``, had been closed and has nothing left to
    compute; labels without a decision when observed before ``before_us``. Call again until there are none.
    """
    facts = read_facts(db)
    boundary_us = _boundary(db, before_us, facts)
    if boundary_us > facts.removed_before_us:
        write_fact(db, "removed_before_us", boundary_us)
    erasures.remove_before(db, before_us)
    return _remove_decisions(db, boundary_us, most) + _remove_waiting(db, before_us, most, facts)


def _boundary(db: sa.Connection, before_us: int, facts: Facts) -> int:
    """End of the last time window that may go with all before it."""
    outdated = (windows.c.labels_seen > windows.c.labels_computed) & (windows.c.start_us >= facts.removed_before_us)
    unsettled = sa.select(sa.func.min(windows.c.start_us)).where((windows.c.revision == 0) | outdated)
    first_unsettled_us = db.execute(unsettled).scalar()
    settled_us = facts.closed_before_us if first_unsettled_us is None else first_unsettled_us
    ended = windows.c.end_us <= min(before_us, settled_us, facts.closed_before_us)
    last_end = sa.select(sa.func.max(windows.c.end_us)).where(windows.c.kind == "time", ended)
    return max(db.execute(last_end).scalar() or NEVER_US, facts.removed_before_us)


def _remove_decisions(db: sa.Connection, boundary_us: int, most: int) -> int:
    requested = decisions.c.requested_at_us
    oldest = sa.select(decisions.c.request_id).where(requested < boundary_us).order_by(requested).limit(most)
    request_ids = db.execute(oldest).scalars().all()
    for batch in in_batches(request_ids):
        db.execute(sa.delete(labels).where(labels.c.request_id.in_(batch)))
        db.execute(sa.delete(decisions).where(decisions.c.request_id.in_(batch)))
    return len(request_ids)


def _remove_waiting(db: sa.Connection, before_us: int, most: int, facts: Facts) -> int:
    old = labels.c.joined.is_(sa.false()) & (labels.c.observed_at_us < before_us)
    request_ids = db.execute(sa.select(labels.c.request_id).where(old).limit(most)).scalars().all()
    for batch in in_batches(request_ids):
        db.execute(sa.delete(labels).where(labels.c.request_id.in_(batch)))
    if request_ids:
        write_fact(db, "outcomes_pending", facts.labels_pending - len(request_ids))
    db.execute(sa.delete(contradictions).where(contradictions.c.observed_at_us < before_us))
    return len(request_ids)
