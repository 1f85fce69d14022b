"""Recovery codes: unlike each other, kept as hashes, each taken out of the list once."""

import json
import re

from app.second_factor.codes import normalised
from app.second_factor.recovery import count_in, hash_in, hashes_of, is_recovery_code, new_codes, without


def test_codes_are_ten_and_none_is_like_another() -> None:
    codes = [code for _ in range(200) for code in new_codes()]
    assert len(set(codes)) == 2000
    assert all(re.fullmatch(r"[2-9a-z]{5}-[2-9a-z]{5}", code) for code in codes)
    assert not set("01ilo").intersection(*[set("".join(codes))]), "what is mistaken on paper"
    assert all(is_recovery_code(normalised(typed)) for code in codes for typed in (code, f" {code.upper()} "))


def test_only_hashes_are_kept_and_they_differ_between_users() -> None:
    codes = new_codes()
    kept, others = hashes_of(codes), hashes_of(codes)
    assert not any(part in kept for code in codes for part in (code, code.replace("-", "")))
    assert set(json.loads(kept)["hashes"]).isdisjoint(json.loads(others)["hashes"])


def test_each_is_good_once() -> None:
    codes = new_codes()
    kept = hashes_of(codes)
    for left, code in zip(range(9, -1, -1), reversed(codes), strict=True):
        wanted = hash_in(kept, normalised(code))
        taken = without(kept, wanted)
        assert taken is not None
        kept = taken
        assert count_in(kept) == left
        assert without(kept, wanted) is None


def test_another_code_is_not_in_the_list() -> None:
    kept = hashes_of(new_codes())
    assert without(kept, hash_in(kept, "abcdefghjk")) is None
    assert not any(
        is_recovery_code(text) for text in ("", "abcde", "abcde-fghjk", "abcdefghjkm", "abcdefghi0", "1" * 10)
    )
