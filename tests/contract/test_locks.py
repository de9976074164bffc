"""The lock files: complete, hashed, one resolution, no address of a registry."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME, TEST, BENCH, BUILD = (f"requirements{each}.txt" for each in ("", "-test", "-bench", "-build"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = {
    RUNTIME: PROJECT["project"]["dependencies"],
    TEST: PROJECT["project"]["dependencies"] + EXTRAS["test"],
    BENCH: PROJECT["project"]["dependencies"] + EXTRAS["test"] + EXTRAS["bench"],
    BUILD: PROJECT["build-system"]["requires"],
}

every_lock = pytest.mark.parametrize("lock", WANTED)


def pins(lock: str) -> dict[str, str]:
    """Each pin's line (with its marker) and the hashes that follow it."""
    entries = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    return {pin.strip(): f"--hash={hashes}" for pin, _, hashes in (entry.partition(" --hash=") for entry in entries)}


def versions(lock: str) -> dict[str, str]:
    """The version of each package on this Python and machine."""
    here = [pin for pin in map(Requirement, pins(lock)) if pin.marker is None or pin.marker.evaluate()]
    return {pin.name: next(iter(pin.specifier)).version for pin in here}


@every_lock
def test_lock_holds_what_the_project_asks_for(lock: str) -> None:
    locked = versions(lock)
    for wanted in map(Requirement, WANTED[lock]):
        assert locked[wanted.name] in wanted.specifier, f"{wanted} is not met: run `make lock`"


@every_lock
def test_every_pin_is_exact_and_hashed_and_none_names_an_address(lock: str) -> None:
    for pin, hashes in pins(lock).items():
        requirement = Requirement(pin)
        assert requirement.url is None
        assert [each.operator for each in requirement.specifier] == ["=="]
        assert re.fullmatch(r"(--hash=sha256:[0-9a-f]{64}\s*)+", hashes)


@pytest.mark.parametrize(("smaller", "larger"), [(RUNTIME, TEST), (TEST, BENCH)])
def test_a_larger_lock_has_the_same_pins_and_more(smaller: str, larger: str) -> None:
    """So tests and benchmarks run on exactly the versions production has, and one environment serves all three."""
    assert pins(smaller).items() < pins(larger).items()
