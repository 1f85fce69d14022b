"""The system page: everything that the machine shows of itself, live."""

from app.core.permissions import Actor, Role
from app.services import Services
from ui.components.card import card, grid
from ui.components.machine import (
    MachineCores,
    MachineDisks,
    MachineFacts,
    MachineInterfaces,
    MachineMemory,
    MachineNotice,
    MachineProcesses,
)
from ui.page import Page

PAGE = Page(path="/system-monitor", title="System", icon="activity", role=Role.CLIENT, menu=True, bar=True)


async def build(services: Services, actor: Actor) -> None:
    """Nothing here is asked of the server's services: the browser follows the monitor's own doors."""
    MachineNotice()
    with grid():
        with card("Processor cores", icon="cpu", classes="span-8"):
            MachineCores()
        with card("Memory and swap", icon="memory-stick", classes="span-4"):
            MachineMemory()
        with card("Network", icon="network", classes="span-8 flush"):
            MachineInterfaces()
        with card("Disks", icon="hard-drive", classes="span-4"):
            MachineDisks()
        with card("Processes", "CPU as a share of one core", icon="list", classes="span-8 flush"):
            MachineProcesses()
        with card("Kernel and host", icon="server", classes="span-4"):
            MachineFacts(
                [
                    "host",
                    "system",
                    "kernel",
                    "architecture",
                    "processor",
                    "cores",
                    "memory",
                    "uptime",
                    "load",
                    "processes",
                ]
            )
