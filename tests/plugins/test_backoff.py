"""The rules of starting again, on times that nobody has to wait for."""

import pytest

from app.plugins.backoff import CALM, WINDOW, Backoff


@pytest.mark.fault("G08")
def test_the_pauses_double_and_stay_until_the_tenth_crash_in_a_row_ends_it() -> None:
    backoff, now, delays = Backoff(), 0.0, []
    for _ in range(10):
        delays.append(backoff.crashed(now, ready_for=0.0))
        now += delays[-1] or 0.0
    assert delays == [1, 2, 4, 8, 16, 16, 16, 16, 16, None]


def test_a_calm_minute_makes_the_next_crash_the_first_in_a_row_again() -> None:
    backoff = Backoff()
    assert [backoff.crashed(now, ready_for=5.0) for now in (0.0, 10.0, 20.0)] == [1, 2, 4]
    assert backoff.crashed(30.0, ready_for=CALM - 0.1) == 8
    assert backoff.crashed(100.0, ready_for=CALM) == 1
    assert backoff.crashed(110.0, ready_for=0.0) == 2


@pytest.mark.fault("G10")
def test_crashes_every_61_seconds_are_ended_by_the_window() -> None:
    backoff = Backoff()
    delays = [backoff.crashed(61.0 * number, ready_for=60.0) for number in range(10)]
    assert delays == [1.0] * 9 + [None]


def test_ten_crashes_over_more_than_the_window_are_let_be() -> None:
    backoff = Backoff()
    apart = WINDOW / 9 + 1
    assert [backoff.crashed(apart * number, ready_for=CALM) for number in range(40)] == [1.0] * 40
