"""What libraries bring and nobody needs stays out of memory; nothing else changes."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import ROOT

LIGHT = "from app.light_imports import leave_out_docstrings as light; light(); light(); "
LIBRARY = "probe_of_light_imports"


def told(code: str) -> str:
    """What a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
    )
    return done.stdout.strip()


@pytest.fixture
def library() -> Iterator[Path]:
    """A module that is installed among the libraries for the time of a test."""
    path = Path(sysconfig.get_path("purelib"), f"{LIBRARY}.py")
    path.write_text('"""Documented."""\n')
    yield path
    for file in (path, *path.parent.glob(f"__pycache__/{LIBRARY}.*")):
        file.unlink()


def test_libraries_come_without_docstrings_and_ours_with() -> None:
    assert (
        told("import uvicorn.config as c, app.guard as g; print(c.Config.__doc__, bool(g.Guard.__doc__))")
        == "None True"
    )


def test_a_library_that_changed_is_compiled_anew(library: Path) -> None:
    show = f"import {LIBRARY} as m; print(m.__doc__, m.__dict__.get('version'), m.__spec__.loader.__class__.__name__)"
    assert told(show) == "None None LightLoader"
    assert list(library.parent.glob(f"__pycache__/{LIBRARY}.*.opt-2.pyc"))
    library.write_text('"""Documented."""\nversion = 2\n')
    assert told(show) == "None 2 LightLoader"


def test_a_damaged_cache_is_not_used(library: Path) -> None:
    show = f"import {LIBRARY} as m; print(m.__file__)"
    told(show)
    (cached,) = library.parent.glob(f"__pycache__/{LIBRARY}.*.opt-2.pyc")
    cached.write_bytes(b"")
    assert told(show) == str(library)


def test_fastapi_answers_without_the_old_pydantic() -> None:
    assert (
        told(
            "from app.light_imports import leave_out_pydantic_v1 as out; out(); import app.api, pydantic, sys; "
            "from fastapi.encoders import jsonable_encoder as encode\n"
            "class Model(pydantic.BaseModel): at: int = 1\n"
            "print(encode([Model(), {1, 2}]), sys.modules['pydantic.v1'], 'pydantic.v1.main' in sys.modules)"
        )
        == "[{'at': 1}, [1, 2]] None False"
    )
