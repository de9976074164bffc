"""Image, compose file and workflow keep the rules a deployment relies on. Checked without a container engine."""

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.broker.kafka_download import KAFKA_VERSION
from stream_app.runtime.watchdog import STOP_SECONDS
from tests.builders.operator_files import ROOT, SERVICES, WEB_PORT, final_stage, instructions, run
from tests.servers.tools import TOOLS

WORKFLOWS = CI, NIGHTLY = [ROOT / f".github/workflows/{name}.yml" for name in ("ci", "nightly")]
WORKFLOW = yaml.safe_load(CI.read_text())

every_workflow = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


# ---- the tools' own judgement ----------------------------------------------------------------------------------------


def test_hadolint_has_nothing_to_say() -> None:
    checked = run("hadolint", "--failure-threshold", "style", "Dockerfile")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.compose
@pytest.mark.parametrize("profile", ["", "demo", "follow"])
def test_compose_takes_its_file(profile: str) -> None:
    checked = run(TOOLS["compose"].path(), "--profile", profile, "config", "--quiet")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.compose
def test_compose_would_refuse_a_wrong_file(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yml"
    wrong.write_text("services: {a: {image: a, depends_on: [nobody]}}")
    assert run(TOOLS["compose"].path(), "--file", wrong, "config", "--quiet").returncode != 0


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.compose-spec", "docker-compose.yml"),
        *(("vendor.github-workflows", file) for file in WORKFLOWS),
        *(("custom.github-workflows-require-timeout", file) for file in WORKFLOWS),
    ],
)
def test_file_follows_its_published_schema(schema: str, file: str | Path) -> None:
    checked = run("check-jsonschema", "--builtin-schema", schema, file)
    assert checked.returncode == 0, checked.stdout + checked.stderr


# ---- rules of the image ----------------------------------------------------------------------------------------------


def test_image_runs_as_a_number_that_is_not_root() -> None:
    """A number, because an orchestrator that forbids root cannot look a name up."""
    user, _, group = final_stage()["USER"].partition(":")
    assert int(user) >= 1000
    assert int(group) >= 1000


def test_image_gets_the_runtime_lock_with_its_hashes_and_no_other() -> None:
    steps = [rest for word, rest in instructions(ROOT / "Dockerfile") if word == "RUN"]
    commands = [shlex.split(command) for step in steps for command in step.split("&&")]
    installed = {command[command.index("-r") + 1]: command for command in commands if "-r" in command}
    assert all("--require-hashes" in command for command in installed.values())
    shipped = [lock for lock, command in installed.items() if "--python" in command]
    assert shipped == ["requirements.txt"]


def test_image_starts_its_command_without_a_shell_between() -> None:
    """Under a shell the worker would not get SIGTERM and would lose its batch in hand."""
    stage = final_stage()
    assert json.loads(stage["ENTRYPOINT"]) == ["stream-app"]
    assert json.loads(stage["CMD"]) == ["worker"]


def test_image_is_healthy_when_the_worker_says_ready() -> None:
    words, _, command = final_stage()["HEALTHCHECK"].partition("CMD ")
    program = json.loads(command)
    assert program[:2] == ["python", "-c"]
    compile(program[2], "healthcheck", "exec")
    assert f"http://127.0.0.1:{WEB_PORT}/ready" in program[2]
    assert "--start-period=" in words


def test_all_stages_are_made_of_the_same_pinned_base() -> None:
    sources = [rest.split() for word, rest in instructions(ROOT / "Dockerfile") if word == "FROM"]
    stages = {words[2] for words in sources if "AS" in words}
    [base] = {words[0] for words in sources} - stages
    assert_pinned(base)


def test_a_change_of_the_code_does_not_ship_the_dependencies_again() -> None:
    """The layer with the dependencies is copied from a stage that holds the lock and no code."""
    dependencies, _, rest = (ROOT / "Dockerfile").read_text().partition("FROM dependencies AS build")
    assert re.findall(r"^COPY (.*)$", dependencies, re.MULTILINE) == ["requirements.txt ./"]
    copied = re.findall(r"^COPY --from=(\w+) (\S+) (\S+)$", rest, re.MULTILINE)
    assert copied == [("dependencies", "/opt/stream-app", "/opt/stream-app"), ("build", "/project", "/opt/stream-app")]


# ---- rules of the compose file ---------------------------------------------------------------------------------------


def assert_pinned(image: str) -> None:
    _, _, tag = image.rpartition("/")[2].partition(":")
    assert re.match(r"v?\d", tag), f"{image} has no version for a tag"


@every_service
def test_image_has_a_version(service: dict[str, Any]) -> None:
    assert_pinned(service["image"])


@every_service
def test_ports_are_bound_to_this_machine_alone(service: dict[str, Any]) -> None:
    """Docker's published ports go round the host's firewall."""
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@every_service
def test_service_has_no_rights_it_does_not_need(service: dict[str, Any]) -> None:
    user = service["user"] if "user" in service else final_stage()["USER"]
    assert int(user.split(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc"}


@every_service
def test_service_cannot_take_the_whole_machine(service: dict[str, Any]) -> None:
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["pids_limit"]


@every_service
def test_service_runs_on_with_a_health_check_or_once_without(service: dict[str, Any]) -> None:
    check = service.get("healthcheck") or ("build" in service and final_stage().get("HEALTHCHECK"))
    if service["restart"] == "no":
        assert check == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert check
        assert check != {"disable": True}


def test_image_has_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own = {service["image"] for service in SERVICES.values() if "build" in service}
    assert own == {f"{project['name']}:{project['version']}"}


def test_deployed_kafka_is_the_one_the_tests_run_against() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_kafka_sends_each_client_to_an_address_it_can_reach() -> None:
    kafka = SERVICES["kafka"]
    published, container_port = kafka["ports"][0].rsplit(":", 1)
    listeners = dict(each.split("://:") for each in kafka["environment"]["KAFKA_LISTENERS"].split(","))
    advertised = dict(each.split("://") for each in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert listeners["HOST"] == container_port
    assert advertised["HOST"] == published
    assert advertised["INSIDE"] == f"kafka:{listeners['INSIDE']}"
    assert advertised["INSIDE"] == SERVICES["scorer"]["environment"]["STREAM_APP_KAFKA"]


def test_kafka_keeps_the_place_of_a_group_as_long_as_the_requests() -> None:
    """A group whose offsets are gone begins at the beginning, and decides again what it no longer remembers."""
    kafka = SERVICES["kafka"]["environment"]
    assert kafka["KAFKA_LOG_RETENTION_MS"] == "-1"
    assert int(kafka["KAFKA_OFFSETS_RETENTION_MINUTES"]) > 5 * 365 * 24 * 60


@pytest.mark.parametrize("worker", ["scorer", "monitor", "follower"])
def test_a_worker_has_longer_to_stop_than_it_gives_itself_and_is_started_anew_when_it_ends_by_itself(
    worker: str,
) -> None:
    """It ends on purpose, uncommitted, when in doubt for too long."""
    service = SERVICES[worker]
    assert int(service["stop_grace_period"].removesuffix("s")) > STOP_SECONDS
    assert service["restart"] == "unless-stopped"


# ---- rules of the gates ----------------------------------------------------------------------------------------------


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in yaml.safe_load(workflow.read_text())["jobs"].values() for step in job["steps"]]


@every_workflow
def test_a_workflow_may_only_read(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())


@every_workflow
def test_actions_have_a_version(file: Path) -> None:
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps(file) if "uses" in step)


def test_image_is_built_of_tested_code_only() -> None:
    assert WORKFLOW["jobs"]["image"]["needs"] == "tests"


def test_no_test_is_skipped_where_it_counts() -> None:
    [tests] = [step for step in steps(CI) if "make test" in step.get("run", "")]
    assert tests["env"]["REQUIRE_ALL_TOOLS"] == "1"
    assert "export REQUIRE_ALL_TOOLS=1" in (ROOT / ".ci/run").read_text()


def test_every_gate_runs_everything() -> None:
    assert "make test-all" in " ".join(step.get("run", "") for step in steps(CI))
    assert "exec make test-all" in (ROOT / ".ci/run").read_text()


def test_the_hour_of_chaos_and_the_fuzz_run_every_night() -> None:
    commands = " ".join(step.get("run", "") for step in steps(NIGHTLY))
    assert "make chaos MINUTES=60" in commands
    assert "make fuzz" in commands


def test_make_help_lists_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert commands
    command = ["make", "--no-print-directory", "help"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == commands[1].split()


def test_ci_script_can_be_run() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["/bin/bash", "-n", script], check=False).returncode == 0
