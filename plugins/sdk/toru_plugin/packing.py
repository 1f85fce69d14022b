"""Makes one file of a plugin's folder and this library: `NAME.binary`, which any machine with Python 3.11 can run.

It is a zip archive behind a `#!` line. Of each module it holds the source and, for the Python that packed it, the
compiled code, which saves time and memory at the start; another Python takes the source.
"""

import io
import os
import py_compile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

START = b"#!/usr/bin/env python3\n"
THEN = (1980, 1, 1, 0, 0, 0)
"""The time of every file, so that the same content makes the same archive."""

LIBRARY = "toru_plugin"
LEFT_OUT = ("testing", "packing.py", "__main__.py", "py.typed")
MAIN = "from {module} import plugin\n\nplugin.run()\n"


class CannotPack(Exception):
    """The folder is no plugin's; the text is a sentence."""


def module_of(name: str) -> str:
    """The module of a plugin with this name: `disk_watch` of `disk-watch`."""
    return name.replace("-", "_")


def pack(folder: Path, file: Path | None = None) -> Path:
    """Packs a folder; answers the file, which is there whole or not at all.

    Args:
        folder: has the plugin in `<its name>.py`, as the variable `plugin`.
        file: where to; `<folder>.binary` beside the folder without one.

    Raises:
        CannotPack: there is no plugin, or a module of it is not Python.
    """
    folder = folder.resolve()
    module = module_of(folder.name)
    if not (folder / f"{module}.py").is_file():
        raise CannotPack(f"There is no {module}.py in {folder}: the plugin's file has the name of its folder.")
    target = file or folder.with_name(f"{folder.name}.binary")
    content = START + _archive(folder, module)
    draft = target.with_name(f".{target.name}.new")
    draft.write_bytes(content)
    draft.chmod(0o755)
    return draft.rename(target)


def _archive(folder: Path, module: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted({**_library(folder), **dict(_own(folder))}.items()):
            _add(archive, name, content)
        _add(archive, "__main__.py", MAIN.format(module=module).encode())
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, THEN), content, zipfile.ZIP_DEFLATED)
    if name.endswith(".py"):
        archive.writestr(zipfile.ZipInfo(f"{name}c", THEN), _compiled(name, content), zipfile.ZIP_DEFLATED)


def _library(folder: Path) -> dict[str, bytes]:
    """The library: the folder's own copy where it has one."""
    home = folder / LIBRARY if (folder / LIBRARY).is_dir() else Path(__file__).parent
    files = (path for path in home.rglob("*.py") if path.relative_to(home).parts[0] not in LEFT_OUT)
    return {f"{LIBRARY}/{path.relative_to(home).as_posix()}": path.read_bytes() for path in files}


def _own(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the plugin brings: all but tests, hidden files, and what was made."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        is_hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        is_other = parts[0] == LIBRARY or path.match("test_*.py") or path.suffix in (".binary", ".md")
        if path.is_file() and not path.is_symlink() and not is_hidden and not is_other:
            yield "/".join(parts), path.read_bytes()


def _compiled(name: str, source: bytes) -> bytes:
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH  # the archive is never changed
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, os.path.basename(name))
        path.write_bytes(source)
        try:
            py_compile.compile(str(path), f"{path}c", dfile=name, doraise=True, invalidation_mode=mode)
        except py_compile.PyCompileError as error:
            raise CannotPack(f"{name} is not Python: {error.exc_value}.") from None
        return Path(f"{path}c").read_bytes()
