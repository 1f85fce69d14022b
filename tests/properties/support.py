"""How property tests are run: few examples every day, very many in the full size, always without a clock."""

import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.support.evidence import often

Test = TypeVar("Test", bound=Callable[..., Any])

SPOILT = 20
ODD = (
    b"\0",
    b"\xff\xff\xff\xff",
    b"\xed\xa0\x80",
    b"NaN",
    b"1e999",
    b"\xef\xbb\xbf",
    b'"',
    b"\\u0000",
    b"[[[[[[[[",
    b"-",
    b"\r\n",
)
"""Bytes that readers are known to stumble over."""

TEXT = st.characters(exclude_categories=["Cs"])

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Any value that JSON can say, and NaN."""

FINITE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(TEXT, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(TEXT, max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Any value that every JSON reader reads the same way."""


def examples(usual: int, full: int) -> Callable[[Test], Test]:
    """The decorator beside `@given`: so many examples every day (always the same ones), so many in the full size."""
    count = often(usual, full)
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=count == usual,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces, cut at these places (taken modulo its length)."""
    at = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(at)]


def spoilt_text(text: str, seed: int) -> Iterator[str]:
    """The text with something wrong in it."""
    return (data.decode("utf-8", "replace") for data in spoilt(text.encode("utf-8", "replace"), seed))


def spoilt(data: bytes, seed: int, count: int = SPOILT) -> Iterator[bytes]:
    """The data with something wrong in it: bits, bytes too many or too few, pieces twice or in another order."""
    chance = random.Random(seed)
    for _ in range(count):
        bit = 1 << chance.randrange(8)
        start, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        yield chance.choice(
            (
                data[:start],
                data[:start] + data[end:],
                data[:start] + chance.randbytes(chance.randrange(1, 5)) + data[start:],
                data[:end] + data[start:],
                data[:start] + bytes(byte ^ bit for byte in data[start : start + 1]) + data[start + 1 :],
                data[start:] + data[:start],
                data[:start] + chance.choice(ODD) + data[start:],
            )
        )
