"""What a page follows ends with the page: subscriptions and tasks of the page that is shown now."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, cast

from nicegui import Client, background_tasks, ui

P = ParamSpec("P")
_KEY: Final = "page_life"


class PageLife:
    """Ends everything that one page follows, once."""

    def __init__(self) -> None:
        self._endings: list[Callable[[], object]] = []
        self.over = False

    def at_end(self, ending: Callable[[], object]) -> None:
        """Has `ending()` called when the page is left (at once when it has been left already)."""
        if self.over:
            ending()
        else:
            self._endings.append(ending)

    def end(self) -> None:
        """The page is left."""
        self.over = True
        while self._endings:
            self._endings.pop()()


def begin_life(client: Client) -> PageLife:
    """Ends the life of the page shown so far and starts that of the next one."""
    end_life(client)
    life = PageLife()
    client.storage[_KEY] = life
    return life


def end_life(client: Client) -> None:
    """Ends what the page shown now follows."""
    life = client.storage.pop(_KEY, None)
    if life is not None:
        cast("PageLife", life).end()


def page_life() -> PageLife:
    """The life of the page that is being built or handles an event."""
    return cast("PageLife", ui.context.client.storage[_KEY])


def live(subscribe: Callable[[Callable[P, None]], Callable[[], object]], show: Callable[P, object]) -> None:
    """Has `show(…)` called in the page's context with whatever `subscribe` reports, until the page is left.

    Args:
        subscribe: a service's `subscribe(callback)`, which returns the function that ends it.
        show: updates the page; where it is a coroutine function, it is cancelled when the page is left.
    """
    life, slot = page_life(), ui.context.slot

    def tell(*args: P.args, **kwargs: P.kwargs) -> None:
        if life.over:
            return
        with slot:
            result = show(*args, **kwargs)
            if inspect.iscoroutine(result):
                spawn(result, name=f"live {show!r}")

    life.at_end(subscribe(tell))


def spawn(work: Coroutine[Any, Any, None], *, name: str) -> None:
    """Runs `work` in the page's context; it is cancelled when the page is left."""
    task = background_tasks.create(work, name=name, context=ui.context.slot)
    page_life().at_end(task.cancel)
