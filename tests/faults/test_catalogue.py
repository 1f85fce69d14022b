"""The catalogue is whole: every fault in it is tried by a test, or says why it cannot be."""

from tests.faults.catalogue import AREAS, LEVELS, SIZES, holders, rows


def test_every_fault_is_tried_by_a_test_or_says_why_not() -> None:
    tried = holders()
    missing = [row.id for row in rows().values() if not row.not_tried and row.id not in tried]
    assert not missing, f'mark the tests that hold these with @pytest.mark.fault("…"), or write them: {missing}'


def test_no_test_names_a_fault_that_is_not_there() -> None:
    unknown = {name: tests for name, tests in holders().items() if name not in rows()}
    assert not unknown, f"add rows to tests/faults/catalogue.toml for: {unknown}"


def test_what_is_not_tried_has_a_reason_and_no_test() -> None:
    for row in rows().values():
        if row.not_tried:
            assert row.reason, f"{row.id} needs a reason"
            assert row.id not in holders(), f"{row.id} is tried after all"


def test_every_row_says_what_is_done_and_what_must_come_of_it() -> None:
    assert {name[0] for name in rows()} == set(AREAS)
    for row in rows().values():
        assert row.do
        assert row.expect
        assert row.level in LEVELS, row.id
        assert row.size in SIZES, row.id
