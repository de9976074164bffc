"""The monitor of the compose file: where it listens, where its files lie, and the truth it is sent."""

from pathlib import Path

import pytest

from tests.builders.operator_files import MONITOR_PORT, SERVICES, image_environment


def test_monitor_is_asked_where_it_listens() -> None:
    monitor = SERVICES["monitor"]
    assert monitor["command"] == ["monitor"]
    assert monitor["ports"] == [f"127.0.0.1:{MONITOR_PORT}:{MONITOR_PORT}"]
    *words, program = monitor["healthcheck"]["test"]
    assert words == ["CMD", "python", "-c"]
    compile(program, "healthcheck", "exec")
    assert f"http://127.0.0.1:{MONITOR_PORT}/ready" in program


def test_no_two_services_want_the_same_port_of_this_machine() -> None:
    wanted = [port for service in SERVICES.values() for each in service.get("ports", []) for port in published(each)]
    assert len(wanted) == len(set(wanted))


def published(port: str) -> range:
    """The ports of this machine that ``127.0.0.1:1-2:3`` takes."""
    first, _, last = port.split(":")[1].partition("-")
    return range(int(first), int(last or first) + 1)


@pytest.mark.parametrize(
    ("service", "setting"),
    [
        ("clients", "STREAM_APP_CLIENTS"),
        ("scorer", "STREAM_APP_CLIENTS"),
        ("monitor", "STREAM_APP_STORE"),
        ("monitor", "STREAM_APP_REPORTS"),
    ],
)
def test_what_a_service_writes_or_reads_lies_in_a_volume_of_its_own(service: str, setting: str) -> None:
    [(volume, folder)] = [each.split(":") for each in SERVICES[service]["volumes"]]
    assert Path(image_environment()[setting]).is_relative_to(folder)
    assert Path(folder).is_absolute()
    assert (volume == "decisions") == (service == "monitor")


def test_the_truth_of_the_book_follows_its_requests() -> None:
    sent = SERVICES["simulator"]["command"]
    told = SERVICES["outcomes"]["command"]
    assert told[:2] == ["produce", "--outcomes"]
    assert told[told.index("--sample") + 1] == sent[sent.index("--sample") + 1]
    assert SERVICES["outcomes"]["depends_on"]["simulator"] == {"condition": "service_completed_successfully"}
