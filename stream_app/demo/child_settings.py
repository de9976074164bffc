"""Command lines and environment of the demo's child processes, and the files that ``--keep`` leaves."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from stream_app.demo.child_process import ChildProcess
from stream_app.demo.environment import Environment
from stream_app.errors import InputFileError
from stream_app.kafka_rights import Role

MAX_REQUEST_BYTES = 65_536
STORE_FILE, REPORTS_FOLDER, CLIENTS_FILE = "decisions.db", "reports", "clients.db"
TEN_YEARS_SECONDS = 10 * 365.25 * 86_400
"""Requests dated later are not the replay's: one of today, from the dashboard, would make all after it late."""

REPORTS_KEPT = 12
"""Those of the newest windows: each takes a second or more and 4 MB; ``stream-app report`` makes any other."""


def start_scorer(environment: Environment, folder: Path, clients: Path) -> ChildProcess:
    """``folder``: for its log alone; goes with it."""
    settings: dict[str, object] = {
        "group": environment.group,
        "guarantee": environment.guarantee,
        "clients": clients,
        "web_port": 0,
        "max_request_bytes": MAX_REQUEST_BYTES,
    }
    return ChildProcess("scorer", "worker", folder, _common(environment, "scorer") | settings)


def start_monitor(environment: Environment, folder: Path, output: Path, reports: bool) -> ChildProcess:
    """``folder``: for its log; goes with it. ``output``: for its store and, if any are made, its reports."""
    settings: dict[str, object] = {
        "monitor_group": environment.monitor_group,
        "monitor_port": 0,
        "window": "1mo",
        "idle_seconds": 2,  # of wall clock: here four years pass in seconds
        "revision_interval_seconds": 1,
        "ahead_seconds": -TEN_YEARS_SECONDS,
        "store": output / STORE_FILE,
        "reports": output / REPORTS_FOLDER,
        "reports_kept": REPORTS_KEPT if reports else 0,
    }
    return ChildProcess("monitor", "monitor", folder, _common(environment, "monitor") | settings)


def start_gateway(environment: Environment, folder: Path, clients: Path, output: Path, port: int) -> ChildProcess:
    """``folder``: for its log; goes with it. ``output``: where the monitor's store and reports are."""
    settings: dict[str, object] = {
        "gateway_port": port,
        "group": environment.group,
        "clients": clients,
        "store": output / STORE_FILE,
        "reports": output / REPORTS_FOLDER,
    }
    return ChildProcess("gateway", "gateway", folder, _common(environment, "gateway") | settings)


def make_folder_to_keep(folder: Path) -> None:
    """Make the folder that ``--keep`` names. Raises InputFileError when it cannot be made, or has a store of an older
    demo: that remembers how far another broker's topics were read.
    """
    if (folder / STORE_FILE).exists():
        raise InputFileError(
            f"{folder} already has a {STORE_FILE}.",
            kept="It was left as it is; nothing was started.",
            do_next="Name another folder with --keep, or delete that file.",
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise InputFileError(
            f"Cannot make the folder {folder} ({fault.strerror}).", do_next="Name another. Nothing was started."
        ) from fault
    if not os.access(folder, os.W_OK):
        raise InputFileError(f"{folder} cannot be written to.", do_next="Name another. Nothing was started.")


def reports_in(folder: Path, window_ids: Sequence[str]) -> list[Path]:
    """The report files that the monitor keeps, of these windows in their order."""
    return [folder / REPORTS_FOLDER / f"window-{window_id}.html" for window_id in window_ids[-REPORTS_KEPT:]]


def kept_text(folder: Path, reports: Sequence[Path], window_id: str) -> str:
    """What is kept, and what to do with it, for example with the window of this id."""
    store = shlex.quote(str(folder / STORE_FILE))
    count = sum(report.exists() for report in reports)
    return (
        f"Kept in {folder}: the decision store and {count} reports. Look into it with "
        f"`stream-app drift --last 48 --store {store}` and `stream-app report {window_id} --store {store}`."
    )


def _common(environment: Environment, role: Role) -> dict[str, object]:
    return {
        **environment.client_settings(role),
        "topic_prefix": environment.prefix,
        "fetch_max_wait_seconds": environment.fetch_wait_seconds,
        "rebalance_timeout_seconds": environment.rebalance_timeout_seconds,
        **environment.format_settings,
    }
