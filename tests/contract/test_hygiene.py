"""What holds for every test module, read from its syntax: it asserts, waits for conditions, skips for one reason."""

from __future__ import annotations

import ast
import signal
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
MODULES = {str(path.relative_to(TESTS)): ast.parse(path.read_text()) for path in sorted(TESTS.rglob("*.py"))}
TEST_MODULES = {name: tree for name, tree in MODULES.items() if Path(name).name.startswith("test_")}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def called(call: ast.Call) -> str:
    """``raises`` of ``pytest.raises(...)``, ``put`` of ``put(...)``."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def functions(node: ast.AST) -> Iterator[Function]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef))


def asserts_itself(function: Function) -> bool:
    asserts = any(isinstance(node, ast.Assert) for node in ast.walk(function))
    return asserts or any(called(call) in ("raises", "warns", "fail", "expect") for call in calls(function))


def asserting_helpers() -> set[str]:
    """Names of functions in tests that assert, or call one that does."""
    helpers = [function for tree in MODULES.values() for function in functions(tree)]
    found = {function.name for function in helpers if asserts_itself(function)}
    while more := {
        function.name
        for function in helpers
        if function.name not in found and any(called(call) in found for call in calls(function))
    }:
        found |= more
    return found


HELPERS = asserting_helpers()


def test_every_test_asserts_something() -> None:
    tests = [(name, function) for name, tree in TEST_MODULES.items() for function in functions(tree)]
    assert [
        f"{name}::{test.name}"
        for name, test in tests
        if test.name.startswith("test_")
        and not asserts_itself(test)
        and not any(called(call) in HELPERS for call in calls(test))
    ] == []


def sleeps(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of time.sleep, and of asyncio.sleep where it is awaited."""
    yield from (call for call in calls(tree) if ast.unparse(call.func) == "time.sleep")
    awaited = (node.value for node in ast.walk(tree) if isinstance(node, ast.Await))
    yield from (call for call in awaited if isinstance(call, ast.Call) and ast.unparse(call.func) == "asyncio.sleep")


def test_no_test_waits_for_a_time() -> None:
    """tests.servers.waiting waits for a condition, with a deadline. A minute or more stands for what never ends."""
    assert [
        f"{name}:{call.lineno}"
        for name, tree in TEST_MODULES.items()
        for call in sleeps(tree)
        if not yields_or_never_ends(call)
    ] == []


def yields_or_never_ends(call: ast.Call) -> bool:
    seconds = call.args[0]
    return isinstance(seconds, ast.Constant) and (seconds.value == 0 or float(str(seconds.value)) >= 60)


def test_a_test_is_skipped_for_lack_of_a_program_alone() -> None:
    """So that the last line of a run, which counts those, says everything. What takes long is marked slow."""
    assert [
        f"{name}:{call.lineno}"
        for name, tree in MODULES.items()
        for call in calls(tree)
        if called(call) in ("skip", "importorskip", "skipif", "xfail") and not for_lack_of_a_program(call)
    ] == []


def for_lack_of_a_program(call: ast.Call) -> bool:
    reason = call.args[0]
    return ast.unparse(call.func) == "pytest.skip" and isinstance(reason, ast.Call) and called(reason) == "lack_of"


def test_no_test_module_imports_another() -> None:
    """What two need is a builder, a server or a fixture of their folder."""
    assert [
        f"{name}:{node.lineno}"
        for name, tree in TEST_MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2].startswith("test_")
    ] == []


def test_a_child_of_a_test_hears_an_interrupt_even_if_the_run_itself_was_started_in_the_background() -> None:
    """A script's background process ignores SIGINT, and its children would inherit that."""
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
