"""The document of a run: every figure with its bound and its spread, and what was wrong."""

import sys
from pathlib import Path

from tests.bench.document import Circumstances, write
from tests.bench.figures import Bound, Figure


def test_a_run_becomes_a_document(tmp_path: Path) -> None:
    groups = {
        "idle": [Figure("memory", "MB", [98, 97, 99], Bound(at_most=100, below=True), [70, 71, 72], "private 80")],
        "sign_in": [Figure("sign_in", "", problem="RuntimeError: no server"), Figure("rate | all", "/s", [5.0])],
    }
    write(tmp_path / "figures.md", groups, Circumstances(sys.executable, (0.1, 0.9), 12), full=False)
    text = (tmp_path / "figures.md").read_text()
    assert "**1 of 2 bounds hold.**" in text
    assert "| memory | < 100 MB | 98 MB | 97 – 99 | 71 MB (70 – 72) | 1.38 × | holds |" in text
    assert "- memory: private 80" in text
    assert "## sign in" in text
    assert "- sign_in: RuntimeError: no server" in text
    assert "| rate \\| all |" in text
