"""A spawned process for work that may be slow, crash or hang: statistics of a window, an Evidently report.

The event loop waits for it in a thread and stays free; what happens to the child happens to one call. A child imports
its libraries once and serves call after call.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from models.errors import ModelError
from stream_app.errors import ChildClosed, ChildCrashed, ChildHung, ChildRaised, StreamAppError, trace_of

Result = TypeVar("Result")

ORPHAN_SECONDS = 1.0
"""A child outlives the deadline of its call by at most this, even when nobody is left to kill it."""

_REAP_SECONDS = 1.0  # a killed process is gone at once, unless it is stuck in a dead disk: nobody waits for that

_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",  # Evidently and its libraries call home without it
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),  # spare cores only
}


class Child:
    """One spawned process that runs one call at a time; started at the first, and anew after it died or was killed.

    ``name``: for messages. ``warm_up``: called in each new process before its first call, to import what is heavy.
    ``timeout_seconds``: for one call; a new process has as long again for its start and warm-up, or a machine with too
    much to do would kill it before it ever worked. ``niceness``: how far the process stands back for others, 0..19.
    Safe to call from any thread: callers wait for one another.

    What is called must be found by its name in a module, and its arguments and result be picklable.
    """

    def __init__(
        self, name: str, warm_up: Callable[[], None] | None, timeout_seconds: float, niceness: int = 0
    ) -> None:
        self._name, self._warm_up = name, warm_up
        self._timeout_seconds, self._niceness = timeout_seconds, niceness
        self._one_at_a_time = threading.Lock()
        self._process: _Process | None = None
        self._closed = False

    def call(self, function: Callable[..., Result], *args: Any) -> Result:
        """``function(*args)`` in the child. Blocks, once it is its turn, for ``timeout_seconds`` at most, or
        twice that when it has to start one.

        Raises the StreamAppError the function raised, ``ChildRaised`` for whatever else it raised (of foreign errors
        class and place alone, since their text may hold values), ``ChildHung`` after the time, ``ChildCrashed`` when
        the process died; after these two the next call starts a new process. ``ChildClosed`` once it was closed.
        """
        with self._one_at_a_time:
            try:
                result: Result = self._ready().ask(function, args, self._timeout_seconds)
            except ChildCrashed:
                if self._closed:
                    raise _closed(self._name) from None
                raise
            return result

    def close(self) -> None:
        """End the process at once; a call that is under way or comes later raises ``ChildClosed``."""
        self._closed = True
        if self._process is not None:
            self._process.kill()

    def _ready(self) -> _Process:
        if self._process is None or not self._process.is_alive():
            self._process = _started(self._name, self._timeout_seconds, self._niceness)
            if not self._closed:
                self._process.ask(self._warm_up or _nothing, (), self._timeout_seconds)
        if self._closed:  # looked at after the start: close() either saw the process or is seen here
            self._process.kill()
        return self._process


@dataclass(frozen=True)
class _Process:
    """A running child and our end of the pipe to it."""

    name: str
    process: SpawnProcess
    connection: Connection

    def is_alive(self) -> bool:
        return self.process.is_alive()

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...], timeout_seconds: float) -> Any:
        """The answer, or the error it is; whatever is no answer is the end of the process."""
        try:
            self.connection.send((function, args))
            if not wait([self.connection, self.process.sentinel], timeout_seconds):
                raise self._hung()
            answer = self.connection.recv()  # or the end of the pipe, where there is only the end of the process
        except (EOFError, OSError) as fault:
            raise self._crashed() from fault
        return self._opened(answer)

    def kill(self) -> None:
        self.process.kill()
        self.process.join(_REAP_SECONDS)

    def _opened(self, answer: Any) -> Any:
        kind, content = answer
        if kind == _RETURNED:
            return content
        if kind == _OUR_ERROR:
            raise content
        happened, do_next = content
        raise ChildRaised(f"The {self.name} failed: {happened}", kept="Nothing else was touched.", do_next=do_next)

    def _hung(self) -> ChildHung:
        self.kill()
        return ChildHung(
            f"The {self.name} did not answer in time and was killed.",
            kept="Nothing else was touched; the next call starts a new one.",
            do_next="If it repeats, give it more time or fewer rows, and look at the load of the machine.",
        )

    def _crashed(self) -> ChildCrashed:
        self.kill()
        return ChildCrashed(
            f"The {self.name} died (exit status {self.process.exitcode}).",
            kept="Nothing else was touched; the next call starts a new one.",
            do_next="If it repeats, look for memory: status -9 is most often the system's killer.",
        )


def _closed(name: str) -> ChildClosed:
    return ChildClosed(f"The {name} was ended.", kept="Nothing else was touched.", do_next="Start again.")


def _started(name: str, timeout_seconds: float, niceness: int) -> _Process:
    """A new process. "spawn" and not "fork": a fork of a process with threads may hang on the locks they held."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, timeout_seconds, niceness), name=name, daemon=True)
    process.start()
    theirs.close()  # else the end of the child would not end the pipe
    return _Process(name, process, ours)


# ---- in the child ----------------------------------------------------------------------------------------------------

_RETURNED, _OUR_ERROR, _RAISED = "returned", "our error", "raised"

_Answer = tuple[str, Any]


def _nothing() -> None:
    """Where there is nothing to warm up: that it is answered says that the process has started."""


def _serve(connection: Connection, timeout_seconds: float, niceness: int) -> None:
    """Answer call after call until the parent closes the pipe or dies, which is the same to us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends us when it ends
    os.environ.update(_ENVIRONMENT)
    os.nice(niceness)
    warnings.simplefilter("ignore")  # of libraries about one another; the parent's log is not the place
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = connection.recv_bytes()
            # The system's own alarm: ends us even inside C code and without a parent to do it.
            signal.setitimer(signal.ITIMER_REAL, timeout_seconds + ORPHAN_SECONDS)
            _answer(connection, _run(request))
            signal.setitimer(signal.ITIMER_REAL, 0)


def _run(request: bytes) -> _Answer:
    try:
        function, args = pickle.loads(request)  # noqa: S301 - from our own parent, over a pipe nobody else has
        return _RETURNED, function(*args)
    except StreamAppError as error:
        return _OUR_ERROR, error
    except ModelError as error:
        return _RAISED, (error.happened, error.do_next)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is this call's answer
        return _bug(fault)


def _answer(connection: Connection, answer: _Answer) -> None:
    try:
        connection.send(answer)
    except (TypeError, AttributeError, pickle.PicklingError) as fault:  # a result that cannot be pickled
        connection.send(_bug(fault))


def _bug(fault: Exception) -> _Answer:
    return _RAISED, (f"{trace_of(fault)}.", "This is a bug; report it with this line.")
