"""``python -m benchmarks.loop_lag FILE``: the monitor, with its event-loop lag written to FILE.

Settings come from the environment, as the monitor's do. Each line of FILE is one gap in which the loop was blocked: its
Unix time and its length, both in seconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitoring.worker import create_app
from stream_app.runtime.process import run
from stream_app.settings import MonitorSettings

TICK_SECONDS, LEAST_SECONDS = 0.001, 0.002


def running_clock() -> Callable[[], float]:
    """A clock in seconds that does not count the time in which this thread is ready but waits for a core."""
    schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def now() -> float:
        return time.perf_counter() - int(os.pread(schedstat, 99, 0).split()[1]) / 1e9

    return now


async def write_gaps(app: Any, target: Path) -> None:
    """Sleep for a tick again and again until the app stops; whatever a tick takes longer, the loop was blocked."""
    clock = running_clock()
    with target.open("a", buffering=1) as gaps:
        last = clock()
        while not app.should_stop:
            await asyncio.sleep(TICK_SECONDS)
            now = clock()
            if now - last - TICK_SECONDS > LEAST_SECONDS:
                gaps.write(f"{time.time()} {now - last - TICK_SECONDS:.6f}\n")
            last = now


def main() -> None:
    """Run until SIGTERM."""
    settings, target = MonitorSettings.read(), Path(sys.argv.pop())
    app = create_app(settings)
    app.task(lambda: write_gaps(app, target))
    run(app, settings)


if __name__ == "__main__":
    main()
