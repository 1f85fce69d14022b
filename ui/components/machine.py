"""What the machine is made of, live: facts, cores, memory, disks, interfaces, processes. The browser does the work."""

from collections.abc import Sequence
from typing import Literal

from nicegui.element import Element

from ui.components.parts import LIVE
from ui.static import static_url

Fact = Literal[
    "host", "system", "kernel", "architecture", "processor", "cores", "memory", "uptime", "load", "processes"
]


class MachineFacts(Element, component="machine_facts.js", dependencies=list(LIVE)):
    """Names and values; what the machine lacks is left out."""

    def __init__(self, names: Sequence[Fact]) -> None:
        super().__init__()
        self.props["names"] = list(names)


class MachineCores(Element, component="machine_cores.js", dependencies=list(LIVE)):
    """Every processor core."""


class MachineMemory(Element, component="machine_memory.js", dependencies=list(LIVE)):
    """Memory and swap."""


class MachineDisks(Element, component="machine_disks.js", dependencies=list(LIVE)):
    """Every disk."""


class MachineInterfaces(Element, component="machine_interfaces.js", dependencies=list(LIVE)):
    """Every network interface with its rates."""


class MachineProcesses(Element, component="machine_processes.js", dependencies=list(LIVE)):
    """The heaviest processes, sortable by CPU and memory; read only while they are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.props["icons"] = static_url("icons.svg")


class MachineNotice(Element, component="machine_notice.js", dependencies=list(LIVE)):
    """Says when the live figures stand still; takes no room otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.props["icons"] = static_url("icons.svg")
