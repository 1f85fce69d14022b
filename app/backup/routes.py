"""REST of backups: /api/backups."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, SecretStr

from app.access import AdminDep, ServicesDep
from app.backup.schemas import BackupState

router = APIRouter(prefix="/api/backups", tags=["backups"])

Name = Annotated[str, Path(max_length=100, description="a name of GET /api/backups")]
BINARY = "application/octet-stream"


class BackupRequest(BaseModel):
    """A backup to make."""

    outputs: bool | None = Field(default=None, description="with what runs printed; as the settings say when absent")
    passphrase: SecretStr | None = Field(
        default=None, max_length=1024, description="encrypts it; the one that is kept on the machine when absent"
    )


class BackupBegun(BaseModel):
    """It is being made; GET /api/backups tells when it is there."""

    name: str


@router.get("")
async def list_backups(actor: AdminDep, services: ServicesDep) -> BackupState:
    """The backups, newest first, when the next one is due, and whether the newest try worked."""
    return await services.backups.state(actor)


@router.post("", status_code=202)
async def make_backup(body: BackupRequest, actor: AdminDep, services: ServicesDep) -> BackupBegun:
    """Begins a backup."""
    passphrase = None if body.passphrase is None else body.passphrase.get_secret_value()
    path = await services.backups.start(actor, outputs=body.outputs, passphrase=passphrase)
    return BackupBegun(name=path.name)


@router.get("/{name}", response_class=FileResponse, responses={200: {"content": {BINARY: {}}}})
async def download_backup(name: Name, actor: AdminDep, services: ServicesDep) -> FileResponse:
    """A backup as a file. Whoever has it unencrypted has everything."""
    path = await services.backups.download(actor, name)
    return FileResponse(path, media_type=BINARY, filename=name, headers={"Cache-Control": "no-store"})


@router.delete("/{name}", status_code=204)
async def delete_backup(name: Name, actor: AdminDep, services: ServicesDep) -> None:
    """Removes a backup."""
    await services.backups.delete(actor, name)
