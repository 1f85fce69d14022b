"""What is kept, and what went, in words."""

import pytest

from app.core.batches import Total
from app.retention.schemas import Kind, Pass, RetentionView
from ui.components.retention import KINDS, kept_words, removed_words, size_words


def test_how_much_is_kept() -> None:
    assert kept_words(RetentionView(1204, 3_435_973_837, None)) == "1,204 runs are kept, with 3.2 GiB of output."
    assert kept_words(RetentionView(1, 0, None)) == "1 run is kept, with 0 bytes of output."


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (None, ""),
        (Pass("", {}, None), "The last look found nothing to remove."),
        (Pass("", {}, "The disk is full."), "The last look did not get through: The disk is full."),
        (Pass("", {Kind.SIGN_INS: Total(1)}, None), "The last look removed 1 sign-in."),
        (
            Pass("", {Kind.RUNS_AGE: Total(1200, 2048), Kind.LOGS: Total(2, 1024)}, None),
            "The last look removed 1,200 runs for their age and 2 log files: 3.0 KiB.",
        ),
    ],
)
def test_what_went(last: Pass | None, words: str) -> None:
    assert removed_words(last) == words


def test_every_kind_has_words() -> None:
    assert set(KINDS) == set(Kind)


def test_sizes() -> None:
    sizes = {0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 150 * 1024: "150 KiB", 1 << 50: "1024.0 TiB"}
    assert {size: size_words(size) for size in sizes} == sizes
