"""`python3 -m toru_plugin.testing FOLDER`: runs the functions `test_…` of its files `test_*.py`, as pytest does."""

import importlib
import sys
import traceback
from pathlib import Path


def main(arguments: list[str]) -> int:
    """The command; its exit code."""
    folder = Path(arguments[0] if arguments else ".").resolve()
    sys.path.insert(0, str(folder))
    results = [_try(file.stem, name) for file in sorted(folder.glob("test_*.py")) for name in _tests(file.stem)]
    print(f"{results.count(True)} of {len(results)} tests passed.")
    return 0 if results and all(results) else 1


def _tests(module: str) -> list[str]:
    members = vars(importlib.import_module(module))
    return [name for name, member in members.items() if name.startswith("test_") and callable(member)]


def _try(module: str, name: str) -> bool:
    try:
        getattr(sys.modules[module], name)()
    except Exception:  # noqa: BLE001 - a test may fail in every way
        print(f"FAILED {module}.{name}")
        traceback.print_exc()
        return False
    print(f"ok     {module}.{name}")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
