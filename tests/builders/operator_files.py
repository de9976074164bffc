"""The files an operator runs, parsed, and the tools that judge them. No container engine."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from stream_app.settings import FollowerSettings, GatewaySettings, MonitorSettings, WorkerSettings

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
WEB_PORT = WorkerSettings.model_fields["web_port"].default
MONITOR_PORT = MonitorSettings.model_fields["monitor_port"].default
FOLLOWER_PORT = FollowerSettings.model_fields["clients_port"].default
GATEWAY_PORT = GatewaySettings.model_fields["gateway_port"].default


def run(tool: str | Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of the test environment in the project's folder."""
    path = Path(sys.executable).with_name(tool) if isinstance(tool, str) else tool
    return subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """(INSTRUCTION, arguments) of each logical line: comments dropped, continued lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not re.match(r"\s*(#|$)", line)]
    logical = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(word.upper(), rest) for word, rest in (line.split(maxsplit=1) for line in logical)]


def image_environment() -> dict[str, str]:
    """What the image sets for every role."""
    return dict(word.split("=", 1) for word in final_stage()["ENV"].split())


def final_stage() -> dict[str, str]:
    """The last value of each instruction of the stage that is shipped."""
    whole = instructions(ROOT / "Dockerfile")
    start = max(index for index, (word, _) in enumerate(whole) if word == "FROM")
    return dict(whole[start:])
