"""The database's errors as StoreError and StoreUnavailable: for people, without values, without a password."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy import exc

from stream_app.errors import StoreError, StoreUnavailable

_UNDONE = "Nothing of this step was stored, nothing stored before it was lost."


@contextlib.contextmanager
def as_store_errors(store: str) -> Iterator[None]:
    """Raise the database's errors as StoreUnavailable (locked, full, gone: it may pass) or StoreError (it will not).

    ``store``: its name for people.
    """
    try:
        yield
    except exc.TimeoutError as fault:
        raise unavailable(store, "all its connections are in use") from fault
    except exc.DBAPIError as fault:
        if isinstance(fault, exc.OperationalError) or fault.connection_invalidated:
            raise unavailable(store, _first_line(fault.orig)) from fault
        raise _refused(store, fault.orig) from None  # the engine's own text may quote the row
    except sqlite3.OperationalError as fault:
        raise unavailable(store, _first_line(fault)) from fault
    except sqlite3.Error as fault:
        raise _refused(store, fault) from None


def unavailable(store: str, why: str) -> StoreUnavailable:
    """The error for trouble that may pass."""
    return StoreUnavailable(
        f"The decision store {store} does not answer: {why}.",
        kept=_UNDONE,
        do_next="Check what holds or stops it, and its disk; the step is tried again.",
    )


def _refused(store: str, fault: BaseException | None) -> StoreError:
    return StoreError(
        f"The decision store {store} refused a step ({type(fault).__name__}{_code(fault)}).",
        kept=_UNDONE,
        do_next="Check that it is a decision store of this version, and not damaged.",
    )


def _first_line(fault: BaseException | None) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(fault).__name__


def _code(fault: BaseException | None) -> str:
    code = getattr(fault, "sqlstate", None) or getattr(fault, "sqlite_errorname", None)
    return f", {code}" if code else ""
