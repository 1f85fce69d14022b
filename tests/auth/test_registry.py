"""Which open things belong to which session."""

import pytest

from app.auth.registry import SessionRegistry


def test_ending_a_session_closes_what_is_its_own_once() -> None:
    registry, closed = SessionRegistry(), []
    registry.watch("a", lambda: closed.append("first"))
    registry.watch("a", lambda: closed.append("second"))
    registry.watch("b", lambda: closed.append("other"))
    registry.revoke("a")
    registry.revoke("a")
    assert closed == ["first", "second"]


def test_the_same_closer_may_stand_for_two_things() -> None:
    registry, closed = SessionRegistry(), []

    def close() -> None:
        closed.append(1)

    first = registry.watch("a", close)
    registry.watch("a", close)
    first()
    registry.revoke("a")
    assert closed == [1]


def test_what_left_by_itself_is_not_closed_again_and_leaves_nothing_behind() -> None:
    registry, closed = SessionRegistry(), []
    unwatch = registry.watch("a", lambda: closed.append(1))
    unwatch()
    unwatch()
    registry.revoke("a")
    unwatch()
    assert closed == []
    assert registry._closers == {}


@pytest.mark.allows_errors("stayed open under an ended session")
def test_one_that_fails_to_close_keeps_none_of_the_others_open() -> None:
    registry, closed = SessionRegistry(), []

    def fail() -> None:
        raise ValueError("no")

    registry.watch("a", fail)
    registry.watch("a", lambda: closed.append(1))
    registry.revoke("a")
    assert closed == [1]


def test_closing_may_unwatch_others() -> None:
    registry, closed = SessionRegistry(), []
    unwatch = registry.watch("a", lambda: closed.append(1))
    registry.watch("a", unwatch)
    registry.revoke("a")
    assert closed == [1]
