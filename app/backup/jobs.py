"""What a backup or an export is told about the deployment."""

from pathlib import Path
from typing import Final

from app.backup.schemas import Job
from app.core.config import Config

SECRET: Final = {"admin_password"}


def job_for(
    config: Config,
    kind: str,
    target: Path,
    scripts_dir: Path,
    made_at: str,
    *,
    outputs: bool,
    as_folder: bool = False,
) -> Job:
    """One of this deployment; its configuration is told without secrets."""
    shown = config.model_dump(mode="json", exclude=SECRET)
    return Job(
        kind=kind,
        data_dir=str(config.data_dir),
        plugins_dir=str(config.plugins_dir),
        scripts_dir=str(scripts_dir),
        log_dir=str(config.log_dir),
        target=str(target),
        outputs=outputs,
        made_at=made_at,
        as_folder=as_folder,
        configuration=tuple((name, str(value)) for name, value in shown.items()),
    )
