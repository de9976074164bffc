"""A spawned process for work that may be slow, crash or hang: the statistics of a window, an Evidently report.

The event loop waits for it in a thread and stays free, and whatever happens to the process happens to one call. It
imports its libraries once and serves call after call.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from models.errors import ModelError
from stream_app.errors import ChildClosed, ChildCrashed, ChildHung, ChildRaised, StreamAppError, trace_of

Result = TypeVar("Result")

ORPHAN_SECONDS = 1.0
"""A child outlives the deadline of its call by at most this, even when nobody is left to kill it."""

_REAP_SECONDS = 1.0  # a killed process is gone at once, unless it is stuck in a dead disk: nobody waits for that
_SPAWN = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang on the locks they held

_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",  # Evidently and its libraries call home without it
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),  # spare cores only
}


class Child:
    """One spawned process that runs one call at a time; started at the first, and anew after it died or was killed.

    ``name``: for messages. ``warm_up``: called in each new process before its first call, to import what is heavy.
    ``timeout_seconds``: for one call; a new process has as long again for its start and warm-up, or an overloaded
    machine would kill it before it ever worked. ``niceness``: 0..19, the higher the more it yields to others.
    Safe to call from any thread: callers wait for one another.

    What is called must be importable by its name, and its arguments and result be picklable.
    """

    def __init__(
        self, name: str, warm_up: Callable[[], None] | None, timeout_seconds: float, niceness: int = 0
    ) -> None:
        self._name, self._warm_up = name, warm_up
        self._timeout_seconds, self._niceness = timeout_seconds, niceness
        self._one_at_a_time = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._closed = False

    def call(self, function: Callable[..., Result], *args: Any) -> Result:
        """``function(*args)`` in the child. Blocks, once it is its turn, for ``timeout_seconds`` at most, or
        twice that when it has to start one.

        Raises the StreamAppError the function raised, ``ChildRaised`` for whatever else it raised (of foreign errors
        class and place alone, since their text may hold values), ``ChildHung`` after the time, ``ChildCrashed`` when
        the process died; after these two the next call starts a new process. ``ChildClosed`` once it was closed.
        """
        with self._one_at_a_time:
            process, pipe = self._process, self._pipe
            if process is None or pipe is None or not process.is_alive():
                process, pipe = self._start()
                self._ask(process, pipe, self._warm_up or _nothing)
            result: Result = self._ask(process, pipe, function, *args)
            return result

    def close(self) -> None:
        """End the process at once; a call that is under way or comes later raises ``ChildClosed``."""
        self._closed = True
        if self._process is not None:
            _kill(self._process)

    def _start(self) -> tuple[SpawnProcess, Connection]:
        pipe, theirs = _SPAWN.Pipe()
        arguments = (theirs, self._timeout_seconds, self._niceness)
        process = _SPAWN.Process(target=_serve, args=arguments, name=self._name, daemon=True)
        process.start()
        theirs.close()  # else the end of the child would not end the pipe
        self._process, self._pipe = process, pipe
        return process, pipe

    def _ask(self, process: SpawnProcess, pipe: Connection, function: Callable[..., Any], *args: Any) -> Any:
        """The result, or the error raised; without a reply the process is ended."""
        if self._closed:  # checked after the start: close() either saw the process or is seen here
            _kill(process)
        try:
            pipe.send((function, args))
            replied = wait([pipe, process.sentinel], self._timeout_seconds)
            result, error = pipe.recv() if replied else (None, None)
        except (EOFError, OSError) as fault:
            _kill(process)
            raise self._died(process) from fault
        if not replied:
            _kill(process)
            raise self._hung()
        if error is not None:
            raise error
        return result

    def _hung(self) -> ChildHung:
        return ChildHung(
            f"The {self._name} did not answer in time and was killed.",
            kept="Nothing else was touched; the next call starts a new one.",
            do_next="If it repeats, give it more time or fewer rows, and look at the load of the machine.",
        )

    def _died(self, process: SpawnProcess) -> ChildCrashed:
        if self._closed:
            return ChildClosed(f"The {self._name} was ended.", kept="Nothing else was touched.", do_next="Start again.")
        return ChildCrashed(
            f"The {self._name} died (exit status {process.exitcode}).",
            kept="Nothing else was touched; the next call starts a new one.",
            do_next="If it repeats, look for memory: status -9 is most often the system's killer.",
        )


def _kill(process: SpawnProcess) -> None:
    process.kill()
    process.join(_REAP_SECONDS)


# ---- in the child ----------------------------------------------------------------------------------------------------


def _nothing() -> None:
    """Where there is nothing to warm up: its reply says that the process has started."""


def _serve(pipe: Connection, timeout_seconds: float, niceness: int) -> None:
    """Reply to call after call until the parent closes the pipe or dies, which is the same to us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends us when it ends
    os.environ.update(_ENVIRONMENT)
    os.nice(niceness)
    warnings.simplefilter("ignore")  # of libraries about one another; the parent's log is not the place
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = pipe.recv_bytes()
            # The system's own alarm: ends us even inside C code and without a parent to do it.
            signal.setitimer(signal.ITIMER_REAL, timeout_seconds + ORPHAN_SECONDS)
            pipe.send_bytes(_reply(request))
            signal.setitimer(signal.ITIMER_REAL, 0)


def _reply(request: bytes) -> bytes:
    """Result and error, one of them None, as :meth:`Child._ask` reads them."""
    try:
        function, args = pickle.loads(request)  # noqa: S301 - from our own parent, over a pipe nobody else has
        return pickle.dumps((function(*args), None))
    except StreamAppError as error:
        return pickle.dumps((None, error))
    except ModelError as error:
        return _raised(error.happened, error.do_next)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is this call's reply
        return _raised(f"{trace_of(fault)}.", "This is a bug; report it with this line.")


def _raised(happened: str, do_next: str) -> bytes:
    name = multiprocessing.current_process().name
    error = ChildRaised(f"The {name} failed: {happened}", kept="Nothing else was touched.", do_next=do_next)
    return pickle.dumps((None, error))
