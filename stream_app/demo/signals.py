"""Ctrl-C, SIGTERM and SIGHUP as one thing: KeyboardInterrupt, once; while the demo tidies up, no more."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

_ALIKE = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def like_ctrl_c() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP do what Ctrl-C does, also inside an event loop. The main thread only."""
    before = {number: signal.signal(number, _pass_on) for number in _ALIKE}
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        for number, handler in {**before, signal.SIGINT: interrupt}.items():
            signal.signal(number, handler)


def ignore_interrupts() -> None:
    """From here on to the end of :func:`like_ctrl_c` nothing interrupts; what follows must be bounded in time."""
    for number in (signal.SIGINT, *_ALIKE):
        signal.signal(number, signal.SIG_IGN)


def _pass_on(_number: int, _frame: Any) -> None:
    signal.raise_signal(signal.SIGINT)
