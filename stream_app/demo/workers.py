"""The two workers of the demo and their settings, fitted to the place."""

from __future__ import annotations

import os
from pathlib import Path

from stream_app.demo.child import ChildWorker
from stream_app.demo.place import Place
from stream_app.errors import InputFileError

MAX_REQUEST_BYTES = 65_536
STORE_FILE, REPORTS_FOLDER = "decisions.db", "reports"
REPORTS_KEPT = 60
"""More than there are months in the replay."""


def start_scorer(place: Place, folder: Path, clients: Path) -> ChildWorker:
    """``folder``: for its log alone; goes with it."""
    settings: dict[str, object] = {
        "group": place.group,
        "clients": clients,
        "web_port": 0,
        "max_request_bytes": MAX_REQUEST_BYTES,
    }
    return ChildWorker("scorer", "worker", folder, _common(place) | settings)


def start_monitor(place: Place, folder: Path, keep: Path | None) -> ChildWorker:
    """``folder``: for its log, and for its store unless that goes to ``keep``, with the reports."""
    settings: dict[str, object] = {
        "monitor_group": place.monitor_group,
        "monitor_port": 0,
        "window": "1mo",
        "idle_seconds": 2,  # of wall clock: here four years pass in seconds
        "store": (keep or folder) / STORE_FILE,
        "reports": (keep or folder) / REPORTS_FOLDER,
        "reports_kept": REPORTS_KEPT if keep else 0,
    }
    return ChildWorker("monitor", "monitor", folder, _common(place) | settings)


def make_folder_to_keep(folder: Path) -> None:
    """Make it, for :func:`start_monitor`'s ``keep``. Raises InputFileError when it cannot be made or has a store.

    An older demo's store would not do: it remembers how far another broker's topics were read.
    """
    if (folder / STORE_FILE).exists():
        raise InputFileError(
            f"{folder} already has a {STORE_FILE}.",
            kept="It was left as it is; nothing was started.",
            do_next="Name another folder with --keep, or delete that file.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InputFileError(
            f"Cannot make the folder {folder} ({fault.strerror}).", do_next="Name another. Nothing was started."
        ) from fault
    if not os.access(folder, os.W_OK):
        raise InputFileError(f"{folder} cannot be written to.", do_next="Name another. Nothing was started.")


def _common(place: Place) -> dict[str, object]:
    return {
        "kafka": place.bootstrap,
        "topic_prefix": place.prefix,
        "fetch_max_wait_seconds": place.fetch_wait_seconds,
        "rebalance_timeout_seconds": place.rebalance_timeout_seconds,
    }
