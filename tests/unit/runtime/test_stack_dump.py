"""Where threads and tasks stand is told by file, line and function, and no value of a variable with it."""

from __future__ import annotations

import asyncio
import threading

from stream_app.runtime import stack_dump

SECRET = "Ada Lovelace"


def test_a_task_is_told_down_to_what_it_awaits_without_its_variables() -> None:
    async def inner(client: str) -> None:
        await asyncio.sleep(3_600)
        assert client

    async def outer(client: str) -> None:
        await inner(client)

    async def story() -> str:
        task = asyncio.ensure_future(outer(SECRET))
        await asyncio.sleep(0)
        told = stack_dump.tasks(asyncio.get_running_loop())
        task.cancel()
        return told

    told = asyncio.run(story())
    [line] = [line for line in told.splitlines() if "outer" in line]
    assert [place.split()[-1] for place in line.split(" < ")] == ["sleep", "inner", "outer"]
    assert SECRET not in told


def test_a_thread_is_told_by_its_name_and_stack_without_its_variables() -> None:
    waiting, done = threading.Event(), threading.Event()

    def wait_for(client: str) -> None:
        waiting.set()
        assert done.wait(10), client

    thread = threading.Thread(target=wait_for, args=(SECRET,), name="slow")
    thread.start()
    waiting.wait(10)
    told = stack_dump.threads()
    done.set()
    thread.join()
    [line] = [line for line in told.splitlines() if line.startswith("thread slow: ")]
    assert "wait_for" in line
    assert SECRET not in told
