"""Child processes that compute a window's statistics and its report, away from the event loop."""
