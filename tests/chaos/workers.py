"""Scorer processes under a supervisor that starts each again when it ends, as compose or systemd would."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.victim import obeyed
from tests.servers.waiting import wait_until

PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""One that ran for so long starts again after the short pause."""


@dataclass
class Slot:
    """A place for one worker: whoever runs there is replaced when it ends, while the place is ``open``."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    open: bool = True
    process: subprocess.Popen[bytes] | None = None
    exits: list[int] = field(default_factory=list)
    _started_at: float = 0.0
    _pause: float = PAUSE_SECONDS
    _start_at: float = 0.0

    @property
    def orders(self) -> Path:
        return self.folder / f"{self.name}.orders"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        process = self.process
        return process.pid if process is not None and process.poll() is None else None

    def tend(self) -> None:
        """Note an exit, start again when the pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self.exits.append(self.process.returncode)
            self.process = None
            self._pause = PAUSE_SECONDS if now - self._started_at > STEADY_SECONDS else self._longer()
            self._start_at = now + self._pause
        if self.process is None and self.open and now >= self._start_at:
            self._started_at = now
            self.process = self._start()

    def _longer(self) -> float:
        return min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(self.command, env=self.environment, stdout=out, stderr=out)

    def send(self, how: signal.Signals) -> bool:
        """Send a signal; False when nobody runs here now."""
        pid = self.pid
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, how)
                return True
        return False

    def give_orders(self, point: str, after: int, how: signal.Signals | str) -> None:
        """Whoever runs here does ``how`` to itself, or to a request, the ``after``-th time it passes ``point``."""
        obeyed(self.orders).unlink(missing_ok=True)
        written = self.orders.with_suffix(".new")
        written.write_text(f"{point} {after} {how.name if isinstance(how, signal.Signals) else how}")
        written.rename(self.orders)

    def obeyed(self) -> bool:
        return obeyed(self.orders).exists()

    def withdraw_orders(self) -> None:
        self.orders.unlink(missing_ok=True)


class Supervisor:
    """Tends all slots from a thread of its own."""

    def __init__(self, folder: Path, command: Sequence[str], settings: Mapping[str, object]) -> None:
        """``command``: of every worker, but for its file of orders. ``settings``: of every worker."""
        self._folder, self._command, self._settings = folder, command, dict(settings)
        self.slots: list[Slot] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="supervisor", daemon=True)
        self._thread.start()

    def add(self, name: str) -> Slot:
        """One more worker."""
        environment = os.environ | {f"STREAM_APP_{key.upper()}": str(value) for key, value in self._settings.items()}
        command = [*self._command, str(self._folder / f"{name}.orders")]
        slot = Slot(name, command, environment, self._folder)
        self.slots.append(slot)
        return slot

    def remove(self, slot: Slot, how: signal.Signals = signal.SIGTERM) -> None:
        """End the worker of a slot for good; whoever does not leave within 30 s is killed."""
        slot.open = False
        slot.send(how)
        wait_until(lambda: slot.pid is None, f"worker {slot.name} left", 30.0)
        self.slots.remove(slot)

    def log_ends(self) -> str:
        """The last lines of every worker's log, for whoever has to find out."""
        return "\n".join(f"--- {slot.name} (exits {slot.exits})\n{_tail(slot.log)}" for slot in self.slots)

    def _tend(self) -> None:
        while not self._ended.is_set():
            for slot in list(self.slots):
                slot.tend()
            self._ended.wait(0.05)

    def close(self) -> None:
        """SIGKILL whoever runs."""
        self._ended.set()
        self._thread.join()
        for slot in self.slots:
            slot.send(signal.SIGKILL)
            if slot.process is not None:
                slot.process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:] if log.exists() else "(no log)"
