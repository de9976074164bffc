"""One file per sub-command of ``stream-app``; each imports what it needs when it runs."""
