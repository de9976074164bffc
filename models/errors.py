"""Every exception the model side raises on purpose, and the base of the stream side's tree.

Each class carries a bounded ``reason`` (safe as a metric label) and an ``exit_status``; each instance says what
happened, what was kept, and what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class ExpectedError(Exception):
    """A failure that was thought of. The command line prints it as one message and exits with ``exit_status``.

    ``happened``: what went wrong, without personal data. ``kept``: what was not lost. ``do_next``: the operator's step.
    """

    reason: ClassVar[str] = "expected"
    exit_status: ClassVar[int] = 1

    def __init__(self, happened: str, *, kept: str = "", do_next: str = "") -> None:
        super().__init__(" ".join(part for part in (happened, kept, do_next) if part))
        self.happened = happened
        self.kept = kept
        self.do_next = do_next


class ModelError(ExpectedError):
    """Base of the model side's tree."""

    reason = "model"


class ContractError(ModelError):
    """The contract file cannot be read or contradicts itself. Correct every problem listed, run again."""

    reason = "contract"
    exit_status = 2


class TrainingDataError(ModelError):
    """The table cannot be trained on. Correct the table or the options named; nothing was written."""

    reason = "training_data"
    exit_status = 2


class OutputError(ModelError):
    """The place to write to is taken or cannot be written. Name another one or allow it to be replaced."""

    reason = "output"
    exit_status = 2


class BundleError(ModelError):
    """The bundle folder is missing, damaged or contradicts itself. Restore that folder or train it anew."""

    reason = "bundle"
    exit_status = 5


class ScoringError(ModelError):
    """The matrix has another shape than the model reads, or the result is no probability. Do not decide on it."""

    reason = "scoring"
    exit_status = 6
