"""The chaos suite's scorer on librdkafka, for ``python -m tests.chaos --program`` and this module's name."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.contestants.confluent_worker import ConfluentTransactions
from tests.chaos.victim import Orders, start

if __name__ == "__main__":
    start(Orders(Path(sys.argv[1])), ConfluentTransactions)
