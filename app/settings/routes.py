"""REST of settings: contract §1, /settings."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.access import AdminDep, ServicesDep

router = APIRouter(prefix="/api/settings", tags=["settings"])


class SettingValue(BaseModel):
    """A setting and its value, always text."""

    key: str
    value: str


class SettingList(BaseModel):
    """All settings."""

    settings: list[SettingValue]


class NewValue(BaseModel):
    """What a setting becomes."""

    value: str = Field(max_length=4096)


@router.get("")
async def list_settings(actor: AdminDep, services: ServicesDep) -> SettingList:
    """All settings with their values now."""
    return SettingList(settings=[SettingValue(key=s.key, value=s.value) for s in services.settings.list(actor)])


@router.put("/{key}")
async def put_setting(key: str, body: NewValue, actor: AdminDep, services: ServicesDep) -> SettingValue:
    """Changes one setting; it takes effect at once."""
    changed = await services.settings.put(actor, key, body.value)
    return SettingValue(key=changed.key, value=changed.value)
