"""Stacks of threads and tasks are logged by file, line and function, without the value of any variable."""

from __future__ import annotations

import asyncio
import threading

from stream_app.runtime import stack_dump

SECRET = "Ada Lovelace"


def test_a_task_is_shown_down_to_what_it_awaits_without_its_variables() -> None:
    async def inner(client: str) -> None:
        await asyncio.sleep(3_600)
        assert client

    async def outer(client: str) -> None:
        await inner(client)

    async def story() -> str:
        task = asyncio.ensure_future(outer(SECRET))
        await asyncio.sleep(0)
        stacks = stack_dump.tasks(asyncio.get_running_loop())
        task.cancel()
        return stacks

    stacks = asyncio.run(story())
    [line] = [line for line in stacks.splitlines() if "outer" in line]
    assert [place.split()[-1] for place in line.split(" < ")] == ["sleep", "inner", "outer"]
    assert SECRET not in stacks


def test_a_thread_is_shown_by_its_name_and_stack_without_its_variables() -> None:
    waiting, done = threading.Event(), threading.Event()

    def wait_for(client: str) -> None:
        waiting.set()
        assert done.wait(10), client

    thread = threading.Thread(target=wait_for, args=(SECRET,), name="slow")
    thread.start()
    waiting.wait(10)
    stacks = stack_dump.threads()
    done.set()
    thread.join()
    [line] = [line for line in stacks.splitlines() if line.startswith("thread slow: ")]
    assert "wait_for" in line
    assert SECRET not in stacks
