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
    def engine(self) -> Engine:
        """Which broker it is."""

    @property
    def transactions(self) -> bool:
        """Whether exactly-once delivery is possible."""

    @property
    def meaning(self) -> str:
        """Two or three sentences for people: which broker, transactions or not, durable or not."""

    @property
    def pid(self) -> int:
        """Id of the broker's process group."""

    def ended(self) -> bool:
        """Whether the process is gone."""

    def last_lines(self) -> str:
        """The end of its log, at most twelve lines."""

    def stop(self) -> None:
        """End the process and delete its temporary folder. May be called again."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class RunningBroker:
    """A :class:`Broker` over a child process."""

    def __init__(self, process: BrokerProcess, *, bootstrap: str, engine: Engine, meaning: str) -> None:
        self._process = process
        self.bootstrap = bootstrap
        self.engine: Engine = engine
        self.transactions = engine == "kafka"
        self.meaning = meaning
        self.pid = process.pid
        self.ended = process.ended
        self.last_lines = process.last_lines
        self.stop = process.stop

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
