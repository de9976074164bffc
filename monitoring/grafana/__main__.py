"""Writes the dashboards' JSON; ``make dashboards``."""

from __future__ import annotations

from pathlib import Path

from monitoring.grafana.decisions import DECISIONS
from monitoring.grafana.drift import DRIFT
from monitoring.grafana.performance import PERFORMANCE
from monitoring.grafana.service import SERVICE

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = {"service": SERVICE, "decisions": DECISIONS, "drift": DRIFT, "performance": PERFORMANCE}


def main() -> None:
    """Write every dashboard into the folder that Grafana reads."""
    for name, board in BOARDS.items():
        (FOLDER / f"{name}.json").write_text(board.to_json())


if __name__ == "__main__":
    main()
