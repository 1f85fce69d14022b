"""The locks: exact, hashed, the same for serving and testing, and silent about where packages come from."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-test.lock")
INDEX = re.compile(
    r"--(?:extra-)?index-url|--find-links|\bUV_(?:DEFAULT_)?INDEX\b|files\.pythonhosted|pypi\.org"
    r"|\"resolved\": *\"http|registry *= *\"?http|@ https?://|registry\.npmjs",
    re.IGNORECASE,
)
OWN = "tests/test_locks.py"


def pins(name: str) -> dict[str, frozenset[str]]:
    """Hashes by `package==version ; marker`."""
    text = re.sub(r" *\\\n *", " ", (ROOT / name).read_text())
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            requirement, *hashes = line.split(" --hash=")
            found[requirement.strip()] = frozenset(hashes)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_exact_and_hashed(name: str) -> None:
    locked = pins(name)
    assert len(locked) > 30
    for requirement, hashes in locked.items():
        assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==[\w.]+( ; .+)?$", requirement)
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes)


def test_both_locks_agree() -> None:
    serving, testing = pins(LOCKS[0]), pins(LOCKS[1])
    assert {name: testing.get(name) for name in serving} == serving, "renew both together: CONTRIBUTING.md says how"


@pytest.mark.parametrize("name", ["requirements", "requirements-test"])
def test_everything_asked_for_is_locked(name: str) -> None:
    lines = (ROOT / f"{name}.in").read_text().splitlines()
    asked = [re.match(r"[A-Za-z0-9_-]+", line) for line in lines if line and line[0] not in "#-"]
    locked = {re.split(r"==|\[", requirement)[0] for requirement in pins(f"{name}.lock")}
    assert [match[0] for match in asked if match and match[0] not in locked] == []


def test_development_tools_do_not_serve() -> None:
    serving = " ".join(pins(LOCKS[0]))
    assert not re.search(r"\b(pytest|mypy|ruff|playwright|hypothesis|requests|redis)==", serving)


def test_no_file_names_the_address_of_a_package_index() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / line for line in listed.stdout.splitlines()] or list(ROOT.glob("*.*"))
    found = []
    for path in files:
        if path.is_file() and str(path.relative_to(ROOT)) != OWN and path.stat().st_size < 1_000_000:
            text = path.read_bytes().decode("utf-8", "replace")
            found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in INDEX.finditer(text)]
    assert not found, "Installers know their index from the machine they run on; leave its address out of the project."


def test_the_project_is_not_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(settings) == {"tool"}, "toru runs this folder: no [project], no [build-system]"
