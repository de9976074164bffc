"""The scoring worker: the composition root, the agent's work on a poll, its metrics.

``faust -A stream_app.worker worker`` asks for ``app`` here. It is made then, so that importing makes nothing.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    from stream_app.settings import WorkerSettings  # noqa: PLC0415 - whoever wants a part imports only that
    from stream_app.worker.composition import create_app  # noqa: PLC0415

    globals()["app"] = create_app(WorkerSettings.read_or_exit())
    return globals()["app"]
