"""What each worker process needs around its work: health pages, readiness, watchdog, stack dumps."""
