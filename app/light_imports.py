"""Keeps out of memory what libraries bring and a server never looks at: their docstrings, and two of them whole."""

import importlib.util
import marshal
import sys
import sysconfig
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.config import Config

OPTIMIZATION = 2
"""Python's level that leaves out docstrings (and assertions); for libraries only, our own are read by the API docs."""

HEADER_BYTES = 16


def leave_out_docstrings() -> None:
    """Called before the first import of a library: 5 MB less. `python -OO` would take our own docstrings, too."""
    if LightFinder not in sys.meta_path:
        sys.meta_path.insert(sys.meta_path.index(PathFinder), LightFinder)


def leave_out_aiohttp(config: "Config") -> None:
    """Called before the first NiceGUI import: 10 MB less.

    Only engineio's client wants aiohttp, and it guards the import. TORU_ALLOW_AIOHTTP switches this off.
    """
    if not config.allow_aiohttp and "aiohttp" not in sys.modules:
        sys.modules["aiohttp"] = None  # type: ignore[assignment]


def leave_out_pydantic_v1() -> None:
    """Called before the first import of FastAPI: 1.3 MB less. FastAPI only asks whether a model is an old one."""
    sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]


class LightFinder:
    """Finds modules as Python does, and has those of installed libraries loaded light."""

    _libraries = tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's specification, None when there is none."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and spec.loader.path.startswith(cls._libraries):
            spec.loader = LightLoader(name, spec.loader.path)
        return spec


class LightLoader(SourceFileLoader):
    """Loads `*.opt-2.pyc` (written by `python -m compileall -o 2`, or at the first import), whatever Python's flags."""

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, compiled anew when the source has changed."""
        path = self.get_filename(fullname)
        cached = importlib.util.cache_from_source(path, optimization=OPTIMIZATION)
        header = self._header(path)
        try:
            data = self.get_data(cached)
        except OSError:
            data = b""
        if data[:HEADER_BYTES] == header:
            return _read(data)
        code: CodeType = compile(self.get_data(path), path, "exec", dont_inherit=True, optimize=OPTIMIZATION)
        self.set_data(cached, header + marshal.dumps(code))  # does nothing where it may not write
        return code

    def _header(self, path: str) -> bytes:
        """PEP 552: magic number, flags, time and size of the source."""
        source = self.path_stats(path)
        numbers = (0, int(source["mtime"]), int(source["size"]))
        return importlib.util.MAGIC_NUMBER + b"".join((part & 0xFFFFFFFF).to_bytes(4, "little") for part in numbers)


def _read(data: bytes) -> CodeType:
    """The code of a cache file; whoever could change it could change the library beside it."""
    return marshal.loads(memoryview(data)[HEADER_BYTES:])  # type: ignore[no-any-return]  # noqa: S302
