"""Four ways to answer the same backlog, each as a process of its own; ours is ``python -m stream_app worker``."""
