"""What the demo is asked to do."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stream_app.broker import Choice


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay. ``requests``: None for all; ``rate``: per second, None for as fast as they are taken;
    ``faults``: share made bad, 0..1; ``kafka``: an existing broker, on which ``engine`` runs, instead of a new one;
    ``monitor``, ``gateway``: whether they take part; ``stay``: go on until Ctrl-C when the replay is over, which needs
    the gateway; ``keep``: a folder that keeps what the monitor stored and reported; ``patience_seconds``: how long no
    answer may come before the demo gives up.
    """

    engine: Choice = "auto"
    kafka: str | None = None
    requests: int | None = None
    rate: float | None = None
    faults: float = 0.005
    seed: int = 1
    summary: Path | None = None
    monitor: bool = True
    gateway: bool = True
    stay: bool = False
    keep: Path | None = None
    patience_seconds: float = 30.0
