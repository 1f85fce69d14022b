"""REST of plugins: contract §1, /plugins, but for their logs and for what is handed on to them."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.access import ActorDep, AdminDep, ServicesDep
from app.core.errors import NotFound
from app.plugins.bundles import read_bundle
from app.plugins.headers import headers_for_plugin
from app.plugins.schemas import LicenceView, PluginProblem, PluginView
from app.plugins.values import ANYTHING, ValueCall
from app.plugins.wire import PluginRequest

router = APIRouter(prefix="/api", tags=["plugins"])

JAVASCRIPT = "application/javascript"


class Done(BaseModel):
    """It worked."""

    success: bool = True


class Options(BaseModel):
    """What an admin chose for a plugin."""

    pages_read_only: bool = Field(description="clients may only read what its pages keep")


class LicenseKey(BaseModel):
    """A licence key, as it was sent."""

    key: str = Field(max_length=4096, repr=False)


class License(BaseModel):
    """What is known of the stored key, null without one; never the key."""

    license: LicenceView | None


class PageTree(BaseModel):
    """The tree of a page; what its nodes may be is in plugins/PROTOCOL.md."""

    tree: dict[str, Any] | None


class KvCall(BaseModel):
    """One call of a plugin's page."""

    action: str = Field(max_length=20, description="get, set or delete")
    key: str
    value: str | None = Field(default=None, description="what to set")
    expected: str | None = Field(
        default=None, description="where it is sent: set or delete only when this is the value now, null for none"
    )


class KvAnswer(BaseModel):
    """The value, null where there is none."""

    value: str | None


@router.get("/plugins")
async def list_plugins(actor: ActorDep, services: ServicesDep) -> list[PluginView]:
    """Every plugin, by id."""
    return await services.plugins.list(actor)


@router.get("/plugin-problems")
async def list_problems(actor: AdminDep, services: ServicesDep) -> list[PluginProblem]:
    """Files of the plugins folder that are not run, and why."""
    return list(services.plugins.problems(actor))


@router.get("/plugins/{plugin_id}")
async def get_plugin(plugin_id: str, actor: ActorDep, services: ServicesDep) -> PluginView:
    """One plugin."""
    return await services.plugins.get(actor, plugin_id)


@router.post("/plugins/{plugin_id}/enable")
async def enable_plugin(plugin_id: str, actor: AdminDep, services: ServicesDep) -> Done:
    """Has a plugin run, now and after every start; also one that was given up."""
    await services.plugins.enable(actor, plugin_id)
    return Done()


@router.post("/plugins/{plugin_id}/disable")
async def disable_plugin(plugin_id: str, actor: AdminDep, services: ServicesDep) -> Done:
    """Ends a plugin for good."""
    await services.plugins.disable(actor, plugin_id)
    return Done()


@router.post("/plugins/{plugin_id}/restart")
async def restart_plugin(plugin_id: str, actor: AdminDep, services: ServicesDep) -> Done:
    """Ends the process of a plugin and starts another one."""
    await services.plugins.restart(actor, plugin_id)
    return Done()


@router.get("/plugins/{plugin_id}/bundle.js", response_class=Response, responses={200: {"content": {JAVASCRIPT: {}}}})
async def get_bundle(plugin_id: str, actor: ActorDep, services: ServicesDep) -> Response:
    """The JavaScript of a plugin's page: the file beside it, else what the running plugin says."""
    plugin = await services.plugins.get(actor, plugin_id)
    bundle = await read_bundle(services.config.plugins_dir, plugin_id) if plugin.enabled else None
    if bundle is None and plugin.enabled and plugin.running:
        request = PluginRequest("GET", "/bundle.js", headers_for_plugin((), actor))
        answer = await services.plugins.send(actor, plugin.route.removeprefix("/"), request)
        bundle = answer.body if answer.status == 200 else None
    if bundle is None:
        raise NotFound("This plugin has no page now.")
    return Response(bundle, media_type=JAVASCRIPT, headers={"Cache-Control": "no-store"})


@router.get("/plugins/{plugin_id}/page")
async def get_page(plugin_id: str, actor: ActorDep, services: ServicesDep) -> PageTree:
    """What the plugin's page shows now, as the WebSocket at the same address has it; null while it shows nothing."""
    return PageTree(tree=services.plugins.page(actor, plugin_id).tree(actor))


@router.post("/plugins/{plugin_id}/kv")
async def call_kv(plugin_id: str, body: KvCall, actor: ActorDep, services: ServicesDep) -> KvAnswer:
    """What the plugin's pages keep for their viewers; what the plugin keeps for itself cannot be reached here."""
    await services.plugins.get(actor, plugin_id)
    expected = body.expected if "expected" in body.model_fields_set else ANYTHING
    call = ValueCall(body.action, body.key, body.value, expected)
    return KvAnswer(value=await services.plugin_values.handle_page(actor, plugin_id, call))


@router.get("/plugins/{plugin_id}/options")
async def get_options(plugin_id: str, actor: ActorDep, services: ServicesDep) -> Options:
    """What an admin chose for the plugin."""
    await services.plugins.get(actor, plugin_id)
    return Options(pages_read_only=services.plugin_values.pages_read_only(plugin_id))


@router.put("/plugins/{plugin_id}/options")
async def put_options(plugin_id: str, body: Options, actor: AdminDep, services: ServicesDep) -> Options:
    """Decides whether clients may change what the plugin's pages keep."""
    await services.plugins.get(actor, plugin_id)
    await services.plugin_values.set_pages_read_only(actor, plugin_id, body.pages_read_only)
    return body


@router.get("/plugins/{plugin_id}/license")
async def get_license(plugin_id: str, actor: AdminDep, services: ServicesDep) -> License:
    """What is known of the plugin's licence key."""
    return License(license=await services.licences.view(actor, plugin_id))


@router.put("/plugins/{plugin_id}/license")
async def put_license(plugin_id: str, body: LicenseKey, actor: AdminDep, services: ServicesDep) -> License:
    """Stores a licence key, and restarts the plugin with it."""
    return License(license=await services.licences.store(actor, plugin_id, body.key))


@router.delete("/plugins/{plugin_id}/license", status_code=204)
async def delete_license(plugin_id: str, actor: AdminDep, services: ServicesDep) -> None:
    """Removes the licence key; everything else of the plugin stays."""
    await services.licences.remove(actor, plugin_id)
