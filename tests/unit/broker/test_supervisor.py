"""The supervisor script, with commands of one line each."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from stream_app.broker import supervisor

READY = "print('ready', flush=True)"


def supervise(remove: Path, code: str, grace_seconds: float = 10.0) -> subprocess.Popen[str]:
    """A supervisor of a Python command."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", supervisor.__file__, str(remove), str(grace_seconds), sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_command_that_ends_by_itself_gives_its_status_and_loses_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    supervised = supervise(folder, "raise SystemExit(7)")
    assert supervised.wait(10) == 7
    assert not folder.exists()
    supervised.communicate()


def test_a_command_is_terminated_when_the_pipe_to_the_parent_closes(tmp_path: Path) -> None:
    supervised = supervise(tmp_path / "none", f"import signal; {READY}; signal.pause()")
    assert supervised.stdout is not None
    assert supervised.stdout.readline() == "ready\n"
    supervised.communicate(timeout=10)
    assert supervised.returncode == -signal.SIGTERM % 256


def test_a_command_that_ignores_the_request_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    supervised = supervise(tmp_path / "none", f"{ignore}; {READY}\nwhile True: signal.pause()", grace_seconds=0.2)
    assert supervised.stdout is not None
    assert supervised.stdout.readline() == "ready\n"
    supervised.communicate(timeout=10)
    assert supervised.returncode == -signal.SIGKILL % 256


def test_a_supervisor_that_is_terminated_ends_its_command_first(tmp_path: Path) -> None:
    code = f"import signal; {READY}\ntry: signal.pause()\nfinally: print('never')"
    supervised = supervise(tmp_path / "none", code)
    assert supervised.stdout is not None
    assert supervised.stdout.readline() == "ready\n"
    supervised.send_signal(signal.SIGTERM)
    assert supervised.wait(10) == -signal.SIGTERM % 256
    supervised.communicate()
