"""A real Prometheus with the shipped rules, on a free port of this machine, asked over its own API."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stream_app.broker.ports import free_ports
from tests.builders.prometheus_files import ALERTS, RECORDING
from tests.servers.tools import TOOLS

Labels = dict[str, str]


@dataclass
class Prometheus:
    """One server. ``since``: Unix time of its start."""

    process: subprocess.Popen[bytes]
    port: int
    since: float

    @classmethod
    def start(cls, folder: Path, ports: Mapping[str, int]) -> Prometheus:
        """Scrape these ports of this machine, by job name, every second; the rules are those shipped, with ``for`` cut
        to a second. Raises ToolMissing.
        """
        program = str(TOOLS["prometheus"].path())
        _write_configuration(folder, ports)
        [port] = free_ports(1)
        command = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        with (folder / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        return cls(process, port, time.time())

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(timeout=30)

    def ready(self) -> bool:
        """Whether it answers."""
        assert self.process.poll() is None, "Prometheus ended; see prometheus.log in the test's folder"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    def now(self, expr: str) -> list[tuple[Labels, float]]:
        """The series an expression has at this moment."""
        result = self._ask("query", query=expr)["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]

    def ever(self, expr: str) -> list[Labels]:
        """The series that had a number at any second since the start; not-a-number is none."""
        result = self._ask("query_range", query=expr, start=self.since, end=time.time(), step=1)["result"]
        return [each["metric"] for each in result if not all(math.isnan(float(v)) for _, v in each["values"])]

    def firing(self, alert: str) -> list[Labels]:
        """The labels of the alerts of this name that fire now."""
        return [labels for labels, _ in self.now(f'ALERTS{{alertname="{alert}", alertstate="firing"}}')]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health, as the server says."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, what: str, **parameters: object) -> Any:
        form = urllib.parse.urlencode(parameters).encode() or None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{what}", form, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{parameters.get('query')}: {refused.read().decode()}") from refused


def _write_configuration(folder: Path, ports: Mapping[str, int]) -> None:
    shutil.copy(RECORDING, folder)
    (folder / ALERTS.name).write_text(re.sub(r"for: \d+m", "for: 1s", ALERTS.read_text()))
    jobs = [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for job, port in ports.items()]
    every_second = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config = {"global": every_second, "rule_files": [RECORDING.name, ALERTS.name], "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
