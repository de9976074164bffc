"""Runs one broker process and ends it when the parent ends. A script: the parent starts it as a process of its own.

``python -I -S supervisor.py REMOVE GRACE_SECONDS COMMAND...`` runs the command until it ends. When standard input
closes, which the kernel does however the parent ends (return, Ctrl-C, SIGKILL), the command is terminated, killed after
GRACE_SECONDS, and the folder REMOVE deleted (if not "").

Why not ``PR_SET_PDEATHSIG``: it exists on Linux only, fires when the *thread* that forked ends, needs Python code
between fork and exec in a process that may have threads, and leaves nobody to delete the folder.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys

STDIN = 0


def supervise(command: list[str], grace_seconds: float) -> int:
    """Run ``command`` until it or the parent ends; returns its exit status."""
    signals = _signals_as_bytes()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    return child.returncode if _ends_by_itself(child, signals) else _end(child, grace_seconds)


def _signals_as_bytes() -> int:
    """A descriptor that gets one byte per SIGCHLD or SIGTERM, so that one ``select`` waits for everything."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return read_end


def _ends_by_itself(child: subprocess.Popen[bytes], signals: int) -> bool:
    while child.poll() is None:
        ready, _, _ = select.select([STDIN, signals], [], [])
        if STDIN in ready or signal.SIGTERM in os.read(signals, 64):
            return False
    return True


def _end(child: subprocess.Popen[bytes], grace_seconds: float) -> int:
    child.terminate()
    try:
        return child.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def main() -> int:
    """Entry point of the script; the arguments are those of the module docstring."""
    remove, grace_seconds, *command = sys.argv[1:]
    try:
        return supervise(command, float(grace_seconds))
    finally:
        if remove:
            shutil.rmtree(remove, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
