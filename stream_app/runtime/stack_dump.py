"""Stacks of all threads and tasks by file, line and function, logged at a signal and when a stall ends the process.

No variables are shown, which hold customers' data. Faust's own handlers of these signals print them all (SIGUSR1) and
open a debugger on the terminal (SIGUSR2).
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any


def threads() -> str:
    """The stack of every thread, innermost frame first. From any thread."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    stacks = sys._current_frames()  # the documented way; there is no public one
    return "\n".join(f"thread {names.get(ident, ident)}: {_stack(frame)}" for ident, frame in stacks.items())


def tasks(loop: asyncio.AbstractEventLoop) -> str:
    """What every task of the loop awaits, innermost first. From any thread; a task may change meanwhile."""
    return "\n".join(f"task: {_awaiting(task.get_coro())}" for task in asyncio.all_tasks(loop))


def _stack(frame: FrameType) -> str:
    summary = traceback.extract_stack(frame)
    return " < ".join(f"{place.filename}:{place.lineno} {place.name}" for place in reversed(summary))


def _awaiting(coroutine: Any) -> str:
    places = [f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}" for frame in _frames(coroutine)]
    return " < ".join(reversed(places)) or type(coroutine).__name__


def _frames(coroutine: Any) -> Iterator[FrameType]:
    """From the task's own coroutine down the chain of awaits; generators name its links otherwise."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        frame = frame or getattr(coroutine, "ag_frame", None)
        if frame is not None:
            yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
