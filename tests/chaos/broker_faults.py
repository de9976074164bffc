"""What happens to brokers and to the network in between."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from random import Random

from tests.chaos.enclosed import why_not
from tests.chaos.fault import BROKER_SECONDS, Possible, hold
from tests.chaos.network import Network
from tests.chaos.stage import Stage
from tests.servers.waiting import wait_until


class BrokerKill(Possible):
    """SIGKILL of a broker, and the same again a while later."""

    kind = "broker SIGKILL and restart"
    limit = BROKER_SECONDS

    def __init__(self, away_seconds: float = 3.0) -> None:
        self._away = away_seconds

    def run(self, stage: Stage, rng: Random) -> float:
        broker = rng.choice(stage.cluster.brokers)
        broker.kill()
        hold(self._away)
        broker.restart()
        stage.cluster.wait_ready()
        back = time.monotonic()
        stage.cluster.wait_replicated()
        return back


class BrokerStop(Possible):
    """SIGSTOP of a broker for a while: connections stay open, nothing answers."""

    limit = BROKER_SECONDS

    def __init__(self, seconds: float) -> None:
        self.kind, self._seconds = f"broker SIGSTOP {seconds:g} s", seconds

    def run(self, stage: Stage, rng: Random) -> float:
        broker = rng.choice(stage.cluster.brokers)
        broker.stop()
        hold(self._seconds)
        broker.cont()
        back = time.monotonic()
        stage.cluster.wait_replicated()
        return back


class RollingRestart(Possible):
    """Each broker in turn is shut down in order and started again, as an operator would."""

    kind = "rolling restart"
    limit = BROKER_SECONDS

    def run(self, stage: Stage, rng: Random) -> float:
        for broker in rng.sample(stage.cluster.brokers, len(stage.cluster.brokers)):
            broker.restart()
            stage.cluster.wait_ready()
            stage.cluster.wait_replicated()
        return time.monotonic()


class _OnTheNetwork(Possible):
    limit = BROKER_SECONDS

    def impossible(self, stage: Stage) -> str | None:
        return None if stage.cluster.network else why_not() or "this run has no network of its own"


class Cut(_OnTheNetwork):
    """The link between the workers and one broker, or all, passes nothing for a while."""

    def __init__(self, brokers: int | None, seconds: float) -> None:
        """``brokers``: how many are cut off; None: all."""
        self._brokers, self._seconds = brokers, seconds
        self.kind = f"network cut to {'all brokers' if brokers is None else f'{brokers} broker'}"

    def run(self, stage: Stage, rng: Random) -> float:
        network = _network(stage)
        brokers = stage.cluster.brokers
        chosen = rng.sample(brokers, self._brokers or len(brokers))
        for broker in chosen:
            network.cut(broker.number)
        hold(self._seconds)
        for broker in chosen:
            network.mend(broker.number)
        return time.monotonic()


class Slow(_OnTheNetwork):
    """All links are slow; recovery counts from the moment they are fast again."""

    kind = "slow network"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def run(self, stage: Stage, rng: Random) -> float:  # noqa: ARG002 - nothing to choose
        network = _network(stage)
        for broker in stage.cluster.brokers:
            assert network.slow(broker.number), "this kernel can neither delay nor narrow a link"
        hold(self._seconds)
        for broker in stage.cluster.brokers:
            network.hurry(broker.number)
        return time.monotonic()


class DiskFull(Possible):
    """The disk under one broker's log is full: a small one is mounted there and filled; the broker dies of it."""

    kind = "disk full on a broker"
    limit = BROKER_SECONDS

    def impossible(self, stage: Stage) -> str | None:  # noqa: ARG002 - of the process, not of the stage
        return why_not()

    def run(self, stage: Stage, rng: Random) -> float:
        broker = rng.choice(stage.cluster.brokers)
        disk, kept = broker.folder / "data", broker.folder / "kept"
        broker.end()
        disk.rename(kept)
        disk.mkdir()
        _sh("mount", "-t", "tmpfs", "-o", f"size={_megabytes(kept) + FREE_MEGABYTES}m", "none", str(disk))
        _sh("cp", "-a", f"{kept}/.", str(disk))
        broker.restart()
        stage.cluster.wait_ready()
        _fill(disk)
        wait_until(broker.ended, f"broker {broker.number} gives up", BROKER_SECONDS)
        (disk / "filler").unlink()
        _sh("rm", "-rf", str(kept))
        _sh("cp", "-a", str(disk), str(kept))
        _sh("umount", str(disk))
        disk.rmdir()
        kept.rename(disk)
        broker.restart()
        stage.cluster.wait_ready()
        back = time.monotonic()
        stage.cluster.wait_replicated()
        return back


FREE_MEGABYTES = 24
"""Left free on the small disk for the time until it is filled."""


def _fill(disk: Path) -> None:
    subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filler", "bs=64k"], capture_output=True, check=False)


def _megabytes(folder: Path) -> int:
    said = subprocess.run(["du", "-sm", str(folder)], capture_output=True, text=True, check=True).stdout
    return int(said.split()[0])


def _sh(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _network(stage: Stage) -> Network:
    assert stage.cluster.network is not None
    return stage.cluster.network
