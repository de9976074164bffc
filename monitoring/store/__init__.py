"""The decision store: every decision and label, how far each partition was read, and a row for each closed window.

:class:`DecisionStore` is the way in. It is the monitor's whole state: what is in it survives a restart, and putting
the same records again changes nothing.
"""

from monitoring.store.decision_store import DecisionStore
from monitoring.store.erasures import Erasure
from monitoring.store.person import Held
from monitoring.store.pseudonyms import Ids
from monitoring.store.rows import (
    Counts,
    DecisionRow,
    LabelRow,
    PartitionOffset,
    Put,
    Rows,
    Stored,
    Unpublished,
    WindowKey,
)

__all__ = [
    "Counts",
    "DecisionRow",
    "DecisionStore",
    "Erasure",
    "Held",
    "Ids",
    "LabelRow",
    "PartitionOffset",
    "Put",
    "Rows",
    "Stored",
    "Unpublished",
    "WindowKey",
]
