"""Output as a person reads it."""

import time

import pytest

from app.runs.text import first_whole, plain


@pytest.mark.fault("X16")
@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b"\x1b[1;31mred\x1b[0m and \x1b[38;2;1;2;3mtrue\x1b[m", "red and true"),
        (b"\x1b]0;a title\x07text \x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "text link"),
        (b"\x1b]52;c;cGFzdGU=\x07clip", "clip"),
        (b"\x1bPdevice\x1b\\after \x1b(Bcharset \x1bcreset", "after charset reset"),
        ("\x9b31mC1\x9b0m \x9dtitle\x9cend".encode(), "C1 end"),
        (b"10%\r50%\r100%\ndone\r\n", "100%\ndone\n"),
        (b"tab\tbell\x07 nul\x00 back\x08 del\x7f", "tab\tbell nul back del"),
        (b"\xff\xfe bad \xf0\x9f\x9a\x80", "\ufffd\ufffd bad 🚀"),
        (b"unfinished \x1b[3", "unfinished "),
        (b"\x1b]never ended\nnext line", "\nnext line"),
        (b"\x1b\x1b[1mtwice", "twice"),
    ],
)
def test_leaves_what_a_person_would_have_read(raw: bytes, read: str) -> None:
    assert plain(raw) == read


@pytest.mark.fault("X16")
@pytest.mark.parametrize("unit", [b"\x1b[", b"\x1b]", b"\r", b"a\r", b"\x1b", b"\x1b[1", b"\x9b", b"x"])
def test_hostile_output_takes_no_longer_than_its_length(unit: bytes) -> None:
    start = time.perf_counter()
    plain(unit * (200_000 // len(unit)))
    assert time.perf_counter() - start < 1


def test_a_cut_tail_begins_with_a_whole_line_or_at_least_character() -> None:
    assert first_whole(b"alf a line\nwhole\n") == b"whole\n"
    assert first_whole("🚀 go".encode()[2:]) == b" go"
    assert first_whole(b"plain") == b"plain"
