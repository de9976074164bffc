"""A child process may crash, hang or raise: its caller gets one error, on time, and the next call a new process."""

from __future__ import annotations

import asyncio
import gc
import operator
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.contract import Contract
from monitoring.jobs.child_process import Child
from stream_app.clients import SQLiteClients
from stream_app.errors import ChildCrashed, ChildFailed, ChildHung, ChildRaised, ClientStoreError

LONG = 60.0

SHORT = 4.0
"""What a hanging call is waited for; on a machine full of work a process needs half of it to start."""


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child("counter", warm_up=None, timeout_seconds=LONG)
    yield made
    made.close()


def quick_child(seconds: float, warm_up: Callable[[], None] | None = None) -> Child:
    return Child("counter", warm_up, timeout_seconds=seconds)


def is_gone(process: int, within_seconds: float) -> bool:
    """Whether the process of this pidfd ends within the time."""
    return bool(select.select([process], [], [], within_seconds)[0])


def test_what_the_function_returns_comes_back(child: Child) -> None:
    assert child.call(sorted, [3, 1, 2]) == [1, 2, 3]


def test_calls_share_one_process_that_is_not_ours(child: Child) -> None:
    pids = {child.call(os.getpid) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_function_that_raises_is_told_by_class_and_place_and_never_by_value(child: Child) -> None:
    with pytest.raises(ChildRaised, match=r"The counter failed: ValueError at .*child_process\.py") as told:
        child.call(int, "Jane Doe")
    assert "Jane" not in str(told.value)


def test_a_child_whose_function_raised_goes_on(child: Child) -> None:
    pid = child.call(os.getpid)
    with pytest.raises(ChildRaised):
        child.call(operator.truediv, 1, 0)
    assert child.call(os.getpid) == pid


def test_an_error_of_the_stream_side_arrives_as_it_was_raised(child: Child, tmp_path: Path) -> None:
    with pytest.raises(ClientStoreError) as here:
        SQLiteClients(tmp_path / "missing")
    with pytest.raises(ClientStoreError) as there:
        child.call(SQLiteClients, tmp_path / "missing")
    assert (str(there.value), vars(there.value)) == (str(here.value), vars(here.value))


def test_an_error_of_the_model_side_keeps_its_words(child: Child, tmp_path: Path) -> None:
    with pytest.raises(ChildRaised, match="The counter failed: The contract"):
        child.call(Contract.read, tmp_path / "missing")


def test_a_result_that_cannot_be_sent_is_an_error_of_this_call_alone(child: Child) -> None:
    with pytest.raises(ChildRaised, match="TypeError"):
        child.call(threading.Lock)
    assert child.call(len, "abc") == 3


def test_a_child_that_dies_is_told_with_its_exit_status_and_the_next_call_gets_a_new_one(child: Child) -> None:
    pid = child.call(os.getpid)
    with pytest.raises(ChildCrashed, match="exit status 7"):
        child.call(os._exit, 7)
    assert child.call(os.getpid) != pid


def test_a_child_that_was_killed_while_idle_is_replaced_without_an_error(child: Child) -> None:
    process = os.pidfd_open(pid := child.call(os.getpid))
    os.kill(pid, signal.SIGKILL)
    assert is_gone(process, LONG)
    os.close(process)
    assert child.call(os.getpid) != pid


def test_a_child_that_hangs_is_killed_at_its_deadline_and_the_next_call_gets_a_new_one() -> None:
    child = quick_child(seconds=SHORT)
    process = os.pidfd_open(pid := child.call(os.getpid))
    begun = time.monotonic()
    with pytest.raises(ChildHung, match="did not answer in time"):
        child.call(signal.pause)
    assert SHORT <= time.monotonic() - begun < SHORT + LONG
    assert is_gone(process, LONG)
    os.close(process)
    assert child.call(os.getpid) != pid
    child.close()


def test_a_warm_up_runs_in_each_new_process() -> None:
    child = quick_child(LONG, warm_up=gc.disable)
    assert not child.call(gc.isenabled)
    with pytest.raises(ChildCrashed):
        child.call(os._exit, 1)
    assert not child.call(gc.isenabled)
    child.close()


def test_a_warm_up_that_hangs_is_killed_at_the_deadline_too() -> None:
    with pytest.raises(ChildHung):
        quick_child(0.5, warm_up=signal.pause).call(os.getpid)


def test_callers_in_many_threads_wait_for_one_another(child: Child) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda n: child.call(operator.mul, n, n), range(50))) == [n * n for n in range(50)]
        assert len(set(threads.map(lambda _: child.call(os.getpid), range(8)))) == 1


def test_the_event_loop_turns_while_a_call_is_under_way(child: Child, tmp_path: Path) -> None:
    """The child ends only after the loop, having turned a hundred times, gives it what it waits for."""
    os.mkfifo(waited_for := tmp_path / "fifo")

    async def turn_a_hundred_times() -> bytes:
        call = asyncio.create_task(asyncio.to_thread(child.call, Path.read_bytes, waited_for))
        for _ in range(100):
            await asyncio.sleep(0)
        await asyncio.to_thread(waited_for.write_bytes, b"turned")
        return await call

    assert asyncio.run(turn_a_hundred_times()) == b"turned"


def test_closing_ends_the_call_that_is_under_way_and_forbids_further_ones(child: Child, tmp_path: Path) -> None:
    os.mkfifo(waited_for := tmp_path / "fifo")
    with ThreadPoolExecutor(1) as thread:
        under_way = thread.submit(child.call, Path.read_bytes, waited_for)
        with waited_for.open("wb"):  # opens when the child has opened it too
            child.close()
            assert isinstance(under_way.exception(LONG), ChildCrashed)
    with pytest.raises(ChildCrashed):
        child.call(os.getpid)


def test_a_child_sends_nothing_home_stands_back_and_leaves_ctrl_c_to_its_parent() -> None:
    child = Child("counter", None, LONG, niceness=7)
    assert child.call(os.getenv, "DO_NOT_TRACK") == "1"
    assert child.call(os.nice, 0) == os.nice(0) + 7
    assert child.call(signal.getsignal, signal.SIGINT) == signal.SIG_IGN
    child.close()


PROGRAM = """
import os, pathlib, signal, sys, threading
from monitoring.jobs.child_process import Child

if __name__ == "__main__":
    child = Child("counter", None, timeout_seconds=float(sys.argv[1]))
    print(child.call(os.getpid), flush=True)
    threading.Thread(target=child.call, args=(pathlib.Path.read_bytes, pathlib.Path(sys.argv[2])), daemon=True).start()
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("timeout_seconds", [LONG, SHORT])
def test_a_child_does_not_outlive_a_parent_that_was_killed(timeout_seconds: float, tmp_path: Path) -> None:
    """With its call it ends too; one that hangs, which nobody is left to kill, at its deadline."""
    (program := tmp_path / "as-console-scripts-without-suffix").write_text(PROGRAM)
    os.mkfifo(waited_for := tmp_path / "fifo")
    command = [sys.executable, str(program), str(timeout_seconds), str(waited_for)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        with waited_for.open("wb"):  # opens when the child is at work
            parent.stdin.close()
            assert parent.wait(LONG) == -signal.SIGKILL
            assert timeout_seconds == LONG or is_gone(child, LONG)
    assert is_gone(child, within_seconds=LONG / 2)
    os.close(child)


def test_every_failure_of_a_child_has_a_bounded_reason() -> None:
    assert {kind.reason for kind in ChildFailed.__subclasses__()} == {"crashed", "hung", "raised"}
