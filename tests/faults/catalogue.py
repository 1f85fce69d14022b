"""The catalogue of faults: what is tried, what must come of it, and which tests show it."""

import ast
import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TESTS = Path(__file__).resolve().parents[1]
FILE = Path(__file__).with_name("catalogue.toml")

Size = Literal["smoke", "full", "soak"]
SIZES: tuple[Size, ...] = ("smoke", "full", "soak")

AREAS = {
    "A": "Sign-in, sessions, web",
    "X": "Scripts",
    "G": "Plugins",
    "S": "Storage",
    "O": "Operations",
    "L": "Licence keys",
}
LEVELS = ("unit", "process", "server", "storm")


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        level: how near to the real thing it is tried: unit, process, server or storm.
        size: the smallest size that tries it.
        do: what is done to the product.
        expect: what must come of it.
        reason: what of it is not tried, and why; empty when all of it is.
        not_tried: whether nothing of it is tried.
    """

    id: str
    level: str
    size: Size
    do: str
    expect: str
    reason: str = ""
    not_tried: bool = False

    @property
    def area(self) -> str:
        """What it belongs to, for people."""
        return AREAS[self.id[0]]


@functools.cache
def rows() -> dict[str, Row]:
    """Every row by its id, in the order of the file."""
    return {name: Row(name, **fields) for name, fields in tomllib.loads(FILE.read_text()).items()}


@functools.cache
def holders() -> dict[str, tuple[str, ...]]:
    """The tests that name a row, by the row's id: read from their text, so that nothing has to be imported."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, test in _marked(ast.parse(path.read_text(), str(path))):
            found.setdefault(name, []).append(f"{path.relative_to(TESTS.parent)}::{test}")
    return {name: tuple(tests) for name, tests in found.items()}


def _marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(row, test) of each marker."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault":
                    yield from ((str(ast.literal_eval(argument)), node.name) for argument in decorator.args)
