"""The gateway of the compose file: where it listens, what it reads, and that it asks for keys."""

from pathlib import Path

import pytest

from tests.builders.operator_files import GATEWAY_PORT, SERVICES, final_stage, image_environment

GATEWAY = SERVICES["gateway"]
SETTINGS = image_environment() | GATEWAY["environment"]


def volume_of(service: str, path: str) -> tuple[str, Path]:
    """The volume that holds this path of a service's container, and the place in it."""
    mounts = [mount.split(":")[:2] for mount in SERVICES[service]["volumes"]]
    [(volume, folder)] = [(volume, folder) for volume, folder in mounts if Path(path).is_relative_to(folder)]
    return volume, Path(path).relative_to(folder)


def test_healthcheck_asks_where_the_gateway_listens() -> None:
    assert GATEWAY["command"] == ["gateway"]
    assert GATEWAY["ports"] == [f"127.0.0.1:{GATEWAY_PORT}:{GATEWAY_PORT}"]
    *words, program = GATEWAY["healthcheck"]["test"]
    assert words == ["CMD", "python", "-c"]
    compile(program, "healthcheck", "exec")
    assert f"http://127.0.0.1:{GATEWAY_PORT}/ready" in program


def test_image_names_the_port_of_every_role() -> None:
    assert str(GATEWAY_PORT) in final_stage()["EXPOSE"].split()


@pytest.mark.parametrize(
    ("setting", "writer"),
    [("STREAM_APP_CLIENTS", "clients"), ("STREAM_APP_STORE", "monitor"), ("STREAM_APP_REPORTS", "monitor")],
)
def test_gateway_reads_what_the_others_write(setting: str, writer: str) -> None:
    assert volume_of("gateway", SETTINGS[setting]) == volume_of(writer, image_environment()[setting])


def test_keys_outlive_the_container_that_asks_for_them() -> None:
    """It listens beyond its own loopback address, so it asks for them."""
    assert SETTINGS["STREAM_APP_GATEWAY_HOST"] == "0.0.0.0"  # noqa: S104
    volume_of("gateway", SETTINGS["STREAM_APP_KEYS"])
