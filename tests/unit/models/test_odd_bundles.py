"""Whatever lies in a bundle folder: one line that says why it is refused, soon and in little memory, and no trace."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.bundle import load_bundle, shipped_bundle
from models.errors import BundleError
from stream_app.cli import main
from tests.builders.bundles import reseal

SECONDS = 2.0
TEBIBYTE = 1024**4


def replaced(name: str, make: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Something else in the place of a file."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return spoil


def a_socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)  # a socket's path is short


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Other content, with the hashes and the version of whoever can compute them."""

    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert change(content) != content
        (folder / name).write_bytes(change(content))
        reseal(folder)

    return spoil


def manifest(**changed: Any) -> Callable[[Path], None]:
    return lambda folder: reseal(folder, **changed)


def cut_offs(review_at: object, refuse_at: object) -> Callable[[Path], None]:
    return lambda folder: reseal(folder, policy={"review_at": review_at, "refuse_at": refuse_at})


DEEP = b"[" * 200_000
ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (replaced("model.txt", os.mkfifo), r"model\.txt is not a file"),
    "pipe for a manifest": (replaced("manifest.json", os.mkfifo), r"manifest\.json is not a file"),
    "socket": (replaced("golden.jsonl", a_socket), r"golden\.jsonl is not a file"),
    "device": (replaced("model.txt", lambda path: path.symlink_to("/dev/zero")), r"model\.txt is not a file"),
    "folder": (replaced("contract.json", lambda path: path.mkdir()), r"contract\.json is not a file"),
    "link to nothing": (replaced("model.txt", lambda path: path.symlink_to("nowhere")), r"model\.txt cannot be read"),
    "link to itself": (replaced("model.txt", lambda path: path.symlink_to(path.name)), r"model\.txt cannot be read"),
    "hole": (lambda folder: os.truncate(folder / "model.txt", TEBIBYTE), r"model\.txt is larger than"),
    "hole for a manifest": (lambda folder: os.truncate(folder / "manifest.json", TEBIBYTE), "is larger than"),
    "contract in Latin-1": (
        rewritten("contract.json", lambda text: text.replace(b"Number of", "M\xfcnzen".encode("latin-1"))),
        r"contract\.json is not a contract",
    ),
    "nested contract": (rewritten("contract.json", lambda _: DEEP), r"contract\.json is not a contract"),
    "nested manifest": (lambda folder: _write(folder / "manifest.json", DEEP), r"manifest\.json is not a manifest"),
    "nested golden rows": (rewritten("golden.jsonl", lambda _: DEEP), r"golden\.jsonl does not hold golden rows"),
    "manifest with NaN": (cut_offs("NaN", 0.5), r"manifest\.json is not a manifest"),
    "review above refusal": (cut_offs(0.5, 0.1), "the cut-offs must be 0 <= review_at <= refuse_at <= 1, not 0.5 and"),
    "negative cut-off": (cut_offs(-1, 0.5), "the cut-offs must be"),
    "huge cut-off": (cut_offs(0.5, 1e9), r"the cut-offs must be .* not 0\.5 and 1e\+09"),
    "infinite cut-off": (cut_offs(0.5, "1e999"), r"manifest\.json is not a manifest"),
    "falling calibration": (
        manifest(calibration={"method": "isotonic", "raw": [0.1, 0.2], "calibrated": [0.2, 0.1]}),
        "never fall",
    ),
    "calibration of odd lengths": (manifest(calibration={"raw": [0.1, 0.2]}), "as many raw as calibrated"),
    "cyclic tree": (
        rewritten("model.txt", lambda text: text.replace(b"left_child=1", b"left_child=0", 1)),
        r"model\.txt is not a LightGBM model",
    ),
    "children that are no numbers": (
        rewritten("model.txt", lambda text: text.replace(b"left_child=1", b"left_child=x", 1)),
        r"model\.txt is not a LightGBM model",
    ),
    "bound of an integer": (
        rewritten("contract.json", lambda text: text.replace(b'"maximum": 9999.0', b'"maximum": 1e300', 1)),
        "no whole number",
    ),
}  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_bundle(), tmp_path / "bundle"))


@pytest.mark.parametrize("kind", ODD)
def test_the_loader_refuses_it_in_bounded_time_and_memory(folder: Path, kind: str) -> None:
    spoil, problem = ODD[kind]
    spoil(folder)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(BundleError, match=problem):
        load_bundle(folder)
    assert time.monotonic() - started < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # kB


@pytest.mark.parametrize("kind", ODD)
def test_the_worker_ends_with_one_line_and_the_status_of_a_bundle(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ODD[kind][0](folder)
    monkeypatch.setattr("sys.argv", ["stream-app", "worker", "--bundle", str(folder)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == BundleError.exit_status == 5
    printed = capsys.readouterr()
    [line] = printed.err.splitlines()
    assert line.startswith(f"stream-app: The bundle {folder} cannot be used: ")
    assert printed.out == ""


@pytest.mark.slow
def test_and_so_it_does_in_a_process_of_its_own(folder: Path) -> None:
    ODD["pipe"][0](folder)
    command = [sys.executable, "-m", "stream_app", "worker", "--bundle", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (5, "", 1)


def test_a_link_to_the_right_content_will_do(folder: Path, tmp_path: Path) -> None:
    """As stores of artefacts make them; content is judged by its hash, wherever it lies."""
    (folder / "model.txt").rename(tmp_path / "kept")
    (folder / "model.txt").symlink_to(tmp_path / "kept")
    assert load_bundle(folder).sha256 == hashlib.sha256((tmp_path / "kept").read_bytes()).hexdigest()
