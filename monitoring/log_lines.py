"""What the monitor's log says of its input: one clear line a kind, once a minute at most, and no personal data."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable

from monitoring.decode import Incoming
from monitoring.store import Stored
from stream_app.drift_events import DriftEvent

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
MOST_VERSIONS = 20
"""Model versions named one by one, once each; of all others together a line is said once a minute."""

_VERSION_CHARACTERS = 64


class News:
    """Says each kind of line at most once a minute, with the number of times it was held back meanwhile."""

    def __init__(self, model_version: str, clock: Callable[[], float]) -> None:
        """``model_version``: the bundle's, the one that is known. ``clock``: seconds, monotonic."""
        self._bundle_version, self._clock = model_version, clock
        self._named = {model_version}
        self._said_at: dict[str, float] = {}
        self._held_back: Counter[str] = Counter()

    def say(self, kind: str, level: int, line: str) -> None:
        """Log the line unless one of its kind was logged within the last minute."""
        now = self._clock()
        if now - self._said_at.get(kind, -EVERY_SECONDS) < EVERY_SECONDS:
            self._held_back[kind] += 1
            return
        self._said_at[kind] = now
        again = self._held_back.pop(kind, 0)
        log.log(level, "%s%s", line, f" (said {again} times more in between)" if again else "")

    def of_models(self, versions: Iterable[str]) -> int:
        """How many decisions are of a model other than the bundle's; each such version is logged once."""
        by_version = Counter(versions)
        for version in [version for version in by_version if version not in self._named]:
            self._name(version)
        return by_version.total() - by_version[self._bundle_version]

    def _name(self, version: str) -> None:
        if len(self._named) > MOST_VERSIONS:
            self.say("models", logging.WARNING, "There are decisions of still more models than were named so far.")
            return
        self._named.add(version)
        log.warning(
            "There are decisions of model %r, which is not the bundle's. They are stored and judged by their own "
            "probabilities; drift is still measured against the bundle's reference.",
            version[:_VERSION_CHARACTERS],  # and as a literal: it comes from a record, and may hold anything
        )

    def of_poll(self, incoming: Incoming, stored: Stored) -> None:
        """Whatever of a stored poll a person should know."""
        for topic, count in incoming.unreadable.items():
            partition, offset = incoming.first_unreadable[topic]
            self.say(
                f"unreadable {topic}",
                logging.WARNING,
                f"{count} records of {topic} break their contract, the first at offset {offset} of partition "
                f"{partition}; they stay on the topic and are in no window.",
            )
        if incoming.ahead:
            self.say(
                "ahead",
                logging.WARNING,
                f"{incoming.ahead} decisions are dated in the future; they are stored and in no window.",
            )
        if stored.outcomes_contradicting:
            self.say(
                "contradicting",
                logging.WARNING,
                f"{stored.outcomes_contradicting} outcomes contradict the one known for their request; the first "
                "stays, the others are in the table contradictions.",
            )
        if stored.outcomes_pending:
            self.say(
                "pending",
                logging.INFO,
                f"{stored.outcomes_pending} outcomes wait for the decision they belong to.",
            )


def told(event: DriftEvent) -> str:
    """One line for the log: the window, its verdict and what drifted."""
    drifted = [each.feature for each in event.features if each.shift.drifted]
    if event.prediction.shift.drifted:
        drifted.append("the prediction")
    if event.outcomes.shift.drifted:
        drifted.append("the outcome mix")
    verdict = {"too_few": "too few rows to judge", "stable": "stable", "drifted": "drifted: " + ", ".join(drifted)}
    return f"window {event.window.id}: {event.rows} decisions, {verdict[event.verdict]}"
