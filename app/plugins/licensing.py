"""An admin and a plugin's licence: the key is checked the way the plugin does it, kept, and handed over."""

import contextlib

from app.core.errors import NotFound
from app.core.permissions import Actor
from app.plugins.licence_store import LicenceStore
from app.plugins.schemas import LicenceView, PluginState
from app.plugins.service import PluginsService


class Licensing:
    """The licences of the plugins that are there."""

    def __init__(self, plugins: PluginsService, licences: LicenceStore) -> None:
        self._plugins = plugins
        self._licences = licences

    async def view(self, actor: Actor, plugin_id: str) -> LicenceView | None:
        """What is known of a plugin's key, None where none is stored. Admin only. Raises NotFound."""
        actor.require_admin()
        await self._plugins.get(actor, plugin_id)
        return self._licences.view(plugin_id)

    async def store(self, actor: Actor, plugin_id: str, key: str) -> LicenceView | None:
        """Stores a key and starts the plugin anew with it, also one that was given up. Admin only.

        Args:
            key: as it was sent; blanks around it do not matter.

        Raises:
            NotFound: there is no such plugin.
            StepUpNeeded: the admin must prove the second factor first.
            BadLicence: the key is no good, with the sentence that says why; an earlier one stays.
            Unavailable: it cannot be stored.
        """
        actor.require_admin()
        public_key = self._plugins.metadata(actor, plugin_id).license_public_key
        await self._licences.store(actor, plugin_id, key, public_key)
        await self._apply(actor, plugin_id)
        return self._licences.view(plugin_id)

    async def remove(self, actor: Actor, plugin_id: str) -> None:
        """Removes a key, also of a plugin whose file is gone, and starts the plugin anew without it. Admin only.

        Raises:
            NotFound: none is stored.
            StepUpNeeded, Unavailable: as `store`.
        """
        await self._licences.remove(actor, plugin_id)
        with contextlib.suppress(NotFound):
            await self._apply(actor, plugin_id)

    async def _apply(self, actor: Actor, plugin_id: str) -> None:
        plugin = await self._plugins.get(actor, plugin_id)
        if plugin.enabled:
            await self._plugins.restart(actor, plugin_id)
        elif plugin.state is PluginState.GIVEN_UP and self._licences.key_of(plugin_id) is not None:
            await self._plugins.enable(actor, plugin_id)
