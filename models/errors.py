"""The exceptions of this package, and the base class of those of ``stream_app``.

Each class carries a bounded ``reason`` (safe as a metric label) and an ``exit_status``; each instance says what
happened, what was kept, and what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class ExpectedError(Exception):
    """An expected failure. The command line prints it as one message and exits with ``exit_status``.

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
    """Base of this package's errors."""

    reason = "model"


class ContractError(ModelError):
    """The contract file cannot be read or contradicts itself. Correct every problem listed and run again."""

    reason = "contract"
    exit_status = 2


class TrainingDataError(ModelError):
    """The table cannot be used for training. Correct the table or the options named; nothing was written."""

    reason = "training_data"
    exit_status = 2


class OutputError(ModelError):
    """The output exists already or cannot be written. Name another path or allow it to be replaced."""

    reason = "output"
    exit_status = 2


class BundleError(ModelError):
    """The bundle folder is missing, damaged or inconsistent. Restore it or train a new one."""

    reason = "bundle"
    exit_status = 5


class ScoringError(ModelError):
    """The matrix does not fit the model, or a result is not a probability. Nothing was decided; load another bundle."""

    reason = "scoring"
    exit_status = 6
