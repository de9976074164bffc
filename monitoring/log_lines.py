"""Log lines about what the monitor reads: one of each kind a minute at most, without personal data."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable

from monitoring.decode import Incoming
from monitoring.store import Stored
from stream_app.drift_events import DriftEvent
from stream_app.runtime.log_throttle import LogThrottle

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
MOST_VERSIONS = 20
"""Model versions named one by one, once each; all others share a line that is logged once a minute."""

_VERSION_CHARACTERS = 64


class LogLines:
    """Logs each kind of line at most once a minute, with the number of lines suppressed meanwhile."""

    def __init__(self, model_version: str, clock: Callable[[], float]) -> None:
        """``model_version``: the bundle's, the one that is known. ``clock``: seconds, monotonic."""
        self._bundle_version, self._throttle = model_version, LogThrottle(EVERY_SECONDS, clock)
        self._named = {model_version}

    def log(self, kind: str, level: int, line: str) -> None:
        """Log the line unless one of its kind was logged within the last minute."""
        suppressed = self._throttle.now(kind)
        if suppressed is not None:
            log.log(level, "%s%s", line, f" ({suppressed} more such lines suppressed before it)" if suppressed else "")

    def count_unknown_models(self, versions: Iterable[str]) -> int:
        """How many decisions are of a model other than the bundle's; each such version is logged once."""
        by_version = Counter(versions)
        for version in [version for version in by_version if version not in self._named]:
            self._name(version)
        return by_version.total() - by_version[self._bundle_version]

    def _name(self, version: str) -> None:
        if len(self._named) > MOST_VERSIONS:
            self.log("models", logging.WARNING, "There are decisions of still more models than were named so far.")
            return
        self._named.add(version)
        log.warning(
            "There are decisions of model %r, which is not the bundle's. They are stored and judged by their own "
            "probabilities; drift is still measured against the bundle's reference.",
            version[:_VERSION_CHARACTERS],  # and as a literal: it comes from a record, and may hold anything
        )

    def log_poll(self, incoming: Incoming, stored: Stored) -> None:
        """Whatever is out of order in a poll that was stored."""
        for topic, count in incoming.unreadable.items():
            partition, offset = incoming.first_unreadable[topic]
            self.log(
                f"unreadable {topic}",
                logging.WARNING,
                f"{count} records of {topic} break their contract, the first at offset {offset} of partition "
                f"{partition}; they stay on the topic and are in no window.",
            )
        if incoming.ahead:
            self.log(
                "ahead",
                logging.WARNING,
                f"{incoming.ahead} decisions are dated in the future; they are stored and in no window.",
            )
        if stored.labels_contradicting:
            self.log(
                "contradicting",
                logging.WARNING,
                f"{stored.labels_contradicting} outcomes contradict the one known for their request; the first "
                "stays, the others are in the table contradictions.",
            )
        if stored.labels_of_other_clients:
            self.log(
                "other client",
                logging.WARNING,
                f"{stored.labels_of_other_clients} outcomes name another client than their request did; they count "
                "nowhere and are in the table contradictions.",
            )
        if stored.labels_pending:
            self.log(
                "pending",
                logging.INFO,
                f"{stored.labels_pending} outcomes wait for the decision they belong to.",
            )


def window_line(event: DriftEvent) -> str:
    """The window, its verdict and what drifted, on one line."""
    drifted = [feature.feature for feature in event.features if feature.shift.drifted]
    if event.prediction.shift.drifted:
        drifted.append("the prediction")
    if event.outcomes.shift.drifted:
        drifted.append("the outcome mix")
    verdict = {"too_few": "too few rows to judge", "stable": "stable", "drifted": "drifted: " + ", ".join(drifted)}
    return f"window {event.window.id}: {event.rows} decisions, {verdict[event.verdict]}"
