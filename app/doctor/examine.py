"""Every check of the doctor, in the order in which they are told."""

from collections.abc import Callable, Iterator

from app.doctor import deployment, folders, machine, running
from app.doctor.findings import Finding, warn
from app.doctor.scene import Scene

CHECKS: tuple[Callable[[Scene], Iterator[Finding]], ...] = (
    machine.check_python,
    machine.check_packages,
    machine.check_sqlite,
    machine.check_programs,
    machine.check_user,
    machine.check_open_files,
    machine.check_memory,
    machine.check_clock,
    machine.check_temporary_folder,
    machine.check_watching,
    machine.check_leases,
    deployment.check_names,
    deployment.check_env_file,
    deployment.check_password,
    deployment.check_address,
    deployment.check_proxy,
    deployment.check_access,
    folders.check_data,
    folders.check_logs,
    folders.check_space,
    folders.check_scripts,
    folders.check_plugins,
    running.check_database,
    running.check_core,
    running.check_runner,
    running.check_port,
    running.check_service,
)


def examine(scene: Scene) -> Iterator[Finding]:
    """What each check finds; one that cannot look says so, and the others go on."""
    for check in CHECKS:
        try:
            yield from check(scene)
        except Exception as error:  # noqa: BLE001 - on a machine that is ill, anything may fail
            name = check.__name__.removeprefix("check_").replace("_", " ")
            told = " ".join(f"{error}".split()) or type(error).__name__
            yield warn(name, f"This cannot be looked at: {told}.", "Mend what is above first; try as who runs Toru.")
