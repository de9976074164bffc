"""Our libraries' private names: each one we use is listed, is still there, and is called as we expect.

A new version of Faust, aiokafka, LightGBM or uvicorn may rename or change them without a word in its change log; what
moved is named here, before anything is started. And no name of ours replaces one of theirs by accident.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contract.private_names import DOCUMENTED, INTERNALS, OVERRIDES, USED

ROOT = Path(__file__).parents[2]
SOURCES = [path for package in ("stream_app", "monitoring", "models") for path in (ROOT / package).rglob("*.py")]


def load(dotted: str) -> Any:
    """``module:Class``, or a module."""
    module, _, name = dotted.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, name) if name else loaded


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_in(tree: ast.AST) -> set[str]:
    """Private attributes that are read or written, and private names that are imported."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {part for node in imports for alias in node.names for part in alias.name.split(".")}
    modules = {part for node in imports if isinstance(node, ast.ImportFrom) for part in (node.module or "").split(".")}
    return {name for name in attributes | imported | modules if is_private(name)}


def defined_in(tree: ast.AST) -> set[str]:
    """Names that functions, classes and assignments of a file give. An annotation alone gives none."""
    annotated = {id(node.target) for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and node.value is None}
    return {name for node in ast.walk(tree) if id(node) not in annotated for name in _defines(node)}


def _defines(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
        yield node.attr


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


@cache
def known_to(base: type) -> frozenset[str]:
    """What a library's class and its bases define, annotate or assign to ``self``."""
    names: set[str] = set()
    for owner in base.__mro__[:-1]:
        names |= vars(owner).keys() | getattr(owner, "__annotations__", {}).keys()
        try:
            names |= set(re.findall(r"\bself\.(\w+)", inspect.getsource(owner)))
        except (OSError, TypeError):  # compiled
            continue
    return frozenset(names)


def own_names(subclass: type) -> set[str]:
    """What the body of one of our classes defines or assigns to ``self``."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(subclass)))
    [body] = tree.body
    assert isinstance(body, ast.ClassDef)
    members = {name for node in body.body for name in _members(node)}
    stored = {
        node.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value)
    }
    return members | stored


def _members(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id


@pytest.mark.parametrize(("subclass", "base"), [(name, base) for name, (base, _) in OVERRIDES.items()])
def test_whatever_a_subclass_replaces_of_its_library_is_listed(subclass: str, base: str) -> None:
    """One that is not listed replaces a name of the library by accident."""
    replaced = own_names(load(subclass)) & known_to(load(base))
    assert replaced - {"__init__", "logger"} == set(OVERRIDES[subclass][1])


@pytest.mark.parametrize(
    ("base", "name", "parameters"),
    [(base, name, listed) for base, names in OVERRIDES.values() for name, listed in names.items()],
)
def test_whatever_is_replaced_is_there_and_called_as_before(base: str, name: str, parameters: str | None) -> None:
    assert name in known_to(load(base)), f"{base} has no {name} any more"
    if parameters is not None:
        signature = inspect.signature(inspect.unwrap(getattr(load(base), name)))
        assert " ".join(signature.parameters) == parameters, f"{base}.{name} is called otherwise"


def test_every_class_that_extends_a_library_s_is_listed() -> None:
    extending = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) in _LIBRARY_BASES for base in node.bases):
                extending.add(f"{path.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')}:{node.name}")
    assert extending == OVERRIDES.keys()


_LIBRARY_BASES = {
    *("faust.App", "driver.Consumer", "driver.Transport", "driver.AIOKafkaConsumerThread", "Recovery"),
    *("TableManager", "Service", "HttpToolsProtocol", "uvicorn.Server"),
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_name_of_a_library_is_used_that_is_not_listed(path: Path) -> None:
    tree = ast.parse(path.read_text())
    file = str(path.relative_to(ROOT))
    listed = {name for names in USED.get(file, {}).values() for name in names}
    replaced = {
        name
        for subclass, (_, names) in OVERRIDES.items()
        if subclass.startswith(file.removesuffix(".py").replace("/", ".") + ":")
        for name in names
    }
    foreign = private_in(tree) - defined_in(tree) - replaced - DOCUMENTED
    assert foreign == listed - (defined_in(tree) | replaced)


@pytest.mark.parametrize(
    ("owner", "name"),
    sorted({(owner, name) for file in (*USED.values(), INTERNALS) for owner, names in file.items() for name in names}),
)
def test_every_name_that_is_used_is_still_there(owner: str, name: str) -> None:
    loaded = load(owner)
    there = name in known_to(loaded) if isinstance(loaded, type) else hasattr(loaded, name)
    assert there, f"{owner} has no {name} any more"


def test_faust_s_own_pair_stays_inside_the_transport() -> None:
    """Everybody else uses :class:`stream_app.events.TopicPartition`."""
    importing = {
        path.relative_to(ROOT).parts[:2]
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "faust.types"
    }
    assert importing == {("stream_app", "transport")}
