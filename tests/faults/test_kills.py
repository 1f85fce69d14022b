"""kill -9 of the core under load, a hundred times: what it acknowledged is there, what runs is untouched."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bench.bench import make_bench
from tests.bench.groups.crashes import kill_often
from tests.bench.workers import Workers
from tests.support.evidence import Evidence

KILLS = 100


@pytest.mark.full
@pytest.mark.fault("S05", "X36")
@pytest.mark.timeout(1500)
async def test_a_hundred_kills_under_load(tmp_path: Path, evidence: Evidence) -> None:
    with ThreadPoolExecutor(1) as pool:
        killed = await kill_often(make_bench(tmp_path, Workers(pool), full=True), KILLS)
    evidence.attacks["kills of the core under load"] += KILLS
    evidence.kept["writes through kills of the core"] += killed.written - len(killed.faults)
    evidence.lost["writes through kills of the core"] += len(killed.faults)
    assert killed.faults == []
