"""`toru plugin new` and `toru plugin pack`: from a name to a folder, from a folder to the one file that Toru runs."""

import keyword
import re
import sys
from pathlib import Path

import click

from app.cli.endings import fail
from app.cli.exits import REFUSED, USAGE
from app.cli.paths import called_from

SDK = Path(__file__).resolve().parents[2] / "plugins" / "sdk"
LIBRARY = "toru_plugin"
NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", re.ASCII)
MOST_NAME = 48
TEMPLATE_ID, TEMPLATE_MODULE, TEMPLATE_TITLE = "plugin-name", "plugin_name", "Plugin name"

into = click.option(
    "--into", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to; another place than the usual one."
)


@click.command("new")
@click.argument("name")
@into
def new_plugin(name: str, into: Path | None) -> None:
    """Make a plugin in Python: a folder NAME with the plugin, its test and the library.

    It lies in the folder where you are, or in FOLDER. Nothing is ever overwritten.
    """
    if (problem := _problem(name)) is not None:
        fail(problem, USAGE)
    home = called_from(into or Path())
    folder = home / name
    try:
        folder.mkdir()
        _write(folder, name)
    except FileExistsError:
        fail(f"{folder} is there already.", REFUSED)
    except OSError as error:
        fail(f"{folder} cannot be made: {error.strerror}.", REFUSED)
    module = _module(name)
    click.echo(f"Made {folder}: {module}.py is the plugin, test_{module}.py its test, {LIBRARY}/ the library.")
    click.echo(f"Test it:              cd {folder} && python3 -m {LIBRARY}.testing")
    click.echo(f"Make one file of it:  ./toru plugin pack {folder} --into plugins")
    click.echo(f"Have it run:          ./toru plugin enable {name}")


@click.command("pack")
@click.argument("folder", type=click.Path(path_type=Path))
@into
def pack_plugin(folder: Path, into: Path | None) -> None:
    """Make one file, NAME.binary, of the folder of a plugin in Python, with the library in it.

    It lies beside the folder, or in another one. The file that was there is replaced at once and whole.
    """
    sys.path.insert(0, str(SDK))
    from toru_plugin.packing import CannotPack, pack

    source = called_from(folder).resolve()
    home = called_from(into).resolve() if into is not None else source.parent
    try:
        made = pack(source, home / f"{source.name}.binary")
    except CannotPack as error:
        fail(str(error), REFUSED)
    except OSError as error:
        fail(f"{error.filename or source} cannot be used: {error.strerror}.", REFUSED)
    click.echo(f"Made {made}.")


def _problem(name: str) -> str | None:
    """Why a plugin cannot have this name, None when it can."""
    if NAME.fullmatch(name) is None or len(name) > MOST_NAME:
        return "A name is 1 to 48 small letters, digits and single hyphens between them, and begins with a letter."
    module = _module(name)
    if name == "route":
        return "No plugin can be called route: below /api/plugins/route all plugins are asked."
    if module.startswith("test_"):
        return "A name cannot begin with test-: such files are tests."
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module == LIBRARY:
        return f"{module} means something in Python already. Take another name."
    return None


def _module(name: str) -> str:
    return name.replace("-", "_")


def _write(folder: Path, name: str) -> None:
    title = name.replace("-", " ").capitalize()
    for path in sorted((SDK / "template").iterdir()):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace(TEMPLATE_ID, name).replace(TEMPLATE_TITLE, title)
            made = folder / path.name.replace(TEMPLATE_MODULE, _module(name))
            made.write_text(text.replace(TEMPLATE_MODULE, _module(name)), encoding="utf-8")
    for path in sorted((SDK / LIBRARY).rglob("*")):
        if path.suffix == ".py" or path.name == "py.typed":
            copy = folder / path.relative_to(SDK)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
