"""A card of the account page whose content is loaded: grey first, then there, or failed with another try."""

from nicegui import ui

from app.core.permissions import Actor
from app.services import Services
from ui.components.card import Card
from ui.components.states import failed_state, loading_state
from ui.feedback import sentence
from ui.session import acting


class Section:
    """One such card; a subclass says what to `draw`."""

    def __init__(self, services: Services, frame: Card) -> None:
        self.services = services
        with frame:
            self._place = ui.element("div").classes("t-section")
        with self._place:
            loading_state(2)

    async def load(self, actor: Actor) -> None:
        """Loads and draws anew; one card's fault does not take the page along."""
        try:
            await self.fetch(actor)
        except Exception as error:  # noqa: BLE001 - told in the card, logged when nobody foresaw it
            told = sentence(error)
            self._clear()
            with self._place:
                failed_state(told, acting(self.services, self.load))
            return
        self._clear()
        with self._place:
            self.draw()

    async def fetch(self, actor: Actor) -> None:
        """Gets what is shown."""
        raise NotImplementedError

    def draw(self) -> None:
        """Shows what was fetched."""
        raise NotImplementedError

    def _clear(self) -> None:
        if not self._place.is_deleted:
            self._place.clear()
