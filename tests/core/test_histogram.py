"""Counts between bounds."""

from app.core.histogram import Distribution, Histogram


def test_what_is_as_large_as_a_bound_is_below_it_and_counts_add_up() -> None:
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 2, 3):
        histogram.observe(value)
    assert histogram.seen() == Distribution((1, 2), (2, 4, 5), 8.0)


def test_a_look_stays_as_it_was() -> None:
    histogram = Histogram((1,))
    before = histogram.seen()
    histogram.observe(0.1)
    assert before.counts == (0, 0)
    assert histogram.seen().counts == (1, 1)
