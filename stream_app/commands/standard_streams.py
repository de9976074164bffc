"""Standard output and error that may be closed, full, gone, or unable to show a character: one line and a status."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import TextIO

OUTPUT_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


class ReaderGone(Exception):
    """Whoever read the output has closed it: ``head``, for example, which has what it wanted."""


@contextlib.contextmanager
def reader_may_go() -> Iterator[None]:
    """Before click sees a broken pipe, which it ends with status 1."""
    try:
        yield
    except BrokenPipeError as fault:
        raise ReaderGone from fault


def open_standard_streams() -> None:
    """Open those that are closed, before a file or a socket gets their number and what is printed lands in it.

    Writing to what was a closed output fails with EBADF, so a listing that went nowhere does not end as done.
    Characters that an encoding does not have are escaped.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def is_output_fault(fault: OSError) -> bool:
    """Whether an output could not be written; a file that has a name is reported by whoever opened it."""
    return fault.errno in OUTPUT_FAULTS and fault.filename is None


@contextlib.contextmanager
def error_output() -> Iterator[None]:
    """For the last words: a status counts more than they do, where they cannot be written."""
    try:
        yield
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """What is left in its buffer goes nowhere; written at the interpreter's end, it would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
