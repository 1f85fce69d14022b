"""Which files workers take first: those that take longest, so that none of them ends long after the others."""

from collections import Counter

import pytest

SECONDS = {"start_server": 4.0, "plugged": 1.0, "browser": 2.5, "stage": 1.0}
"""What a test with this fixture takes, roughly."""

OF_FOLDERS = {"tests/plugins/conformance/": 4.0, "tests/cli/": 1.5, "tests/runner/": 0.5, "tests/second_factor/": 1.0}
OTHERS = 0.1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only for workers (pytest-xdist): the tests of one file stay together and in order."""
    if hasattr(config, "workerinput"):
        takes: Counter[str] = Counter()
        for item in items:
            takes[_file(item)] += round(1000 * _seconds(item))
        items.sort(key=lambda item: (-takes[_file(item)], _file(item)))


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _seconds(item: pytest.Item) -> float:
    fixtures = getattr(item, "fixturenames", ())
    folder = max((seconds for name, seconds in OF_FOLDERS.items() if item.nodeid.startswith(name)), default=OTHERS)
    return max([folder, *(seconds for name, seconds in SECONDS.items() if name in fixtures)])
