"""A network between workers and brokers that can be cut and slowed: a namespace and one link to each broker.

Everything lies in namespaces of this run: what is made here goes with its processes, and no other process of the
machine sees it. Needs root and ``unshare`` (see ``enclosed.py``).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.waiting import wait_until

SLOW = "netem delay 50ms 20ms loss 1%"
NARROW = "tbf rate 1mbit burst 16kb latency 400ms"
"""For kernels without netem: a link this narrow queues, delays, and drops what does not fit."""


class Network:
    """``addresses``: of the brokers, one each, as workers in :attr:`enter` see them."""

    def __init__(self, brokers: int) -> None:
        self._inside = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._links = [f"chaos{number}" for number in range(1, brokers + 1)]
        self.addresses = [f"10.77.{number}.1" for number in range(1, brokers + 1)]
        self.enter = ["nsenter", f"--net=/proc/{self._inside.pid}/ns/net", "--"]
        own = Path("/proc/self/ns/net").readlink()
        wait_until(lambda: Path(f"/proc/{self._inside.pid}/ns/net").readlink() != own, "the namespace is there")
        self._run_inside("ip link set lo up")
        for number, link in enumerate(self._links, 1):
            self._lay(number, link)

    def _lay(self, number: int, link: str) -> None:
        _run(f"ip link add {link} type veth peer name {link}w netns {self._inside.pid}")
        _run(f"ip address add 10.77.{number}.1/24 dev {link}")
        _run(f"ip link set {link} up")
        self._run_inside(f"ip address add 10.77.{number}.2/24 dev {link}w")
        self._run_inside(f"ip link set {link}w up")

    def cut(self, broker: int) -> None:
        """From now on nothing passes between the workers and this broker; nobody is told."""
        _run(f"ip link set {self._links[broker - 1]} down")

    def mend(self, broker: int) -> None:
        _run(f"ip link set {self._links[broker - 1]} up")

    def slow(self, broker: int) -> str:
        """Slow the way to the workers; how, in the words of ``tc``."""
        link = self._links[broker - 1]
        for how in (SLOW, NARROW):
            if subprocess.run(f"tc qdisc replace dev {link} root {how}".split(), capture_output=True).returncode == 0:
                return how
        return ""

    def hurry(self, broker: int) -> None:
        """Take back :meth:`slow`."""
        _run(f"tc qdisc del dev {self._links[broker - 1]} root")

    def close(self) -> None:
        self._inside.kill()
        self._inside.wait()

    def _run_inside(self, command: str) -> None:
        _run(" ".join([*self.enter, command]))


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True)
