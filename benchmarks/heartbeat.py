"""``python -m benchmarks.heartbeat FILE``: the monitor as it is, and each time its event loop was held up.

Settings come from the environment as the monitor's do. Each line of FILE is one gap: when (Unix time) and how long,
in seconds.
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
from stream_app.settings import read_monitor_settings

TICK_SECONDS, LEAST_SECONDS = 0.001, 0.002


def running_clock() -> Callable[[], float]:
    """A clock that stands still while this thread is ready and others have the cores: theirs is no gap of ours."""
    waits = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def now() -> float:
        return time.perf_counter() - int(os.pread(waits, 99, 0).split()[1]) / 1e9

    return now


async def beat(app: Any, target: Path) -> None:
    """Tick until the app stops; what a tick takes beyond itself is time the loop was not free."""
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
    settings, target = read_monitor_settings(), Path(sys.argv.pop())
    app = create_app(settings)
    app.task(lambda: beat(app, target))
    run(app, settings)


if __name__ == "__main__":
    main()
