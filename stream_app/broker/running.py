"""What a started broker is to its user."""

from __future__ import annotations

from typing import Protocol, Self

from stream_app.broker.launch import Engine, Launch
from stream_app.broker.ports import LOOPBACK
from stream_app.broker.process import BrokerProcess


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

    def __init__(self, launch: Launch, process: BrokerProcess) -> None:
        self.launch = launch
        self.bootstrap = f"{LOOPBACK}:{launch.port}"
        self.engine = launch.engine
        self.transactions = launch.engine == "kafka"
        self.meaning = launch.meaning
        self.pid = process.pid
        self.ended = process.ended
        self.last_lines = process.last_lines
        self.stop = process.stop

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
