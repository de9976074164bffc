"""``python -m tests.servers.clock_ahead COMMAND``: ``stream-app COMMAND`` on a machine whose clock is two hours ahead.

The clock of Python, with which aiokafka stamps records as long as it does without its C extension.
"""

from __future__ import annotations

import os
import time

HOURS_AHEAD = 2

if __name__ == "__main__":
    true_time = time.time
    time.time = lambda: true_time() + HOURS_AHEAD * 3600
    os.environ["AIOKAFKA_NO_EXTENSIONS"] = "1"
    from stream_app.cli import main

    main()
