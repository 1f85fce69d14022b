"""The hour of history: compact rings, even grid, at most 600 entries, gaps that stay gaps."""

from app.monitor.history import COLUMNS, History


def filled(ticks: range, size: int = 3600) -> History:
    history = History(size)
    for tick in ticks:
        history.append(tick, {"cpu": float(tick), "memory": 50.0})
    return history


def test_an_empty_history_has_no_entries() -> None:
    tick, interval, columns = History().read(3600)
    assert (tick, interval) == (0, 6)
    assert columns == {name: [] for name in COLUMNS}


def test_a_minute_comes_second_by_second() -> None:
    tick, interval, columns = filled(range(100)).read(60)
    assert (tick, interval) == (40, 1)
    assert columns["cpu"] == [float(second) for second in range(40, 100)]


def test_a_full_hour_comes_in_600_means_of_six_seconds() -> None:
    tick, interval, columns = filled(range(3600)).read(3600)
    assert (tick, interval, len(columns["cpu"])) == (0, 6, 600)
    assert columns["cpu"][:2] == [2.5, 8.5]


def test_the_hour_slides_and_its_entries_keep_their_place() -> None:
    before = filled(range(5000)).read(3600)
    after = filled(range(5003)).read(3600)
    for tick, interval, columns in (before, after):
        assert tick % interval == 0
        assert len(columns["cpu"]) <= 600
    shift = (after[0] - before[0]) // 6
    # the oldest entry may lose seconds and the newest gain some; what lies between never changes
    assert after[2]["cpu"][1:-2] == before[2]["cpu"][1 + shift :][: len(after[2]["cpu"]) - 3]


def test_what_was_not_measured_is_absent_and_does_not_pull_the_mean_down() -> None:
    history = History()
    history.append(0, {"cpu": 10.0})
    history.append(1, {"cpu": None})
    history.append(2, {"cpu": 20.0})
    _, _, columns = history.read(3600)
    assert columns["cpu"] == [15.0]
    assert columns["disk"] == [None]


def test_a_pause_leaves_a_gap() -> None:
    history = filled(range(6))
    history.append(30, {"cpu": 1.0})
    _, _, columns = history.read(3600)
    assert columns["cpu"] == [2.5, None, None, None, None, 1.0]


def test_a_pause_longer_than_the_ring_leaves_nothing_of_before() -> None:
    history = filled(range(10), size=10)
    history.append(500, {"cpu": 7.0})
    tick, _, columns = history.read(10)
    assert columns["cpu"] == [None] * 9 + [7.0]
    assert tick == 491


def test_it_begins_at_the_first_tick_that_was_ever_measured() -> None:
    tick, _, columns = filled(range(60, 120)).read(3600)
    assert tick == 60
    assert len(columns["cpu"]) == 10
