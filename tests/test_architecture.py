"""The shape of the project, as rules that say what to do instead."""

import ast
import functools
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("app", "ui", "theme")
CONCEPTS = (
    "settings",
    "users",
    "auth",
    "tokens",
    "second_factor",
    "actions",
    "runs",
    "monitor",
    "audit",
    "plugins",
    "retention",
    "backup",
    "fleet",
)
BESIDE_THE_TREE = ("bench", "faults", "properties", "proxies", "scripts", "sdk", "support", "theme", "ui")
MOST_LINES = 350
MOST_FUNCTION_LINES = 50
SHARED_TRANSACTIONS = ("app.auth.sessions",)  # a session is issued only to an account that is still there and active
APART = ("bench", "faults", "properties", "scripts", "sdk", "support", "theme", "ui")  # tests of no one folder of app/
NICEGUI_HOMES = re.compile(r"ui(\..+)?|theme\.apply|app\.main")


@dataclass(frozen=True)
class Module:
    """One file of the product, and what it imports wherever in the file."""

    name: str
    path: Path
    tree: ast.Module
    imports: frozenset[str]

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every Python file of the product."""
    return tuple(_read(path) for part in PRODUCT for path in sorted((ROOT / part).rglob("*.py")))


def _read(path: Path) -> Module:
    tree = ast.parse(path.read_text(), str(path))
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, tree, frozenset(_imports(tree)))


def _imports(tree: ast.Module) -> Iterator[str]:
    """`a.b` for `import a.b`; `a.b` and `a.b.c` for `from a.b import c`, for c may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, *packages: str) -> bool:
    """Whether a module is one of the packages or lies in one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


# Who may not import what, and what to do instead: imports only go down, main → ui.pages → services, schemas → core.
DOWNWARDS: tuple[tuple[str, Callable[[str], bool], Callable[[str], bool], str], ...] = (
    (
        "theme knows neither ui nor app",
        lambda who: within(who, "theme"),
        lambda what: within(what, "app", "ui"),
        "Pass what it needs as an argument, or move the constant into theme/tokens.py.",
    ),
    (
        "the backend knows nothing of pages",
        lambda who: within(who, "app") and who != "app.main",
        lambda what: within(what, "ui", "theme"),
        "Let the page call the service, or use a subscribe() of the service. app/main.py joins the two.",
    ),
    (
        "core knows no concept",
        lambda who: within(who, "app.core") and not within(who, "app.core.migrations"),
        lambda what: within(what, "app") and what != "app" and not within(what, "app.core"),
        "Core is what every concept builds on: let the concept hand in what core needs (a value, a callback).",
    ),
    (
        "a concept is not a composition root",
        lambda who: within(who, *(f"app.{concept}" for concept in CONCEPTS)),
        lambda what: within(what, "app.main", "app.bootstrap", "app.api", "app.cli", "app.control", "app.operations"),
        "Take what you need in the constructor; app/bootstrap.py passes it.",
    ),
    (
        "only doors get all services",
        lambda who: within(who, *(f"app.{concept}" for concept in CONCEPTS)) and not _is_door(who),
        lambda what: within(what, "app.services", "app.access"),
        "A service receives exactly what it needs, by its constructor; only routes and sockets take them all.",
    ),
    (
        "pages reach no table",
        lambda who: within(who, "ui"),
        lambda what: what.endswith(".models") or within(what, "sqlmodel", "sqlalchemy", "app.core.database"),
        "Call the concept's service; it returns frozen objects from schemas.py.",
    ),
    (
        "pages reach no route",
        lambda who: within(who, "ui"),
        lambda what: what.endswith(".routes") or within(what, "app.main", "app.bootstrap", "app.api", "app.cli"),
        "Routes are a door for others; a page calls the service behind it.",
    ),
    (
        "components take data, not services",
        lambda who: within(who, "ui.components"),
        lambda what: within(what, "app.services", "app.bootstrap") or what.endswith(".service"),
        "Give the component values and callbacks; the page in ui/pages calls the service.",
    ),
    (
        "psutil has one place",
        lambda who: not within(who, "app.monitor"),
        lambda what: within(what, "psutil"),
        "Ask the monitor service for a snapshot.",
    ),
)


def _is_door(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last in ("routes", "sockets") or last.endswith(("_routes", "_socket", "_sockets"))


@pytest.mark.parametrize(("rule", "who", "what", "instead"), DOWNWARDS, ids=[rule[0] for rule in DOWNWARDS])
def test_imports_only_go_down(rule: str, who: Callable[[str], bool], what: Callable[[str], bool], instead: str) -> None:
    found = [
        f"{module} imports {name}" for module in modules() if who(module.name) for name in module.imports if what(name)
    ]
    assert not found, explain(f"{rule}, but:", found, instead)


def test_tables_are_private_to_their_concept() -> None:
    found = [
        f"{module} imports {name}"
        for module in modules()
        for name in module.imports
        if re.fullmatch(r"app\.\w+\.models(\.\w+)?", name)
        and not within(module.name, name.partition(".models")[0], "app.core.migrations", *SHARED_TRANSACTIONS)
    ]
    assert not found, explain(
        "Tables are private:", found, "Add a method to that concept's service and use what it returns."
    )


def test_nicegui_stays_in_its_homes() -> None:
    found = [
        f"{module} imports {name}"
        for module in modules()
        for name in module.imports
        if within(name, "nicegui") and not NICEGUI_HOMES.fullmatch(module.name)
    ]
    instead = "Only ui/, theme/apply.py and app/main.py know NiceGUI. Pass a callback down instead."
    assert not found, explain("NiceGUI is imported elsewhere:", found, instead)


def test_private_parts_of_nicegui_are_touched_in_one_file() -> None:
    private = re.compile(r"nicegui(\.\w+)*\._\w+|nicegui\.(core|outbox|nicegui|slot)\b.*")
    found = [
        f"{module} imports {name}"
        for module in modules()
        for name in module.imports
        if private.fullmatch(name) and module.name != "ui.nicegui_private"
    ]
    instead = "Put it into ui/nicegui_private.py, with a test that fails when NiceGUI moves it."
    assert not found, explain("Private parts of NiceGUI:", found, instead)


def test_the_runner_needs_only_the_standard_library() -> None:
    allowed = {*sys.stdlib_module_names}
    found = [
        f"{module} imports {name}"
        for module in modules()
        if within(module.name, "app.runner")
        for name in module.imports
        if name.partition(".")[0] not in allowed
        and not within(name, "app.runner", "app.core.framing")
        and name != "app.core"
    ]
    instead = (
        "The runner outlives upgrades of everything else and stays small: standard library and app.core.framing only."
    )
    assert not found, explain("The runner imports more:", found, instead)


def test_imports_name_the_whole_path() -> None:
    found = [f"{module} imports {name}" for module in modules() for name in module.imports if name.startswith(".")]
    instead = "Write `from ui.components.terminal import terminal`: the bare name `ui` is NiceGUI's, everywhere."
    assert not found, explain("Relative imports:", found, instead)


def test_no_variable_is_called_app() -> None:
    found = []
    for module in modules():
        for node in ast.walk(module.tree):
            stored = isinstance(node, ast.Name) and node.id == "app" and isinstance(node.ctx, ast.Store)
            if stored or (isinstance(node, ast.arg) and node.arg == "app") or _imported_as(node, "app"):
                found.append(f"{module}:{getattr(node, 'lineno', 1)}")
    instead = "`app` is our package. NiceGUI's object is `nicegui_app`, an ASGI application is `application` or `api`."
    assert not found, explain("Something is called `app`:", found, instead)


def test_the_bare_name_ui_is_niceguis() -> None:
    found = []
    for module in modules():
        nodes = [node for node in ast.walk(module.tree) if isinstance(node, ast.Import)]
        found += [f"{module}:{node.lineno}" for node in nodes if any(within(alias.name, "ui") for alias in node.names)]
    instead = "Write `from ui.components.terminal import terminal`, never `import ui…`."
    assert not found, explain("`ui` is bound to our own package:", found, instead)


def _imported_as(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        return any((alias.asname or alias.name) == name for alias in node.names)
    return isinstance(node, ast.Import) and any(alias.asname == name for alias in node.names)


def test_no_module_has_the_name_of_a_library() -> None:
    locked = re.findall(r"(?m)^([a-zA-Z0-9_-]+)==", (ROOT / "requirements.lock").read_text())
    libraries = {*sys.stdlib_module_names, *(name.replace("-", "_").lower() for name in locked)}
    found = [
        str(module) for module in modules() if module.path.stem in libraries and not module.path.stem.startswith("__")
    ]
    assert not found, explain("These have the name of a library:", found, "Name the module after what it does for us.")


def test_nothing_lives_at_module_level() -> None:
    found = []
    for module in modules():
        found += [f"{module}:{node.lineno} global" for node in ast.walk(module.tree) if isinstance(node, ast.Global)]
        for node in module.tree.body:
            names = _assigned(node)
            value = getattr(node, "value", None)
            if names and _is_mutable(value) and not all(_is_constant(name) for name in names):
                found.append(f"{module}:{node.lineno} {', '.join(names)}")
    instead = (
        "One owner a state: keep it in a service made by app/bootstrap.py. A table that never changes is UPPER_CASE."
    )
    assert not found, explain("State at module level:", found, instead)


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_constant(name: str) -> bool:
    return name.isupper() or (name.startswith("__") and name.endswith("__"))


def _is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in ("list", "dict", "set", "deque", "defaultdict", "bytearray")
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def test_packages_define_nothing() -> None:
    found = [str(module) for module in modules() if module.path.name == "__init__.py" and module.tree.body]
    found = [name for name in found if name.count("/") == 1]
    assert not found, explain("These define something:", found, "Put it into a module with a name.")


def test_files_and_functions_can_be_read_in_a_sitting() -> None:
    found = []
    for module in modules():
        lines = module.path.read_text().count("\n")
        if lines > MOST_LINES:
            found.append(f"{module}: {lines} lines")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = _length(node) - (_length(node.body[0]) if ast.get_docstring(node) else 0)
                if length > MOST_FUNCTION_LINES:
                    found.append(f"{module}:{node.lineno} {node.name}: {length} lines")
    instead = "Past 250 lines a file or 40 a function, look for the second idea in it and give it a name of its own."
    assert not found, explain("Too long to be read in a sitting:", found, instead)


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_tests_mirror_the_tree() -> None:
    tests = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    stray = [
        f"tests/{path}"
        for path in tests
        if len(path.parts) > 1
        and path.parts[0]
        not in ("bench", "faults", "properties", "proxies", "scripts", "sdk", "support", "theme", "ui")
        if not (ROOT / "app" / path.parts[0]).is_dir()
    ]
    assert not stray, explain("These mirror nothing:", stray, "tests/runs/ is for app/runs/, tests/ui/ for ui/.")


def explain(problem: str, found: list[str], instead: str) -> str:
    """A message that teaches."""
    return "\n".join(("", problem, *(f"  {line}" for line in sorted(set(found))), f"Instead: {instead}"))
