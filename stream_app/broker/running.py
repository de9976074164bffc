"""What a started broker is to its user."""

from __future__ import annotations

from typing import Literal, Protocol, Self

from stream_app.broker.process import BrokerProcess

Engine = Literal["kafka", "tansu"]
Choice = Literal["auto", "kafka", "tansu"]


class Broker(Protocol):
    """A broker that runs until :meth:`stop`, the end of its ``with`` block, or the end of this process."""

    @property
    def bootstrap(self) -> str:
        """``127.0.0.1:PORT``."""

    @property
    def engine(self) -> Engine: ...

    @property
    def transactions(self) -> bool:
        """Whether exactly-once delivery is possible."""

    @property
    def durable(self) -> bool:
        """Whether the records outlive the broker."""

    def stop(self) -> None:
        """End the process and delete its temporary folder. May be called again."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class RunningBroker:
    """A :class:`Broker` over a child process."""

    def __init__(self, process: BrokerProcess, *, bootstrap: str, engine: Engine, durable: bool) -> None:
        self.process = process
        self.bootstrap = bootstrap
        self.engine: Engine = engine
        self.transactions = engine == "kafka"
        self.durable = durable

    def stop(self) -> None:
        """See :class:`Broker`."""
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
