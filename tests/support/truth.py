"""What the code says that guides have to tell: names of events, of kinds of audit rows, of messages, of variables."""

import ast
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ANY = "*"
"""Stands in a name for what is only known when it runs."""

NAME = re.compile(r"[a-z][a-z0-9_*]*")
KIND = re.compile(r"[a-z_]+(\.[a-z_]+)?")
VARIABLE = re.compile(r"(TORU|ADMIN|STEERING)_[A-Z_]+|PRODUCTION|SECURE_COOKIES|TRUST_PROXY|PLUGIN_METADATA")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        place = ROOT / folder
        yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


def _text(node: ast.expr | None, constants: dict[str, str]) -> str | None:
    """The text of an expression, with ANY for what is only known later; None when it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else ANY for part in node.values]
        return "".join(map(str, parts))
    return None


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _told(folders: Iterable[str], pick: Callable[[ast.AST], Iterable[ast.expr]]) -> Iterator[tuple[Path, str]]:
    """The texts that `pick` finds in any file, by file."""
    for path in _files(*folders):
        constants = _constants(_tree(path))
        for node in ast.walk(_tree(path)):
            for one in pick(node):
                if (text := _text(one, constants)) is not None:
                    yield path, text


def _called(node: ast.AST) -> str:
    """The last name of what a call calls, empty for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _arguments(node: ast.AST) -> list[ast.expr]:
    """Positional arguments of a call; of `a if b else c` both."""
    found: list[ast.expr] = []
    for argument in node.args if isinstance(node, ast.Call) else ():
        found += [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
    return found


def log_events() -> set[str]:
    """Every value of the field `event` in `toru.log`, `plugin-supervisor.log` and what we write into plugins' logs."""

    def pick(node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.Dict):
            yield from (value for key, value in _items(node) if key == "event")
        elif isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "event")
            if _called(node) in ("_note", "_warn"):
                yield from node.args[-1:]
            if _called(node) == "_tell":
                yield from (one for one in _arguments(node) if str(getattr(one, "value", "")).startswith("plugin_"))

    others = ("app/plugins/conformance", "app/plugins/pages/messages.py")
    found = {
        text
        for path, text in _told(("app", "ui"), pick)
        if NAME.fullmatch(text) and not str(path.relative_to(ROOT)).startswith(others)
    }
    return found | set(_supervisor_events())


def _supervisor_events() -> Iterator[str]:
    """The table of what a plugin's states are called in its log."""
    from app.plugins.supervisor import EVENTS

    yield from (event for _, event in EVENTS.values())


def audit_kinds() -> set[str]:
    """Every kind of row that something writes into the audit, as far as it stands in the code as a text."""

    def pick(node: ast.AST) -> Iterator[ast.expr]:
        if _called(node) in ("append", "record", "try_record"):
            yield from _arguments(node)
        elif isinstance(node, ast.Assign) and _kind_constant(node):
            yield from [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]

    return {text for _, text in _told(("app",), pick) if KIND.fullmatch(text) and "." in text}


def _kind_constant(node: ast.Assign) -> bool:
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    return any(name == "what" or name.isupper() for name in names)


def variables() -> set[str]:
    """Every variable of the environment that the product reads or sets, in Python and in `toru`."""
    found = {text for path in _files("app", "ui") for text in _strings(_tree(path)) if VARIABLE.fullmatch(text)}
    return found | set(re.findall(r"\b(?:TORU|ADMIN)_[A-Z_]+\b", (ROOT / "toru").read_text()))


def _strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.rstrip("=")


def told_types(*files: str) -> set[str]:
    """The values of `type`, as an argument or a key, of messages that these files send."""

    def pick(node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.Dict):
            yield from (value for key, value in _items(node) if key == "type")
        elif isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "type")

    return {text for _, text in _told(files, pick) if "." not in text}


def told_actions(*files: str) -> set[str]:
    """The values of the key `action` of messages that these files send."""

    def pick(node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.Dict):
            yield from (value for key, value in _items(node) if key == "action")

    return {text for _, text in _told(files, pick)}


def compared(name: str, file: str, function: str) -> set[str]:
    """The texts that a function compares a variable with, or a field that it gets, or looks for in it."""
    found: set[str] = set()
    for node in ast.walk(_function(file, function)):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if name in {getattr(side, "id", None) for side in sides} | {_gotten(side) for side in sides}:
            inner = [one for side in sides for one in (side.elts if isinstance(side, ast.Tuple) else [side])]
            found |= {text for text in (_text(one, {}) for one in inner) if text is not None}
    return found


def _gotten(node: ast.expr) -> str | None:
    """`action` for `fields.get("action")`."""
    return _text(node.args[0], {}) if isinstance(node, ast.Call) and _called(node) == "get" and node.args else None


def fields_read(name: str, file: str, function: str) -> set[str]:
    """The names of fields that a function asks a variable for, with `get` or `in`."""
    gotten = {
        text
        for node in ast.walk(_function(file, function))
        if isinstance(node, ast.Call) and _called(node) == "get"
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", None) == name
        for text in [_text(node.args[0], {})]
        if text is not None
    }
    return gotten | compared(name, file, function)


def keywords(call: str, file: str) -> set[str]:
    """The names of the keyword arguments of all calls of something in a file."""
    return {
        keyword.arg
        for node in ast.walk(_tree(ROOT / file))
        if isinstance(node, ast.Call) and _called(node) == call
        for keyword in node.keywords
        if keyword.arg is not None
    }


def first_arguments(call: str, *files: str) -> set[str]:
    """The texts that are the first argument of calls of something in these files."""
    return {text for _, text in _told(files, lambda node: node.args[:1] if _called(node) == call else ())}  # type: ignore[attr-defined]


def texts_in(file: str, function: str) -> set[str]:
    """Every text in a function."""
    return set(_strings(ast.Module([_function(file, function)], [])))


def _function(file: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    for node in ast.walk(_tree(ROOT / file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
    raise LookupError(f"{file} has no function {name}; tell tests/test_reference.py where it went.")


def _items(node: ast.Dict) -> Iterator[tuple[object, ast.expr]]:
    for key, value in zip(node.keys, node.values, strict=True):
        yield getattr(key, "value", None), value


def names_metric(name: str) -> bool:
    """Whether the code that tells figures has this name, perhaps as the end behind a common beginning."""
    texts = {text for path in _files("app/metrics") for text in _strings(_tree(path))}
    return any(name == text or (text and name.endswith("_" + text)) for text in texts)
