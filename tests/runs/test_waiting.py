"""Who is next."""

from app.runs.waiting import Ticket, WaitingRuns


def queue(*names: str) -> WaitingRuns:
    """Runs by user: `a1` is the first of user a; asked for in this order."""
    waiting = WaitingRuns()
    for number, name in enumerate(names):
        waiting.add(Ticket(name, name[0], number))
    return waiting


def order(waiting: WaitingRuns) -> list[str]:
    taken = []
    while (ticket := waiting.take()) is not None:
        taken.append(ticket.run_id)
    return taken


def test_one_user_is_served_first_in_first_out() -> None:
    assert order(queue("a1", "a2", "a3")) == ["a1", "a2", "a3"]


def test_two_users_take_turns_whoever_came_first() -> None:
    assert order(queue("a1", "a2", "a3", "a4", "b1", "b2")) == ["a1", "b1", "a2", "b2", "a3", "a4"]


def test_who_has_runs_going_on_waits_for_who_has_none() -> None:
    waiting = queue("a1", "b1")
    waiting.occupy("a")
    assert order(waiting) == ["b1", "a1"]
    waiting.release("a")
    assert waiting.running == 2


def test_with_one_place_users_take_turns_too() -> None:
    waiting = queue("a1", "a2", "a3", "b1", "b2")
    served = []
    while (ticket := waiting.take()) is not None:
        served.append(ticket.run_id)
        waiting.release(ticket.requester)
    assert served == ["a1", "b1", "a2", "b2", "a3"]


def test_positions_say_the_order_without_taking_anybody() -> None:
    waiting = queue("a1", "a2", "a3", "b1")
    assert waiting.positions() == {"a1": 1, "b1": 2, "a2": 3, "a3": 4}
    assert len(waiting) == 4
    assert waiting.running == 0


def test_a_run_can_leave_the_queue() -> None:
    waiting = queue("a1", "a2", "b1")
    assert waiting.remove("a1")
    assert not waiting.remove("a1")
    assert order(waiting) == ["a2", "b1"]


def test_a_run_that_comes_again_has_its_old_place() -> None:
    waiting = queue("a1", "a2")
    first = waiting.take()
    assert first is not None
    waiting.release("a")
    waiting.add(first)
    assert order(waiting) == ["a1", "a2"]


def test_places_given_back_are_forgotten() -> None:
    waiting = queue("a1")
    waiting.take()
    waiting.release("a")
    assert waiting.running == 0
    assert waiting.take() is None
