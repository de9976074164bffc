"""Runs a program in network, mount and process namespaces of its own, where that is permitted.

There it may cut links and mount small disks; nothing of it is seen outside, and all of it, every process included, goes
with the program, however that ends.
"""

from __future__ import annotations

import os
import subprocess
import sys

_ENCLOSED = "CHAOS_ENCLOSED"
_NAMESPACES = [
    "unshare",
    "--net",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
]


def why_not() -> str | None:
    """None when this process is enclosed, else the reason why it is not."""
    said = os.environ.get(_ENCLOSED, "not started as a program")
    return None if said == "yes" else said


def enclose(module: str) -> None:
    """Start this program anew in namespaces of its own; returns in there, or at once where they are not permitted."""
    if _ENCLOSED in os.environ:
        _loopback_up()
        return
    reason = _forbidden()
    os.environ[_ENCLOSED] = reason or "yes"
    if reason is None:
        command = [*_NAMESPACES, sys.executable, "-m", module, *sys.argv[1:]]
        os.execvp(command[0], command)


def _forbidden() -> str | None:
    try:
        tried = subprocess.run([*_NAMESPACES, "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    except OSError as fault:
        return f"{fault.filename} is missing"
    return None if tried.returncode == 0 else f"no namespaces here: {tried.stderr.strip()[:200]}"


def _loopback_up() -> None:
    if why_not() is None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
