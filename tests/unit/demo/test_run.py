"""What interrupts the demo: Ctrl-C, SIGTERM and SIGHUP alike, whatever its parent made it ignore."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, sys
from stream_app.demo.run import interruptible, ignore_interrupts

async def echo():
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(line, end="", flush=True)

async def work():
    echoing = asyncio.create_task(echo())
    print("ready", flush=True)
    await asyncio.sleep(60)

try:
    with interruptible():
        try:
            asyncio.run(work())
        finally:
            ignore_interrupts()
            print("tidied up", flush=True)
except KeyboardInterrupt:
    sys.exit(130)
"""


def interrupted(number: signal.Signals, *ignored: signal.Signals) -> subprocess.Popen[str]:
    """A process that was started with these signals ignored and has got this one while its event loop ran."""
    for name in ignored:
        signal.signal(name, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    finally:
        for name in ignored:
            signal.signal(name, signal.default_int_handler if name is signal.SIGINT else signal.SIG_DFL)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    return process


@pytest.mark.parametrize("ignored", [[], [signal.SIGINT]], ids=["in a terminal", "in a script's background"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_interrupt_whether_sigint_is_ignored_or_not(
    number: signal.Signals, ignored: list[signal.Signals]
) -> None:
    output, _ = (process := interrupted(number, *ignored)).communicate(timeout=60)
    assert (output, process.returncode) == ("tidied up\n", 130)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["background", "nohup"])
def test_what_the_parent_made_it_ignore_stays_ignored(number: signal.Signals) -> None:
    process = interrupted(number, number)
    assert process.stdin
    assert process.stdout
    print("still there", file=process.stdin, flush=True)
    assert process.stdout.readline() == "still there\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert (output, process.returncode) == ("tidied up\n", 130)
